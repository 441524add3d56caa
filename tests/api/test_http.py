"""What HTTP itself asks of every operation: GS CIM 009 §6.3.2–§6.3.4, §6.3.20; RFC 9110."""

from collections.abc import Iterator

import httpx2
import pytest

from broker.api.operation import Operation
from broker.api.operations import OPERATIONS
from broker.names import GEO_JSON, JSON, JSON_LD, MERGE_PATCH
from tests.api.table import WITH_BODY, body_of, methods_at, name_of, path_of
from tests.conftest import OPERATOR, RunningBroker

pytestmark = pytest.mark.http

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
TABLE = pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
BODIES = pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)


@pytest.fixture(scope="module")
def server(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client that may ask for every operation of the table."""
    with httpx2.Client(base_url=running_broker.url, headers=OPERATOR, timeout=30) as client:
        yield client


METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


@TABLE
@pytest.mark.parametrize("slash", ["", "/"])
def test_options_tells_the_methods(server: httpx2.Client, operation: Operation, slash: str) -> None:
    answer = server.options(path_of(operation) + slash)
    assert (answer.status_code, answer.content) == (204, b"")
    assert set(answer.headers["allow"].split(", ")) == methods_at(operation.path)


@TABLE
def test_a_method_that_is_not_built_is_405_with_those_that_are(server: httpx2.Client, operation: Operation) -> None:
    for method in (*METHODS, "PROPFIND"):
        if method not in methods_at(operation.path):
            answer = server.request(method, path_of(operation))
            assert (answer.status_code, answer.content) == (405, b""), method
            assert set(answer.headers["allow"].split(", ")) == methods_at(operation.path)


@TABLE
def test_an_unknown_parameter_is_refused_by_name(server: httpx2.Client, operation: Operation) -> None:
    answer = server.request(operation.method, f"{path_of(operation)}?invalidParam=1", json=body_of(operation))
    assert answer.status_code == 400
    assert answer.json()["type"] == ERRORS + "InvalidRequest"
    assert "invalidParam" in answer.json()["detail"]


@TABLE
def test_an_answer_that_is_not_to_be_had_is_406_with_a_list(server: httpx2.Client, operation: Operation) -> None:
    headers = {"Accept": "application/xml"}
    answer = server.request(operation.method, path_of(operation), json=body_of(operation), headers=headers)
    assert answer.status_code == 406
    assert answer.json()["available"] == list(operation.produces)


@BODIES
@pytest.mark.parametrize("tenant", ["", "nosuchtenant"])
def test_a_body_without_its_length_is_411_whatever_it_targets(
    server: httpx2.Client, operation: Operation, tenant: str
) -> None:
    headers = {"Content-Type": "application/json", "NGSILD-Tenant": tenant}
    answer = server.request(operation.method, path_of(operation), content=iter([b"{}"]), headers=headers)
    assert (answer.status_code, answer.content) == (411, b"")


@BODIES
@pytest.mark.parametrize("media", ["application/xml", "text/plain", "application/json; charset=latin-1", None])
def test_a_body_of_another_type_is_415(server: httpx2.Client, operation: Operation, media: str | None) -> None:
    headers = {"Content-Type": media} if media else {}
    answer = server.request(operation.method, path_of(operation), content=b"{}", headers=headers)
    assert (answer.status_code, answer.content) == (415, b"")


@BODIES
def test_a_merge_patch_is_for_patch_alone(server: httpx2.Client, operation: Operation) -> None:
    answer = server.request(operation.method, path_of(operation), content=b"{", headers={"Content-Type": MERGE_PATCH})
    assert answer.status_code == (400 if operation.method == "PATCH" else 415)


@BODIES
@pytest.mark.parametrize("body", [b"", b"{", b'{"id": "urn:a:b",}', b"\xff", b"[" * 500 + b"]" * 500, b'{"a":' * 9000])
def test_a_body_that_is_no_json_is_an_invalid_request(server: httpx2.Client, operation: Operation, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = server.request(operation.method, path_of(operation), content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["type"] == ERRORS + "InvalidRequest"


def test_a_body_beyond_the_limit_is_413(api: httpx2.Client) -> None:
    answer = api.post("/entities", content=b" " * (16 * 2**20 + 1))
    assert (answer.status_code, answer.content) == (413, b"")


def test_the_connection_serves_on_after_a_refusal(api: httpx2.Client) -> None:
    assert api.post("/entities", content=b"x" * 2**20, headers={"Content-Type": "text/plain"}).status_code == 415
    assert api.get("/entities?type=A").status_code == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/ld+json", JSON_LD),
        ("application/ld+json, application/json", JSON),
        ("application/json;q=0.1, application/ld+json;q=0.9", JSON_LD),
        ("application/json;q=0, */*", JSON_LD),
        ("*/*;q=0.9, application/ld+json;q=0.8", JSON),
        ("application/geo+json", GEO_JSON),
        ("application/geo+json, application/ld+json", JSON_LD),
        ("application/geo+json, application/ld+json;q=0.1", GEO_JSON),
    ],
)
def test_the_answer_is_of_the_type_that_was_asked_for(
    api: httpx2.Client, new_id: str, accept: str | None, expected: str
) -> None:
    api.post("/entities", json={"id": new_id, "type": "T"})
    request = api.build_request("GET", f"/entities/{new_id}")
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    assert api.send(request).headers["content-type"] == expected


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/ngsi-ld", 404),
        ("/ngsi-ld/v1", 404),
        ("/ngsi-ld/v1/", 404),
        ("/ngsi-ld/v2/entities", 404),
        ("/ngsi-ld/v1/entities/urn:a:b/c/d", 404),
        ("//ngsi-ld/v1/entities", 404),
        ("/ngsi-ld/v1/entities/%ff", 400),
        ("/ngsi-ld/v1/entities/%00", 400),
        ("/ngsi-ld/v1/entities/urn:a:%0d%0aX: y", 400),
        ("/ngsi-ld/v1/entities/" + "a" * 3000, 400),
        ("/ngsi-ld/v1/entities//", 400),
    ],
)
def test_a_path_that_names_nothing_is_refused(server: httpx2.Client, path: str, status: int) -> None:
    answer = server.get(server.base_url.copy_with(raw_path=path.encode()))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["status"] == status


def test_a_long_url_is_refused(server: httpx2.Client) -> None:
    assert server.get("/ngsi-ld/v1/entities?type=" + "a" * 40_000).status_code in (400, 414)


def test_every_answer_has_a_request_id(server: httpx2.Client) -> None:
    given = server.get("/version", headers={"X-Request-Id": "abc.1"})
    assert given.headers["x-request-id"] == "abc.1"
    assert server.get("/nowhere").headers["x-request-id"]
