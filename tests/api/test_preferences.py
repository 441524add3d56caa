"""The Prefer header: RFC 7240 §2, GS CIM 009 §6.3.6, §4.3.6.8."""

import httpx2
import pytest

from broker.api.preferences import NONE, Preferences, preferences

VOCAB = {"type": "VocabProperty", "vocab": "electric"}
PROPERTY = {"type": "Property", "value": "electric"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, NONE),
        (b"", NONE),
        (b"respond-async, wait=10", NONE),
        (b"body=json", Preferences("json")),
        (b'body="ld+json"', Preferences("ld+json")),
        (b"ngsi-ld=1.5", Preferences(version=(1, 5))),
        (b'NGSI-LD="1.10"', Preferences(version=(1, 10))),
        (b"ngsi-ld=1.8.1", Preferences(version=(1, 8))),
        (b"body=json, ngsi-ld=1.6;foo=bar", Preferences("json", (1, 6))),
        # the first counts
        (b"ngsi-ld=1.6, ngsi-ld=1.3", Preferences(version=(1, 6))),
        # what cannot be read is ignored
        (b"ngsi-ld=1", NONE),
        (b"ngsi-ld=latest", NONE),
        (b"ngsi-ld=" + b"9" * 2000, NONE),
        ("ngsi-ld=١.٥".encode(), NONE),
        (b"\xff\x00=,;", NONE),
    ],
)
def test_preferences(header: bytes | None, expected: Preferences) -> None:
    assert preferences(header) == expected


def create(api: httpx2.Client, new_id: str, **members: object) -> str:
    assert api.post("/entities", json={"id": new_id, "type": "Vehicle", **members}).status_code == 201
    return f"/entities/{new_id}"


@pytest.mark.http
def test_an_entity_is_amended_to_the_version_that_is_preferred(api: httpx2.Client, new_id: str) -> None:
    url = create(api, new_id, fuel=VOCAB)
    for path in (url, f"/entities?type=Vehicle&id={new_id}"):
        answer = api.get(path, headers={"Prefer": "ngsi-ld=1.5"})
        body = answer.json() if path == url else answer.json()[0]
        assert (answer.status_code, answer.headers["preference-applied"]) == (203, "ngsi-ld=1.5")
        assert answer.headers["vary"] == "Prefer"
        assert body["fuel"] == PROPERTY
        assert "link" in answer.headers


@pytest.mark.http
@pytest.mark.parametrize(("preferred", "applied"), [("1.9", "1.9"), ("2.0", "1.9"), ("1.8", "1.8")])
def test_what_need_not_be_amended_is_200(api: httpx2.Client, new_id: str, preferred: str, applied: str) -> None:
    url = create(api, new_id, fuel=VOCAB, expiresAt="2099-01-01T00:00:00Z")
    answer = api.get(url, headers={"Prefer": f"ngsi-ld={preferred}"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, f"ngsi-ld={applied}")
    assert answer.json()["fuel"] == VOCAB


@pytest.mark.http
def test_altered_is_what_is_shown(api: httpx2.Client, new_id: str) -> None:
    url = create(api, new_id, fuel=VOCAB, expiresAt="2099-01-01T00:00:00Z")
    prefer = {"Prefer": "ngsi-ld=1.8"}
    assert api.get(f"{url}?options=sysAttrs", headers=prefer).status_code == 203
    assert api.get(f"{url}?options=sysAttrs&pick=id", headers=prefer).status_code == 203
    assert api.get(url, headers=prefer).status_code == 200


@pytest.mark.http
def test_preferences_combine(api: httpx2.Client, new_id: str) -> None:
    url = create(api, new_id, fuel=VOCAB)
    answer = api.get(url, headers={"Accept": "application/geo+json", "Prefer": "body=json, ngsi-ld=1.7"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (203, "ngsi-ld=1.7")
    assert answer.json()["properties"]["fuel"] == PROPERTY
    assert "@context" not in answer.json()
    assert "link" in answer.headers


@pytest.mark.http
@pytest.mark.parametrize("prefer", [None, "body=ld+json"])
def test_geojson_has_its_context_in_the_body_unless_it_prefers_not_to(
    api: httpx2.Client, new_id: str, prefer: str | None
) -> None:
    url = create(api, new_id)
    answer = api.get(url, headers={"Accept": "application/geo+json"} | ({"Prefer": prefer} if prefer else {}))
    assert "@context" in answer.json()
    assert "link" not in answer.headers


@pytest.mark.http
def test_jsonld_is_amended_and_keeps_its_context(api: httpx2.Client, new_id: str) -> None:
    url = create(api, new_id, fuel=VOCAB)
    answer = api.get(url, headers={"Accept": "application/ld+json", "Prefer": "ngsi-ld=1.7"})
    assert answer.status_code == 203
    assert {"@context", "fuel"} <= answer.json().keys()


@pytest.mark.http
def test_a_write_may_name_the_version_of_its_payload(api: httpx2.Client, new_id: str) -> None:
    profile = '<https://uri.etsi.org/ngsi-ld/profile/version>; rel="profile"; version="1.5"'
    body = {"id": new_id, "type": "Vehicle", "speed": PROPERTY}
    assert api.post("/entities", json=body, headers={"Link": profile}).status_code == 201
    jsonld = {"Link": profile, "Content-Type": "application/ld+json"}
    fragment = {"speed": PROPERTY, "@context": "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.5.jsonld"}
    assert api.patch(f"/entities/{new_id}/attrs", json=fragment, headers=jsonld).status_code == 204
