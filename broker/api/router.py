"""From method and path to an operation: a tree of path segments, made of the operations table."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from broker.api.operation import Action, Operation, Success
from broker.api.parameters import Parameter, unescaped
from broker.api.problems import MethodNotAllowed
from broker.api.requests import Request
from broker.api.responses import Response, bare
from broker.api.services import Services
from broker.errors import InvalidRequest, ResourceNotFound


class Route(NamedTuple):
    """An operation with what each of its requests needs."""

    operation: Operation
    variables: tuple[str, ...]
    """Names of the variable segments of its path."""
    parameters: dict[str, Parameter[Any]] | None
    """Its query parameters by name; None: it takes any, and heeds none."""


class _Node:
    """A place in the tree: `literals` and `variable` lead on, `routes` end here, by method."""

    __slots__ = ("allow", "literals", "routes", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.variable: _Node | None = None
        self.routes: dict[str, Route] = {}
        self.allow = ""


class Router:
    """Finds the operation of a request. Segments are decoded one by one, so that an id may hold an escaped slash."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        nodes: dict[str, _Node] = {}
        for operation in operations:
            node = nodes.setdefault(operation.path, self._add(operation))
            variables = tuple(part[1:-1] for part in operation.path.split("/") if part.startswith("{"))
            route = Route(operation, variables, {parameter.name: parameter for parameter in operation.parameters})
            node.routes[operation.method] = route
            if operation.method == "GET":
                node.routes["HEAD"] = route
        for path, node in nodes.items():
            _complete(path, node)

    def find(self, method: str, raw_path: bytes) -> tuple[Route, dict[str, str]]:
        """The route, and the values of its path variables.

        Raises ResourceNotFound for an unknown path, MethodNotAllowed, InvalidRequest for a path that can't be decoded.
        """
        segments = _segments(raw_path)
        collection = segments[-1] == ""
        if collection:
            segments.pop()
        node = self._root
        values: list[str] = []
        nameless = False
        for segment in segments:
            following = node.literals.get(segment)
            if following is None:
                following = node.variable
                if following is None:
                    raise ResourceNotFound(f"There is nothing at {_shown(raw_path)}.")
                nameless = nameless or (not segment and bool(values))
                values.append(segment)
            node = following
        route = node.routes.get(method)
        if collection and (route is None or not nameless):  # what is below is meant: less than the whole
            below = _of_empty_id(node, method)
            if below is not None:
                route = below
                values.append("")
        if route is None:
            raise _not_found(node, raw_path)
        if nameless and not route.operation.empty_id:
            raise MethodNotAllowed("")  # an empty name below an entity names nothing (suite 013_02, 016_02)
        return route, dict(zip(route.variables, values, strict=True)) if values else {}

    def _add(self, operation: Operation) -> _Node:
        node = self._root
        for part in operation.path.split("/")[1:]:
            if part.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(part, _Node())
        return node


def _complete(path: str, node: _Node) -> None:
    """Answer OPTIONS, now that the other methods are known."""
    node.allow = ", ".join(sorted({*node.routes, "OPTIONS"}))
    some = next(iter(node.routes.values()))
    line = (b"allow", node.allow.encode())

    async def options(_request: Request, _services: Services) -> Response:
        return bare(204, line)

    operation = Operation(
        "options", "Options", "OPTIONS", path, options, Action.READ, "", "Tell the methods.",
        (Success(204, "the methods are in Allow"),), produces=(), ngsi_ld=False,
    )  # fmt: skip
    node.routes["OPTIONS"] = Route(operation, some.variables, None)


def _segments(raw_path: bytes) -> list[str]:
    if b"%" in raw_path:
        return [unescaped(segment) for segment in raw_path.split(b"/")[1:]] or [""]
    try:
        return raw_path.decode("utf-8").split("/")[1:] or [""]
    except UnicodeDecodeError:
        raise InvalidRequest("The URL is not UTF-8.") from None


def _of_empty_id(node: _Node, method: str) -> Route | None:
    route = node.variable.routes.get(method) if node.variable is not None else None
    return route if route is not None and route.operation.empty_id else None


def _not_found(node: _Node, raw_path: bytes) -> Exception:
    if node.routes:
        return MethodNotAllowed(node.allow)
    return ResourceNotFound(f"There is nothing at {_shown(raw_path)}.")


def _shown(raw_path: bytes) -> str:
    path = raw_path.decode("ascii", "backslashreplace")
    return path if len(path) <= 120 else path[:120] + "…"
