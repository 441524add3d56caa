"""Which @context holds: GS CIM 009 §5.5.7, §6.3.5, §6.3.6."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import orjson
import pytest

from broker.names import CORE_CONTEXT

pytestmark = pytest.mark.http

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
JSON_LD = {"Content-Type": "application/ld+json"}
DOCUMENT = {"@context": {"Car": "https://example.org/Car", "speed": "https://example.org/speed"}}


class _Handler(BaseHTTPRequestHandler):
    """Serves the document at /context, HTML at /html, a list at /invalid; nothing else."""

    def do_GET(self) -> None:
        bodies = {"/context": orjson.dumps(DOCUMENT), "/html": b"<html>", "/invalid": b'{"@context": {"a": 5}}'}
        body = bodies.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as contexts:
        thread = Thread(target=contexts.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{contexts.server_port}"
        contexts.shutdown()


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with serving() as url:
        yield url


def link(url: str) -> dict[str, str]:
    return {"Link": f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}


def car(entity_id: str, **members: Any) -> dict[str, Any]:
    return {"id": entity_id, "type": "Car", "speed": {"type": "Property", "value": 5}, **members}


def members(api: httpx2.Client, entity_id: str, **headers: str) -> set[str]:
    found: dict[str, Any] = api.get(f"/entities/{entity_id}?format=keyValues", headers=headers).json()
    return {found["type"], *found} - {"id", "type"}


@pytest.fixture
def stored(api: httpx2.Client, new_id: str, host: str) -> str:
    """An entity written with the served context."""
    assert api.post("/entities", json=car(new_id), headers=link(f"{host}/context")).status_code == 201
    return new_id


def test_json_is_read_with_the_context_of_its_link(api: httpx2.Client, stored: str) -> None:
    assert members(api, stored) == {"https://example.org/Car", "https://example.org/speed"}


def test_json_without_a_link_is_read_with_the_default_context(api: httpx2.Client, new_id: str, host: str) -> None:
    api.post("/entities", json=car(new_id))
    assert members(api, new_id) == {"Car", "speed"}
    expanded = {f"{DEFAULT}Car", f"{DEFAULT}speed"}
    shortened = {"ngsi-ld:default-context/Car", "ngsi-ld:default-context/speed"}
    assert members(api, new_id, **link(f"{host}/context")) in (expanded, shortened)


@pytest.mark.parametrize("as_list", [False, True])
def test_json_ld_is_read_with_its_own_context(api: httpx2.Client, new_id: str, host: str, as_list: bool) -> None:
    url = f"{host}/context"
    body = car(new_id, **{"@context": [url, CORE_CONTEXT] if as_list else url})
    assert api.post("/entities", json=body, headers=JSON_LD).status_code == 201
    assert members(api, new_id, **link(url)) == {"Car", "speed"}


def test_an_inline_context_holds(api: httpx2.Client, new_id: str) -> None:
    body = car(new_id, **{"@context": DOCUMENT["@context"]})
    assert api.post("/entities", json=body, headers=JSON_LD).status_code == 201
    assert members(api, new_id) == {"https://example.org/Car", "https://example.org/speed"}


def test_a_json_answer_names_its_context_in_a_link(api: httpx2.Client, stored: str, host: str) -> None:
    answer = api.get(f"/entities/{stored}", headers=link(f"{host}/context"))
    assert answer.headers["link"] == link(f"{host}/context")["Link"]
    assert "@context" not in answer.json()
    assert answer.json()["type"] == "Car"
    assert api.get(f"/entities/{stored}").headers["link"] == link(CORE_CONTEXT)["Link"]


def test_a_json_ld_answer_holds_its_context(api: httpx2.Client, stored: str, host: str) -> None:
    headers = {"Accept": "application/ld+json"}
    answer = api.get(f"/entities/{stored}", headers=headers | link(f"{host}/context"))
    assert "link" not in answer.headers
    assert answer.json()["@context"] == f"{host}/context"
    assert api.get(f"/entities/{stored}", headers=headers).json()["@context"] == CORE_CONTEXT


def test_each_entity_of_a_json_ld_list_holds_its_context(api: httpx2.Client, stored: str, host: str) -> None:
    headers = {"Accept": "application/ld+json"} | link(f"{host}/context")
    found = api.get("/entities?type=Car&limit=100", headers=headers).json()
    assert stored in [entity["id"] for entity in found]
    assert {entity["@context"] for entity in found} == {f"{host}/context"}


def test_a_type_is_read_with_the_context_of_the_query(api: httpx2.Client, stored: str, host: str) -> None:
    def ids(**headers: str) -> list[str]:
        return [entity["id"] for entity in api.get("/entities?type=Car&limit=100", headers=headers).json()]

    assert stored in ids(**link(f"{host}/context"))
    assert stored not in ids()


def test_a_fragment_is_read_with_its_own_context(api: httpx2.Client, stored: str, host: str) -> None:
    fragment = {"speed": {"type": "Property", "value": 9}}
    api.patch(f"/entities/{stored}/attrs", json=fragment)
    api.patch(f"/entities/{stored}/attrs", json=fragment | {"@context": f"{host}/context"}, headers=JSON_LD)
    found = api.get(f"/entities/{stored}?format=keyValues").json()
    assert (found["speed"], found["https://example.org/speed"]) == (9, 9)


@pytest.mark.parametrize(
    ("headers", "context"),
    [
        ({}, CORE_CONTEXT),
        ({}, {"a": "urn:a"}),
        (link(CORE_CONTEXT), CORE_CONTEXT),
        (JSON_LD, None),
        (JSON_LD | link(CORE_CONTEXT), None),
        (JSON_LD | link(CORE_CONTEXT), CORE_CONTEXT),
        (JSON_LD, {"speed": 5}),
        (JSON_LD, 5),
        (JSON_LD, {"@version": 1.0}),
        ({"Link": f"{link(CORE_CONTEXT)['Link']}, {link('https://example.org/b')['Link']}"}, None),
        (link("context.jsonld"), None),
    ],
)
def test_a_context_in_the_wrong_place_or_form_is_refused(
    api: httpx2.Client, new_id: str, headers: dict[str, str], context: Any
) -> None:
    body = car(new_id) if context is None else car(new_id, **{"@context": context})
    answer = api.post("/entities", json=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")


def test_a_malformed_link_is_an_invalid_request(api: httpx2.Client) -> None:
    answer = api.get("/entities?type=A", headers={"Link": "https://example.org"})
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "InvalidRequest")


def test_another_link_names_no_context(api: httpx2.Client, stored: str) -> None:
    answer = api.get(f"/entities/{stored}", headers={"Link": '<https://example.org/>; rel="next"'})
    assert answer.headers["link"] == link(CORE_CONTEXT)["Link"]


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/missing", 504, "LdContextNotAvailable"),
        ("/html", 400, "BadRequestData"),
        ("/invalid", 400, "BadRequestData"),
    ],
)
def test_a_context_that_cannot_be_had_is_504_and_one_that_is_none_is_400(
    api: httpx2.Client, new_id: str, host: str, path: str, status: int, name: str
) -> None:
    for headers, body in (
        (link(host + path), car(new_id)),
        (JSON_LD, car(new_id, **{"@context": host + path})),
    ):
        answer = api.post("/entities", json=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + name)
