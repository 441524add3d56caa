"""Rows CX of docs/conformance.md: which @context holds, and what HTTP asks (GS CIM 009 §4.4, §5.5.7, §6.3.4–§6.3.6)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from broker.names import CORE_CONTEXT
from tests.conformance.documents import Documents, serving
from tests.conformance.exchange import (
    BAD_REQUEST_DATA,
    ERRORS,
    POINT,
    Json,
    content,
    context_link,
    create,
    done,
    entity,
    refusal,
)
from tests.conftest import new_tenant, tenant_client, wait_for
from tests.conftest import serving as serving_broker

pytestmark = pytest.mark.http

EXAMPLE = "https://example.org/"
TERMS: Json = {"Vehicle": f"{EXAMPLE}Vehicle", "speed": f"{EXAMPLE}speed", "electric": f"{EXAMPLE}electric"}
EXPANDED: Json = {"type": "Property", "value": 5}
JSON_LD = {"Content-Type": "application/ld+json"}


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    with serving() as documents:
        yield documents


@pytest.fixture(scope="module")
def terms(documents: Documents) -> str:
    """The URL of a context of three terms."""
    return documents.serve("/terms", TERMS)


@pytest.fixture
def stored(api: httpx2.Client, new_id: str) -> str:
    """An entity whose names are IRIs below EXAMPLE."""
    body = {"id": new_id, "type": f"{EXAMPLE}Vehicle", f"{EXAMPLE}speed": 5}
    assert api.post("/entities", json=body).status_code == 201
    return new_id


# CX-01


def test_a_link_names_the_context_of_a_read(api: httpx2.Client, stored: str, terms: str) -> None:
    """CX-01, §6.3.5: of the type, the attributes, and of what is shown."""
    query = "type=Vehicle&pick=id,type,speed"
    assert entity(api, stored, query, **context_link(terms)) == {"id": stored, "type": "Vehicle", "speed": EXPANDED}
    assert api.get(f"/entities/{stored}?{query}").status_code == 404
    listed = api.get(f"/entities?id={stored}&type=Vehicle", headers=context_link(terms)).json()
    assert [each["id"] for each in listed] == [stored]


def test_a_link_names_the_context_of_a_deletion(api: httpx2.Client, stored: str, terms: str) -> None:
    """CX-01, §6.3.5."""
    attribute = f"/entities/{stored}/attrs/speed"
    assert api.delete(attribute).status_code == 404
    done(api.delete(attribute, headers=context_link(terms)))
    assert api.delete(f"/entities/{stored}?type=Vehicle").status_code == 404
    done(api.delete(f"/entities/{stored}?type=Vehicle", headers=context_link(terms)))


# CX-03


def test_a_geojson_answer_holds_its_context(api: httpx2.Client, new_id: str, terms: str) -> None:
    """CX-03, §6.3.6: in the body, unless body=json is preferred (RP-10)."""
    create(api, new_id, location=POINT)
    accept = {"Accept": "application/geo+json"}
    assert entity(api, new_id, **accept, **context_link(terms))["@context"] == terms
    listed = api.get(f"/entities?type=Vehicle&id={new_id}&local=true", headers=accept)
    assert listed.json()["@context"] == CORE_CONTEXT
    assert "link" not in listed.headers


def test_an_answer_without_a_body_names_no_context(api: httpx2.Client, new_id: str, terms: str) -> None:
    """CX-03, §6.3.6: bodyless successes and errors have no Link."""
    create(api, new_id, speed=1)
    answers = [
        api.post("/entities", json={"id": f"{new_id}:2", "type": "T"}, headers=context_link(terms)),
        api.patch(f"/entities/{new_id}/attrs", json={"speed": 2}, headers=context_link(terms)),
        api.get(f"/entities/{new_id}:no", headers=context_link(terms)),
        api.delete(f"/entities/{new_id}", headers=context_link(terms)),
    ]
    assert [answer.status_code for answer in answers] == [201, 204, 404, 204]
    assert not any("link" in answer.headers for answer in answers)


# CX-04


@pytest.mark.parametrize("core_at", ["none", "first", "last", "old"])
def test_no_context_overrides_the_core(api: httpx2.Client, new_id: str, core_at: str) -> None:
    """CX-04, §4.4, §5.5.7: the core @context is protected, and prevails wherever it stands."""
    mine = {name: EXAMPLE + name for name in ("location", "observedAt", "Property", "value", "speed", "createdAt")}
    old = CORE_CONTEXT.replace("v1.9", "v1.3")
    context: Any = {"none": mine, "first": [CORE_CONTEXT, mine], "last": [mine, CORE_CONTEXT], "old": [old, mine]}
    speed = {"type": "Property", "value": 5, "observedAt": "2024-05-01T12:00:00Z"}
    body = {"id": new_id, "type": "Vehicle", "location": POINT, "speed": speed, "@context": context[core_at]}
    answer = api.post("/entities", json=body, headers=JSON_LD)
    assert answer.status_code == 201, answer.text
    assert content(api, new_id) == {"location": {"type": "GeoProperty", "value": POINT}, f"{EXAMPLE}speed": speed}


# CX-05


def test_without_a_context_names_are_of_the_default_vocabulary(api: httpx2.Client, new_id: str) -> None:
    """CX-05, §4.4, §5.5.7: unmapped terms expand below the default vocabulary; the answer names the core @context."""
    create(api, new_id, speed=5, description="x")
    vocabulary = "https://uri.etsi.org/ngsi-ld/default-context/"
    mapped = {"Vehicle": f"{vocabulary}Vehicle", "pace": f"{vocabulary}speed", "text": "http://purl.org/dc/terms/x"}
    answer = api.get(f"/entities/{new_id}")
    assert answer.headers["link"] == context_link(CORE_CONTEXT)["Link"]
    done(api.patch(f"/entities/{new_id}/attrs", json={"pace": 6, "@context": mapped}, headers=JSON_LD))
    assert content(api, new_id, "format=simplified") == {"speed": 6, "description": "x"}


def test_the_operator_may_name_the_default_context(documents: Documents, tmp_path: Path) -> None:
    """CX-05, §5.5.7: a default user @context for requests that name none; the core @context still prevails."""
    own = documents.serve("/default", {**TERMS, "location": f"{EXAMPLE}location"})
    with serving_broker(tmp_path, default_context=own) as broker:
        wait_for(broker, "/ready")
        with tenant_client(broker, new_tenant()) as api:
            create(api, "urn:ngsi-ld:Vehicle:1", speed=5, location=POINT)
            answer = api.get("/entities/urn:ngsi-ld:Vehicle:1?format=simplified")
            assert answer.headers["link"] == context_link(own)["Link"]
            assert answer.json() == {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": 5, "location": POINT}
            plain = entity(api, "urn:ngsi-ld:Vehicle:1", "format=simplified", **context_link(CORE_CONTEXT))
            assert plain.keys() == {"id", "type", f"{EXAMPLE}speed", "location"}


# CX-06


def test_names_are_compacted_by_the_context_of_the_request(
    api: httpx2.Client, stored: str, documents: Documents
) -> None:
    """CX-06, §5.5.7: by that of this request, never by the one of the write."""
    other = documents.serve("/other", {"Auto": f"{EXAMPLE}Vehicle", "tempo": f"{EXAMPLE}speed"})
    assert entity(api, stored, **context_link(other)) == {"id": stored, "type": "Auto", "tempo": EXPANDED}


def test_a_name_that_the_context_lacks_is_an_iri(api: httpx2.Client, stored: str, documents: Documents) -> None:
    """CX-06, §5.5.7: the whole IRI, or a compact one where the context has a prefix for it."""
    assert entity(api, stored) == {"id": stored, "type": f"{EXAMPLE}Vehicle", f"{EXAMPLE}speed": EXPANDED}
    prefix = documents.serve("/prefix", {"ex": EXAMPLE})
    assert entity(api, stored, **context_link(prefix)) == {"id": stored, "type": "ex:Vehicle", "ex:speed": EXPANDED}


# CX-07


def test_contexts_are_arrays_objects_and_documents_that_name_others(
    api: httpx2.Client, new_id: str, documents: Documents, terms: str
) -> None:
    """CX-07, §4.4, JSON-LD 1.1 §3.1: later ones prevail over earlier ones; relative references are the document's."""
    nested = documents.serve("/folder/nested", ["../terms", {"speed": f"{EXAMPLE}nested/speed"}])
    context: list[Any] = [{"speed": "urn:x:first"}, nested, {"Vehicle": f"{EXAMPLE}own/Vehicle"}, CORE_CONTEXT]
    body = {"id": new_id, "type": "Vehicle", "speed": {"type": "VocabProperty", "vocab": "electric"}}
    assert api.post("/entities", json=body | {"@context": context}, headers=JSON_LD).status_code == 201
    vocab = {"type": "VocabProperty", "vocab": f"{EXAMPLE}electric"}
    expected = {"id": new_id, "type": f"{EXAMPLE}own/Vehicle", f"{EXAMPLE}nested/speed": vocab}
    assert entity(api, new_id) == expected


