"""Entities as bodies of answers: representation, @context, paging."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from broker.api.parameters import FORMAT, FORMATS, options
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, HeaderLine, Response, content, context_line
from broker.errors import InvalidRequest
from broker.model.entity import Entity
from broker.model.render import Representation, renderer
from broker.names import CORE_CONTEXT, JSON_LD

SYS_ATTRS: Final = "sysAttrs"

OPTIONS: Final = options(
    "`sysAttrs`: with createdAt and modifiedAt. The formats are deprecated here; `format` wins.", *FORMATS, SYS_ATTRS
)

_NORMALIZED: Final = Representation("normalized")
_REPRESENTATIONS: Final = {
    (name, sys_attrs): Representation("simplified" if name == "keyValues" else name, sys_attrs=sys_attrs)  # type: ignore[arg-type]
    for name in FORMATS
    for sys_attrs in (False, True)
}


def representation(request: Request) -> Representation:
    """The representation that `format` and `options` ask for (GS CIM 009 §6.3.7). Raises InvalidRequest."""
    if not request.values:
        return _NORMALIZED
    chosen = request.get(OPTIONS) or frozenset()
    formats = chosen - {SYS_ATTRS}
    if len(formats) > 1:
        raise InvalidRequest("Parameter options: more than one format.")
    name = request.get(FORMAT) or next(iter(formats), "normalized")
    return _REPRESENTATIONS[name, SYS_ATTRS in chosen]


def entity(request: Request, entity: Entity) -> Response:
    """One entity, answered."""
    body = renderer(request.call.context, representation(request))(entity)
    return _answer(request, [body], body)


def entities(request: Request, page: Sequence[Entity], lines: Iterable[HeaderLine]) -> Response:
    """A page of entities, answered, with what else its header says."""
    render = renderer(request.call.context, representation(request))
    bodies = [render(entity) for entity in page]
    response = _answer(request, bodies, bodies)
    response.headers.extend(lines)
    return response


def _answer(request: Request, bodies: list[dict[str, Any]], document: Any) -> Response:
    """JSON names its @context in a Link header, JSON-LD holds it in each entity (GS CIM 009 §6.3.6)."""
    context = request.call.context
    if request.media == JSON_LD:
        source = context.source or CORE_CONTEXT
        for body in bodies:
            body["@context"] = source
        return content(200, CONTENT_TYPE[JSON_LD], orjson.dumps(document))
    response = content(200, CONTENT_TYPE[request.media], orjson.dumps(document))
    response.headers.append(context_line(context.link))
    return response
