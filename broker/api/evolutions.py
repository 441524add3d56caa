"""Evolutions of entities as answers: which points are read, in which form they are shown (GS CIM 009 §5.7.3, §5.7.4).

What does not fit into one answer is cut where time goes on: 206, and `Content-Range` says which part it is (§6.3.10).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from broker.api import rendering
from broker.api.paging import Page, page_lines
from broker.api.parameters import COLLATION, DATASET_ID, LOCAL, ORDER_BY
from broker.api.querying import query_of
from broker.api.rendering import attributes_asked
from broker.api.requests import Request
from broker.api.responses import HeaderLine, Response
from broker.api.services import Services
from broker.api.temporal_parameters import (
    AGGREGATED_VALUES,
    LAST_N,
    OPTIONS,
    SYS_ATTRS,
    TEMPORAL_VALUES,
    TIME_AT,
    Aggregation,
    aggregation_of,
    format_of,
    window_of,
)
from broker.errors import BadRequestData, InvalidRequest, ResourceNotFound
from broker.history.query import TemporalQuery, is_there, matching
from broker.model.aggregates import aggregated
from broker.model.instants import instant_key
from broker.model.render import Representation
from broker.model.render_temporal import aggregates_renderer, renderer, values_renderer
from broker.model.temporal import ALL_TIME, Aggregate, Evolution, Read, Reading, TimeProperty, Window
from broker.names import DEFAULT_DATASET, SCOPE
from broker.query import order
from broker.store.history.history import History

_ID: Final = "id"


class _Asked(NamedTuple):
    """What of evolutions is asked for. `named`: the attributes that are asked for by name, None for all."""

    form: str
    representation: Representation
    reading: Reading
    named: frozenset[str] | None


async def one(request: Request, services: Services, entity_id: str) -> Response:
    """The evolution of an entity, answered. Raises ResourceNotFound."""
    asked = _asked(request, services)
    history, tenant = services.history, request.call.tenant
    bodies, read, reading = await _shown(request, history, asked, [entity_id])
    if not bodies:
        raise ResourceNotFound(f"Entity {entity_id} has no temporal evolution.")
    if attributes_asked(request) is not None and not any(map(is_there, read.evolutions)):
        ever = await history.read(tenant, [entity_id], Reading(attributes=asked.named, last_n=1))
        if not any(map(is_there, ever.evolutions)):
            raise ResourceNotFound(f"Entity {entity_id} never had one of the attributes that attrs names.")
    if not bodies[0]:
        raise ResourceNotFound(f"Entity {entity_id} has none of the members that pick and omit leave.")
    return _partial(request, reading, read, rendering.document(request, bodies[0]))


async def page(request: Request, services: Services, page: Page) -> Response:
    """A page of the evolutions that a query asks for, answered."""
    asked = _asked(request, services)
    if TIME_AT.name not in request.values:
        raise BadRequestData("timerel: missing; a temporal query needs it, and timeAt: as parameters, or in temporalQ.")
    query = replace(query_of(request, page), ordering=None)
    descending = _descending(request)
    # What is picked decides on what is shown, not on which entities there are (§4.21).
    reading = replace(asked.reading, attributes=None if attributes_asked(request) is None else asked.named)
    wanted = TemporalQuery(query, reading, descending, services.settings.max_examined)
    found = await matching(services.history, request.call, wanted)
    bodies, read, _ = await _shown(request, services.history, asked, page.shown(found.ids))
    response = rendering.documents(request, [body for body in bodies if body])
    response.headers += page_lines(request, page, found.ids, found.total, ordered=descending)
    return _partial(request, asked.reading, read, response)


def _asked(request: Request, services: Services) -> _Asked:
    """What the parameters ask for. Raises BadRequestData, InvalidRequest."""
    form = format_of(request)
    plain = Representation(
        "concise" if form == "concise" else "normalized", sys_attrs=SYS_ATTRS in (request.get(OPTIONS) or ())
    )
    representation = rendering.asked_for(request, plain)
    named = attributes_asked(request)
    if named is None and representation.pick is not None:
        named = representation.pick - {"id", "type"}
    if named is not None:
        named = frozenset(SCOPE if name == "scope" else name for name in named)
    datasets = request.get(DATASET_ID)
    reading = Reading(
        window_of(request),
        named,
        None if datasets is None else frozenset(None if each == DEFAULT_DATASET else each for each in datasets),
        request.get(LAST_N),
        services.settings.temporal_limit,
    )
    return _Asked(form, representation, reading, named)


async def _shown(
    request: Request, history: History, asked: _Asked, ids: Sequence[str]
) -> tuple[list[dict[str, Any]], Read, Reading]:
    """The evolutions as they are shown, what was read of them, and how."""
    if asked.form == AGGREGATED_VALUES:
        return *await _aggregated(request, history, asked, ids), asked.reading
    read = await history.read(request.call.tenant, ids, asked.reading) if ids else Read([])
    if asked.reading.window == ALL_TIME and read.cut is None and _size(read) > (asked.reading.bound or 0):
        # Points without observedAt are not cut by it: all of them have a modifiedAt.
        asked = asked._replace(reading=replace(asked.reading, window=Window(TimeProperty.MODIFIED_AT)))
        read = await history.read(request.call.tenant, ids, asked.reading)
    context, timeproperty = request.call.context, asked.reading.window.timeproperty
    if asked.form == TEMPORAL_VALUES:
        kinds = await _kinds_beyond(request, history, asked.reading, read)
        render = values_renderer(context, asked.representation, timeproperty, kinds)
    else:
        render = renderer(context, asked.representation, timeproperty)
    return list(map(render, read.evolutions)), read, asked.reading


def _size(read: Read) -> int:
    return sum(
        len(points) for each in read.evolutions for series in each.attributes.values() for points in series.values()
    )


async def _kinds_beyond(request: Request, history: History, reading: Reading, read: Read) -> dict[str, str]:
    """The kinds of attributes that are there, but wholly beyond the part that was read."""
    beyond = {
        name: each.id
        for each in read.evolutions
        for name, series in each.attributes.items()
        if not any(series.values())
    }
    if not beyond:
        return {}
    newest = replace(reading, attributes=frozenset(beyond), last_n=1, bound=None)
    found = await history.read(request.call.tenant, list(dict.fromkeys(beyond.values())), newest)
    return {
        name: points[0].instance["type"]
        for each in found.evolutions
        for name, series in each.attributes.items()
        for points in series.values()
        if points
    }


# Aggregates.


async def _aggregated(
    request: Request, history: History, asked: _Asked, ids: Sequence[str]
) -> tuple[list[dict[str, Any]], Read]:
    how = aggregation_of(request)
    if not ids:
        return [], Read([])
    tenant = request.call.tenant
    entities = await history.read(tenant, ids, replace(asked.reading, last_n=1, bound=None))
    found = await history.aggregate(tenant, ids, asked.reading, how.duration, how.origin, distinct=how.distinct)
    render = aggregates_renderer(request.call.context, asked.representation, how.methods)
    bodies = []
    for each in entities.evolutions:
        attributes = found.get(each.id, {})
        if asked.named is None:
            attributes = {name: series for name, series in attributes.items() if name != SCOPE}
        else:
            _check_eligible(request, how, attributes)
        bodies.append(render(each, attributes))
    return bodies, entities


def _check_eligible(
    request: Request, how: Aggregation, attributes: Mapping[str, Mapping[str | None, Aggregate]]
) -> None:
    """Refuse a method that an attribute which was asked for by name has no value for (GS CIM 009 §4.5.19)."""
    for name, series in attributes.items():
        periods = [period for aggregate in series.values() for period in aggregate.periods]
        for method in how.methods:
            if periods and not aggregated(method, periods):
                shown = request.call.context.compact(name)
                raise InvalidRequest(f"Parameter aggrMethods: attribute {shown} has no values that {method} is for.")


# Order, and the part of the time that is shown.


def _descending(request: Request) -> bool:
    """Whether the order is the descending one of ids; there is no other (GS CIM 009 §5.7.4.4).

    Raises BadRequestData.
    """
    text, collation = request.get(ORDER_BY), request.get(COLLATION)
    if collation is not None:
        order.mongo_collation(collation)
    if text is None:
        return False
    if request.get(LOCAL) is False:
        raise BadRequestData("Parameter orderBy: only local entities can be ordered, and local is false.")
    keys = [key.partition(";") for key in text.split(",")]
    if any(name != _ID or direction not in ("", "asc", "desc") for name, _, direction in keys):
        raise BadRequestData("Parameter orderBy: evolutions are ordered by id alone, id;asc or id;desc.")
    return keys[0][2] == "desc"


def _partial(request: Request, reading: Reading, read: Read, response: Response) -> Response:
    """The answer, as a part if it is one: from where to where its points are in the order in which they came."""
    if read.cut is None:
        return response
    window, backwards = reading.window, reading.last_n is not None
    times = sorted(_times(read.evolutions, window), key=instant_key)
    given = window.end if backwards else window.start
    if given is None or TIME_AT.name not in request.values:
        given = times[-1 if backwards else 0] if times else read.cut
    size = "*" if reading.last_n is None else reading.last_n
    response.status = 206
    response.headers.append(_content_range(given, read.cut, size))
    return response


def _content_range(first: str, last: str, size: int | str) -> HeaderLine:
    return (b"content-range", f"date-time {first}-{last}/{size}".encode("ascii"))


def _times(evolutions: Sequence[Evolution], window: Window) -> Iterator[str]:
    for evolution in evolutions:
        for series in evolution.attributes.values():
            for points in series.values():
                for point in points:
                    time = point.time(window.timeproperty)
                    if time is not None:
                        yield time