# CX-09


@pytest.mark.parametrize(
    "context",
    [
        {"speed": {"@id": f"{EXAMPLE}speed", "@context": {"x": f"{EXAMPLE}x"}}},
        [{"a": f"{EXAMPLE}a"}, {"Vehicle": {"@id": f"{EXAMPLE}Vehicle", "@context": {"x": f"{EXAMPLE}x"}}}],
    ],
)
def test_a_user_context_scopes_no_other(api: httpx2.Client, new_id: str, documents: Documents, context: Any) -> None:
    """CX-09, §5.5.7: scoped contexts are refused, inline and remote."""
    body = {"id": new_id, "type": "Vehicle", "speed": 5}
    answer = api.post("/entities", json=body | {"@context": context}, headers=JSON_LD)
    assert refusal(answer) == BAD_REQUEST_DATA
    url = documents.serve(f"/scoped/{new_id}", context)
    assert refusal(api.post("/entities", json=body, headers=context_link(url))) == BAD_REQUEST_DATA


@pytest.mark.parametrize("media", ["application/json", "application/ld+json"])
def test_an_attribute_holds_no_context(api: httpx2.Client, new_id: str, media: str) -> None:
    """CX-09, §4.5.1, §5.5.7."""
    body: Json = {"id": new_id, "type": "Vehicle", "speed": {"type": "Property", "value": 5, "@context": TERMS}}
    if media == "application/ld+json":
        body["@context"] = CORE_CONTEXT
    assert refusal(api.post("/entities", json=body, headers={"Content-Type": media})) == BAD_REQUEST_DATA


