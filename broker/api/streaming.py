"""Pages that are too large to hold, made and sent part by part (GS CIM 009 §6.3.6, §6.3.7, §6.3.15)."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

import orjson

from broker.api import rendering
from broker.api.parameters import JOIN, NO_JOIN
from broker.api.preferences import preferences
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, HeaderLine, Response, context_line, streamed
from broker.errors import TooManyResults
from broker.model.render import Render, Representation
from broker.names import CORE_CONTEXT, GEO_JSON, JSON, JSON_LD
from broker.store.found import Found


def page(
    request: Request,
    found: Sequence[Found],
    rest: AsyncGenerator[list[Found], None],
    lines: Iterable[HeaderLine],
) -> Response:
    """A page of entities that is too large to hold: as `page`, made and sent part by part.

    Raises TooManyResults for what can be told only of a page as a whole: linked entities, and a preferred version.
    """
    header = request.headers.get(b"prefer")
    if request.get(JOIN) not in (None, NO_JOIN) or (header is not None and preferences(header).version is not None):
        raise TooManyResults(
            "The page is too large to be held at once, as join and a preferred version of NGSI-LD need it: "
            "ask for fewer entities by limit, or for less of them by pick or omit."
        )
    wanted = rendering.representation(request)
    response = streamed(
        200, CONTENT_TYPE[request.media], _parts(request, wanted, rendering.render_of(request, wanted), found, rest)
    )
    if request.media == JSON or (request.media == GEO_JSON and rendering.prefers_json(request)):
        response.headers.append(context_line(request.call.context.link))
    response.headers.extend(lines)
    return response


async def _parts(
    request: Request,
    wanted: Representation,
    render: Render,
    found: Sequence[Found],
    rest: AsyncGenerator[list[Found], None],
) -> AsyncGenerator[bytes, None]:
    """The body of a page: what stands around the entities, and batches of them."""
    source = request.call.context.source or CORE_CONTEXT
    reduced = wanted.pick is not None or bool(wanted.omit)
    if request.media == GEO_JSON:
        opening = b'{"type":"FeatureCollection","features":['
        closing = b"]}" if rendering.prefers_json(request) else b'],"@context":%b}' % orjson.dumps(source)
    else:
        opening, closing = b"[", b"]"

    def joined(batch: Sequence[Found]) -> bytes:
        bodies = [
            body
            for body in (render(each.entity) for each in batch)
            if not reduced or rendering.has_members(request, body)
        ]
        if request.media == JSON_LD:
            for body in bodies:
                body["@context"] = source
        return b",".join(map(orjson.dumps, bodies))

    async with aclosing(rest):
        part = joined(found)
        begun = bool(part)
        yield opening + part
        async for batch in rest:
            part = joined(batch)
            if part:
                yield b"," + part if begun else part
                begun = True
    yield closing
