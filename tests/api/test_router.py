"""From method and path to an operation: GS CIM 009 §6.2, RFC 9110 §9.1, §15.5.6."""

import pytest

from broker.api.operation import Action, Operation, Success
from broker.api.problems import MethodNotAllowed
from broker.api.requests import Request
from broker.api.responses import Response, bare
from broker.api.router import Router
from broker.api.services import Services
from broker.errors import InvalidRequest, ResourceNotFound


async def nothing(_request: Request, _services: Services) -> Response:
    return bare(204)


def operation(name: str, method: str, path: str, *, empty_id: bool = False) -> Operation:
    return Operation(
        name, name, method, path, nothing, Action.READ, "", "", (Success(204, ""),), empty_id=empty_id
    )  # fmt: skip


ROUTER = Router(
    [
        operation("query", "GET", "/v1/entities"),
        operation("create", "POST", "/v1/entities"),
        operation("retrieve", "GET", "/v1/entities/{entityId}"),
        operation("delete", "DELETE", "/v1/entities/{entityId}"),
        operation("merge", "PATCH", "/v1/entities/{entityId}", empty_id=True),
        operation("append", "POST", "/v1/entities/{entityId}/attrs"),
        operation("deleteAttribute", "DELETE", "/v1/entities/{entityId}/attrs/{attrId}"),
        operation("patchInstance", "PATCH", "/v1/entities/{entityId}/attrs/{attrId}/{instanceId}"),
        operation("deleteInstance", "DELETE", "/v1/entities/{entityId}/attrs/{attrId}/{instanceId}", empty_id=True),
        operation("health", "GET", "/health"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "name", "variables"),
    [
        ("GET", b"/v1/entities", "query", {}),
        ("GET", b"/v1/entities/", "query", {}),
        ("HEAD", b"/v1/entities", "query", {}),
        ("POST", b"/v1/entities/", "create", {}),
        ("GET", b"/v1/entities/urn:a:b", "retrieve", {"entityId": "urn:a:b"}),
        ("GET", b"/v1/entities/urn:a:b/", "retrieve", {"entityId": "urn:a:b"}),
        ("HEAD", b"/v1/entities/urn:a:b", "retrieve", {"entityId": "urn:a:b"}),
        ("OPTIONS", b"/v1/entities/urn:a:b", "options", {"entityId": "urn:a:b"}),
        # each segment is decoded by itself
        ("GET", b"/v1/entities/http%3A%2F%2Fexample.org%2Fa", "retrieve", {"entityId": "http://example.org/a"}),
        ("GET", b"/v1/entities/urn:a:%C3%A4%2525", "retrieve", {"entityId": "urn:a:ä%25"}),
        ("GET", b"/v1/entities/a+b", "retrieve", {"entityId": "a+b"}),
        ("GET", b"/v1/%65ntities", "query", {}),
        ("GET", b"/v1/entities/..", "retrieve", {"entityId": ".."}),
        ("DELETE", b"/v1/entities/urn:a:b/attrs/speed", "deleteAttribute", {"entityId": "urn:a:b", "attrId": "speed"}),
        # an empty id is an id that is no URI
        ("DELETE", b"/v1/entities//attrs/speed", "deleteAttribute", {"entityId": "", "attrId": "speed"}),
        ("PATCH", b"/v1/entities/", "merge", {"entityId": ""}),
        # and it is not left out: the whole would be something else, and more
        (
            "DELETE",
            b"/v1/entities/urn:a:b/attrs/speed/",
            "deleteInstance",
            {"entityId": "urn:a:b", "attrId": "speed", "instanceId": ""},
        ),
    ],
)
def test_a_path_leads_to_its_operation(method: str, path: bytes, name: str, variables: dict[str, str]) -> None:
    route, values = ROUTER.find(method, path)
    assert (route.operation.name, values) == (name, variables)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", b"/v1/entities", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", b"/v1/entities", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", b"/v1/entities/", "GET, HEAD, OPTIONS, POST"),
        ("get", b"/v1/entities", "GET, HEAD, OPTIONS, POST"),  # methods are case-sensitive
        ("BREW", b"/health", "GET, HEAD, OPTIONS"),
        ("DELETE", b"/v1/entities/urn:a:b/attrs/", "OPTIONS, POST"),
        ("PATCH", b"/v1/entities/urn:a:b/attrs/speed/", "DELETE, OPTIONS"),
        # an empty name below an entity names nothing
        ("PATCH", b"/v1/entities/urn:a:b/attrs//urn:i", ""),
        ("DELETE", b"/v1/entities/urn:a:b/attrs//", ""),
    ],
)
def test_a_method_that_is_not_there_is_refused_with_those_that_are(method: str, path: bytes, allow: str) -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        ROUTER.find(method, path)
    assert refusal.value.allow == allow


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"//",
        b"/v1",
        b"/v1/",
        b"/v2/entities",
        b"/V1/entities",
        b"//v1/entities",
        b"v1/entities",
        b"/v1/entities%2Fa",
        b"/v1/entities/a/b",
        b"/v1/entities/a/attrs/b/c/d",
        b"/health/x",
    ],
)
def test_an_unknown_path_is_not_found(path: bytes) -> None:
    with pytest.raises(ResourceNotFound):
        ROUTER.find("GET", path)


@pytest.mark.parametrize("path", [b"/v1/entities/%ff", b"/v1/entities/%", b"/v1/entities/%g0", b"/v1/entities/\xff"])
def test_a_path_that_cannot_be_decoded_is_refused(path: bytes) -> None:
    with pytest.raises(InvalidRequest):
        ROUTER.find("GET", path)