# CX-10


@pytest.mark.parametrize(
    "headers", [{"Cache-Control": "max-age=3600"}, {"Cache-Control": "s-maxage=3600, max-age=0"}, {}]
)
def test_a_context_is_fetched_once_while_it_is_fresh(
    api: httpx2.Client, new_id: str, documents: Documents, headers: dict[str, str]
) -> None:
    """CX-10, §5.5.7, RFC 9111 §4.2."""
    path = f"/fresh/{new_id}"
    url = documents.serve(path, TERMS, **headers)
    create(api, new_id)
    for _ in range(5):
        assert api.get(f"/entities/{new_id}", headers=context_link(url)).status_code == 200
    assert 1 <= documents.fetched[path] <= 2, "once by each worker"


# CX-13, CX-14


@pytest.mark.parametrize("path", ["", "/attrs", "/attrs/speed"])
def test_a_merge_patch_is_json(api: httpx2.Client, new_id: str, path: str) -> None:
    """CX-13, §6.3.4: application/merge-patch+json on every PATCH, as application/json."""
    create(api, new_id, speed=5)
    fragment = b'{"value": 6}' if path == "/attrs/speed" else b'{"speed": {"type": "Property", "value": 6}}'
    headers = {"Content-Type": "application/merge-patch+json"}
    done(api.patch(f"/entities/{new_id}{path}", content=fragment, headers=headers))
    assert content(api, new_id, "format=simplified") == {"speed": 6}


@pytest.mark.parametrize("accept", ["application/ld+json", "application/json", "*/*"])
def test_errors_are_json_whatever_is_accepted(api: httpx2.Client, new_id: str, accept: str) -> None:
    """CX-14, §6.3.6: errors and 207 bodies are application/json, and name no @context."""
    create(api, new_id, speed=5)
    headers = {"Accept": accept}
    answers = [
        api.get(f"/entities/{new_id}:no", headers=headers),
        api.post("/entities", json={"id": new_id, "type": "Vehicle"}, headers=headers),
        api.post("/entities", content=b"{", headers=headers),
        api.post("/entityOperations/create", json=[{"id": new_id, "type": "Vehicle"}], headers=headers),
        api.post(f"/entities/{new_id}/attrs?options=noOverwrite", json={"speed": 6}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [404, 409, 400, 207, 207]
    for answer in answers:
        assert answer.headers["content-type"] == "application/json"
        assert "link" not in answer.headers
        assert "@context" not in answer.json()


def test_an_error_of_a_geojson_request_is_json(api: httpx2.Client, new_id: str) -> None:
    """CX-14, §6.3.6."""
    create(api, new_id)
    headers = {"Accept": "application/geo+json"}
    assert refusal(api.get(f"/entities/{new_id}:no", headers=headers)) == (404, "ResourceNotFound")


def test_partial_results_have_whole_names(api: httpx2.Client, new_id: str, terms: str) -> None:
    """CX-14, §6.3.6: 207 bodies name attributes by their IRIs."""
    create(api, new_id, **{f"{EXAMPLE}speed": 5})
    url = f"/entities/{new_id}/attrs?options=noOverwrite"
    result = api.post(url, json={"speed": 6, "colour": "red"}, headers=context_link(terms)).json()
    assert result["updated"] == ["https://uri.etsi.org/ngsi-ld/default-context/colour"]
    assert [each["attributeName"] for each in result["notUpdated"]] == [f"{EXAMPLE}speed"]
    batch = [{"id": new_id, "type": "Vehicle"}]
    (error,) = api.post("/entityOperations/create", json=batch, headers=context_link(terms)).json()["errors"]
    assert (error["entityId"], error["error"]["type"]) == (new_id, f"{ERRORS}AlreadyExists")
