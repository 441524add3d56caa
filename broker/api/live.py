"""Live feeds: a query's answer to `Accept: text/event-stream`, as Server-Sent Events (HTML Standard, §9.2).

An extension of ours, see docs/live-feed.md. What filters and what shapes entities means what it means on a page; what
cuts and orders pages means nothing here.
"""

import random
from dataclasses import replace
from typing import Final

import orjson

from broker.api import entity_maps, rendering
from broker.api.parameters import GEOMETRY_PROPERTY, JOIN, NO_JOIN
from broker.api.querying import query_of
from broker.api.requests import Request
from broker.api.responses import HeaderLine, Response, context_line, streamed
from broker.api.services import Services
from broker.errors import BadRequestData
from broker.feed.events import Event
from broker.feed.feeds import Feeds
from broker.feed.viewer import Viewer
from broker.model.entity import Entity
from broker.names import EVENT_STREAM, GEO_JSON, JSON, LAST_EVENT_HEADER
from broker.query.links import follows
from broker.store.changes import Place
from broker.telemetry import FEED_EVENTS

RETRY: Final = (1000, 5000)
"""Milliseconds after which clients that have lost the broker come back, not all at once."""

_TYPE: Final[HeaderLine] = (b"content-type", EVENT_STREAM.encode())
_HEADERS: Final[tuple[HeaderLine, ...]] = (
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # proxies that would hold back what is small
)
_LAST: Final = LAST_EVENT_HEADER.lower().encode()


async def feed(request: Request, services: Services) -> Response:
    """GET /entities, live. Raises as the query does, and Overloaded."""
    _refuse_linked(request)
    query = replace(query_of(request), ordering=None)  # they come in the order of their changes
    if query.q is not None and follows(query.q):
        raise BadRequestData("Parameter q: a live feed is not told when linked entities change: it follows no links.")
    request.media = JSON if request.get(GEOMETRY_PROPERTY) is None else GEO_JSON
    wanted = rendering.representation(request)
    render = rendering.render_of(request, wanted)

    def show(entity: Entity) -> bytes | None:
        body = render(entity)
        return orjson.dumps(body) if rendering.has_members(request, body) else None

    call = request.call
    form = (call.context.key, wanted, request.get(GEOMETRY_PROPERTY))
    last = request.headers.get(_LAST)
    viewer = await services.feeds.open(call, query, form, show, None if last is None else last.decode("latin-1"))
    settings = services.settings
    pause = min(settings.feed_heartbeat, settings.request_timeout / 2)  # each part has the time of a request
    response = streamed(200, _TYPE, Parts(services.feeds, viewer, pause))
    response.lasting = True
    response.headers += [*_HEADERS, context_line(call.context.link)]
    return response


def _refuse_linked(request: Request) -> None:
    if request.get(JOIN) not in (None, NO_JOIN):
        raise BadRequestData("Parameter join: a live feed is not told when linked entities change, so it joins none.")
    if entity_maps.wanted(request):
        raise BadRequestData("Parameter entityMap: a live feed has no pages, so it takes no entity map.")


class Parts:
    """The body: what a viewer is told, in frames of Server-Sent Events."""

    def __init__(self, feeds: Feeds, viewer: Viewer, pause: float) -> None:
        self._feeds = feeds
        self._viewer = viewer
        self._pause = pause
        self._opening = b"retry: %d\n\n" % random.randint(*RETRY)  # noqa: S311  jitter, no secret

    async def __anext__(self) -> bytes:
        """What has come; a comment if nothing has for some time. Raises StopAsyncIteration at the end."""
        batch = await self._viewer.next(self._pause)
        if batch is None:
            raise StopAsyncIteration
        opening, self._opening = self._opening, b""
        if batch.events:
            return opening + b"".join(map(_frame, batch.events))
        return opening + (b":\n\n" if batch.place is None else _heartbeat(batch.place))

    async def aclose(self) -> None:
        """Let the viewer go."""
        self._feeds.leave(self._viewer)


def _frame(event: Event) -> bytes:
    FEED_EVENTS.labels(event.kind.value).inc()
    return b"event: %b\nid: %b\ndata: %b\n\n" % (event.kind.encode(), str(event.place).encode(), event.data)


def _heartbeat(place: Place) -> bytes:
    """Without data it is no event to anybody; a browser takes its id for that of the last one nonetheless."""
    return b":\nid: %b\n\n" % str(place).encode()
