"""Data models and their rules below /admin/v1, as the tenant of the header has them."""

from typing import Any, Final

import httpx2
import pytest

pytestmark = pytest.mark.http

ID: Final = "urn:ngsi-ld:Bench:1"
SCHEMA: Final = {"type": "object", "properties": {"seats": {"type": "integer", "maximum": 8}}}
BENCH: Final = "https://uri.etsi.org/ngsi-ld/default-context/Bench"


@pytest.fixture
def benches(fresh: httpx2.Client, admin: httpx2.Client) -> tuple[httpx2.Client, dict[str, str]]:
    """A client of a tenant with a bench, and the header that names the tenant."""
    fresh.post("/entities", json={"id": ID, "type": "Bench", "seats": 4})
    return fresh, {"NGSILD-Tenant": fresh.headers["NGSILD-Tenant"]}


def sit(client: httpx2.Client, seats: int) -> httpx2.Response:
    return client.patch(f"/entities/{ID}/attrs", json={"seats": seats})


def test_a_model_is_set_shown_listed_and_removed(
    benches: tuple[httpx2.Client, dict[str, str]], admin: httpx2.Client
) -> None:
    client, tenant = benches
    assert admin.put("/models/Bench", json={"schema": SCHEMA, "mode": "warn"}, headers=tenant).status_code == 204
    assert "NGSILD-Warning" in sit(client, 9).headers
    (violating,) = admin.get("/violations", headers=tenant).json()
    assert (violating["entity_id"], violating["violations"][0]["pointer"]) == (ID, "/seats")
    shown = admin.get("/models/Bench", headers=tenant).json()
    assert (shown["type"], shown["schema"]) == (BENCH, SCHEMA)
    first = admin.get("/models", headers=tenant).json()[0]
    assert first == {"type": BENCH, "name": "Bench", "domain": "", "mode": "warn", "violations": 1}

    assert admin.put("/models/Bench", json={"mode": "strict"}, headers=tenant).status_code == 204
    assert sit(client, 10).status_code == 400
    assert admin.delete("/models/Bench", headers=tenant).status_code == 204
    assert sit(client, 10).status_code == 204
    assert admin.get("/models/Bench", headers=tenant).status_code == 404


def test_the_context_of_the_request_says_what_the_names_mean(
    benches: tuple[httpx2.Client, dict[str, str]], admin: httpx2.Client
) -> None:
    client, tenant = benches
    context = {"Bank": BENCH, "plaetze": BENCH.replace("Bench", "seats")}
    body = {
        "@context": context,
        "mode": "strict",
        "schema": {"properties": {"plaetze": {"type": "integer", "maximum": 8}}},
    }
    json_ld = {"Content-Type": "application/ld+json", **tenant}
    assert admin.put("/models/Bank", json=body, headers=json_ld).status_code == 204
    assert sit(client, 9).json()["violations"][0]["pointer"] == "/plaetze"


def test_a_model_that_ships_is_ruled_by_name_and_by_iri(
    benches: tuple[httpx2.Client, dict[str, str]], admin: httpx2.Client
) -> None:
    _, tenant = benches
    for name in ("Alert", "https:%2F%2Fsmartdatamodels.org%2FdataModel.Alert%2FAlert"):
        assert admin.put(f"/models/{name}", json={"mode": "strict"}, headers=tenant).status_code == 204
    assert admin.get("/models/Alert", headers=tenant).json()["domain"] == "cross-domain"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "no object"),
        ({}, "no object"),
        ({"mode": "perhaps"}, "Member mode"),
        ({"mode": []}, "Member mode"),
        ({"schema": []}, "Member schema"),
        ({"schema": {"type": "thing"}}, "is none"),
        ({"schema": {"$ref": "https://example.com/x"}}, "does not ship"),
        ({"schema": {"$ref": "#/nowhere"}}, "where nothing is"),
        ({"schema": {"pattern": "("}}, "is none"),
        ({"schema": {}, "units": {"seats": "C62"}}, "Member units"),
        ({"units": {}}, "Member units"),
        ({"schema": {}, "targets": {"refPark": []}}, "Member targets"),
        ({"schema": {}, "targets": {"refPark": ["a b"]}}, "'a b' is not allowed"),
        ({"schema": {}, "units": {"a b": ["C62"]}}, "'a b' is not allowed"),
        ({"targets": {}}, "Member targets"),
        ({"mode": "off", "more": 1}, "nothing else"),
    ],
)
def test_what_is_no_rule_is_refused(
    benches: tuple[httpx2.Client, dict[str, str]], admin: httpx2.Client, body: Any, words: str
) -> None:
    answer = admin.put("/models/Bench", json=body, headers=benches[1])
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


PARK: Final = "https://smartdatamodels.org/dataModel.PointOfInterest/PointOfInterest"


@pytest.mark.parametrize("target", ["PointOfInterest", PARK])
def test_relationships_are_held_to_the_types_that_they_point_to(
    benches: tuple[httpx2.Client, dict[str, str]], admin: httpx2.Client, target: str
) -> None:
    client, tenant = benches
    body = {"schema": {"properties": {"seats": {"type": "integer"}}}, "targets": {"refPark": [target]}}
    assert admin.put("/models/Bench", json=body | {"mode": "strict"}, headers=tenant).status_code == 204
    url = f"/entities/{ID}/attrs"
    wrong = client.post(url, json={"refPark": {"object": "urn:ngsi-ld:Vehicle:1"}})
    expected = {"pointer": "/refPark", "expectation": "the id of PointOfInterest", "value": "urn:ngsi-ld:Vehicle:1"}
    assert wrong.json()["violations"] == [expected]
    for right in ("urn:ngsi-ld:PointOfInterest:1", "https://example.com/parks/1"):
        assert client.post(url, json={"refPark": {"object": right}}).status_code == 204


@pytest.mark.parametrize("url", ["/models", "/violations", "/models/Alert"])
def test_a_tenant_that_is_not_there_has_none(admin: httpx2.Client, url: str) -> None:
    assert admin.get(url, headers={"NGSILD-Tenant": "nobody"}).json()["type"].endswith("/NonexistentTenant")
