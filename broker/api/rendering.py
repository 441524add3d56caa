"""Entities as bodies of answers: representation, @context, GeoJSON (GS CIM 009 §6.3.6, §6.3.7, §6.3.15)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from broker.api.parameters import (
    ATTRS,
    CONTAINED_BY,
    DATASET_ID,
    FORMAT,
    FORMATS,
    GEOMETRY_PROPERTY,
    JOIN,
    JOIN_LEVEL,
    LANG,
    NO_JOIN,
    OMIT,
    PICK,
    Parameter,
    options,
)
from broker.api.preferences import preferences
from broker.api.rendered import Rendered
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, HeaderLine, Response, content, context_line
from broker.errors import BadRequestData, InvalidRequest, ResourceNotFound
from broker.model.entity import Entity
from broker.model.geojson import LOCATION, feature_collection, feature_renderer
from broker.model.join import Linked, View, flattened, inline_renderer
from broker.model.languages import language_ranges
from broker.model.parse import parse_attribute_name
from broker.model.project import ENTITY_MEMBERS, Members, in_language, instance_of
from broker.model.render import Render, Representation, attribute_renderer, bare_value, reduced, renderer
from broker.model.versions import CURRENT, Version, conformed
from broker.names import CORE_CONTEXT, GEO_JSON, JSON, JSON_LD
from broker.query import projection
from broker.store.found import Found

SYS_ATTRS: Final = "sysAttrs"

OPTIONS: Final = options(
    "`sysAttrs`: with createdAt and modifiedAt. The formats are deprecated here; `format` wins.", *FORMATS, SYS_ATTRS
)
PROJECTION: Final = (PICK, OMIT, LANG, DATASET_ID, GEOMETRY_PROPERTY)
"""Parameters that leave parts of entities away, or choose among them."""
JOINING: Final = (JOIN, JOIN_LEVEL, CONTAINED_BY)
"""Parameters that ask for linked entities."""

_NORMALIZED: Final = Representation("normalized")
_REPRESENTATIONS: Final = {
    (name, sys_attrs): Representation("simplified" if name == "keyValues" else name, sys_attrs=sys_attrs)  # type: ignore[arg-type]
    for name in FORMATS
    for sys_attrs in (False, True)
}
_SCOPE: Final = frozenset({"scope"})
_REDUCING: Final = frozenset(part.name for part in (*PROJECTION, ATTRS))
"""Parameters that can leave nothing of an entity, or that need another form."""
_SIMPLIFIED: Final = frozenset({"simplified", "keyValues"})


def representation(request: Request) -> Representation:
    """The representation that the parameters ask for (GS CIM 009 §6.3.7). Raises InvalidRequest, BadRequestData."""
    if not request.values:
        return _NORMALIZED
    chosen = request.get(OPTIONS) or frozenset()
    formats = chosen - {SYS_ATTRS}
    if len(formats) > 1:
        raise InvalidRequest("Parameter options: more than one format.")
    name = request.get(FORMAT) or next(iter(formats), "normalized")
    plain = _REPRESENTATIONS[name, SYS_ATTRS in chosen]
    return asked_for(request, plain)


def asked_for(request: Request, plain: Representation) -> Representation:
    """A representation, and what the parameters leave away of it. Raises BadRequestData."""
    if not any(part.name in request.values for part in (*PROJECTION, ATTRS)):
        return plain
    picked, omitted, attrs = members(request, PICK), members(request, OMIT), attributes_asked(request)
    if attrs is not None:
        if picked is not None or omitted is not None:
            raise BadRequestData("Parameter attrs excludes pick and omit.")
        picked = Members(attrs | ENTITY_MEMBERS)
    if picked is not None and omitted is not None and picked.contradicts(omitted):
        raise BadRequestData("Parameters pick and omit name the same member.")
    lang = request.get(LANG)
    languages = language_ranges(lang) if lang is not None else ()
    return reduced(plain, request.get(DATASET_ID), languages, picked, omitted)


def members(request: Request, parameter: Parameter[str]) -> Members | None:
    """The members that a projection names, expanded. Raises BadRequestData, also for more links than are followed."""
    text = request.get(parameter)
    if text is None:
        return None
    context = request.call.context
    try:
        found = projection.parse(text, lambda name: parse_attribute_name(name, context))
    except BadRequestData as error:
        raise BadRequestData(f"Parameter {parameter.name}: {error.detail}") from None
    reached = followed(request)
    if found.depth > reached:
        raise BadRequestData(
            f"Parameter {parameter.name}: braces reach {found.depth} links deep, join and joinLevel reach {reached}."
        )
    return found


def followed(request: Request) -> int:
    """How many links `join` follows: projections and `q` may reach as far (GS CIM 009 §4.9, §4.21)."""
    return (request.get(JOIN_LEVEL) or 1) if request.get(JOIN) not in (None, NO_JOIN) else 0


def attributes_asked(request: Request) -> frozenset[str] | None:
    """The attributes that `attrs` names, expanded, and `scope`. Raises BadRequestData."""
    names = request.get(ATTRS)
    if names is None:
        return None
    context = request.call.context
    try:
        return frozenset(name if name in _SCOPE else parse_attribute_name(name, context) for name in names)
    except BadRequestData as error:
        raise BadRequestData(f"Parameter {ATTRS.name}: {error.detail}") from None


def simplified_input(request: Request, accepted: Parameter[frozenset[str]]) -> bool:
    """Whether the body is in the simplified form. Raises InvalidRequest for a form that it cannot have."""
    form = request.get(FORMAT)
    if form is not None:
        return form in _SIMPLIFIED
    return bool(_SIMPLIFIED & (request.get(accepted) or frozenset()))


def entity(request: Request, entity: Entity, linked: Linked | None = None) -> Response:
    """One entity, answered. Raises ResourceNotFound if it has none of the members that are asked for.

    Flat, it comes in an array, unless there is no linked entity to come with it (suite 018_14_02).
    """
    wanted = representation(request)
    attrs = attributes_asked(request)
    if attrs is not None and not attrs & entity.attributes.keys():
        raise ResourceNotFound(f"Entity {entity.id} has none of the attributes that attrs names.")
    if linked is not None or b"prefer" in request.headers:
        bodies, conformance = _amended(request, wanted, [entity], linked)
    else:
        bodies, conformance = [render_of(request, wanted)(entity)], None
    if (wanted.pick is not None or wanted.omit) and not has_members(request, bodies[0]):
        raise ResourceNotFound(f"Entity {entity.id} has none of the members that pick and omit leave.")
    response = _answer(request, bodies, bodies[0]) if len(bodies) == 1 else _list(request, bodies)
    if conformance is not None:
        _tell(response, conformance)
    return response


def entities(
    request: Request, page: Sequence[Entity], lines: Iterable[HeaderLine], linked: Linked | None = None
) -> Response:
    """A page of entities, answered, with what else its header says.

    An entity that has nothing of what `pick` and `omit` leave is left out (suite 019_17_01).
    """
    wanted = representation(request)
    bodies, conformance = _amended(request, wanted, page, linked)
    if wanted.pick is not None or wanted.omit:
        bodies = [body for body in bodies if has_members(request, body)]
    response = _list(request, bodies)
    response.headers.extend(lines)
    if conformance is not None:
        _tell(response, conformance)
    return response


def one(request: Request, rendered: Rendered, found: Found) -> Response:
    """One entity that links to nothing; as JSON, whole and to the current version, from what is kept."""
    if request.media != JSON or b"prefer" in request.headers or not _REDUCING.isdisjoint(request.values):
        return entity(request, found.entity)
    wanted = representation(request)
    context = request.call.context
    form = (context.key, wanted)
    piece = rendered.kept(form, found)
    if piece is None:
        piece = rendered.piece(form, found, renderer(context, wanted))
    response = content(200, CONTENT_TYPE[JSON], piece)
    response.headers.append(context_line(context.link))
    return response


async def page(request: Request, rendered: Rendered, found: Sequence[Found], lines: Iterable[HeaderLine]) -> Response:
    """A page of entities that link to none of each other; as JSON, and to the current version, from what is kept."""
    if request.media != JSON or b"prefer" in request.headers:
        return entities(request, [each.entity for each in found], lines)
    wanted = representation(request)
    context = request.call.context
    pieces = await rendered.pieces((context.key, wanted), found, render_of(request, wanted))
    if wanted.pick is not None or wanted.omit:
        pieces = [piece for piece in pieces if piece != b"{}"]
    response = content(200, CONTENT_TYPE[JSON], b"[%b]" % b",".join(pieces))
    response.headers += [context_line(context.link), *lines]
    return response


def document(request: Request, body: dict[str, Any]) -> Response:
    """What is no entity and has an @context, answered."""
    return _answer(request, [body], body)


def documents(request: Request, bodies: list[dict[str, Any]]) -> Response:
    """Several of them."""
    return _answer(request, bodies, bodies)


def attribute(request: Request, entity: Entity, name: str) -> Response:
    """One attribute of an entity, answered: an instance, or an array of them. Raises ResourceNotFound."""
    shown = attribute_renderer(request.call.context, representation(request))(entity, name)
    if isinstance(shown, dict):
        shown = {**shown}  # it may be a part of the entity
        return _answer(request, [shown], shown)
    return _answer(request, [], shown)


def value(request: Request, entity: Entity, name: str, dataset_id: str | None) -> Any:
    """The bare value of one instance of an attribute. Raises ResourceNotFound."""
    lang = request.get(LANG)
    if lang is not None:
        entity = in_language(entity, language_ranges(lang))
    return bare_value(name, instance_of(entity, name, dataset_id), request.call.context)


class _Conformance(NamedTuple):
    """What became of the version that a request prefers."""

    version: Version
    """The one that the bodies conform to."""
    altered: bool
    """Whether they would be others without the preference."""


def _amended(
    request: Request, wanted: Representation, page: Sequence[Entity], linked: Linked | None
) -> tuple[list[dict[str, Any]], _Conformance | None]:
    """Entities as the request wants them, amended to the version that it prefers (GS CIM 009 §4.3.6.8, §6.3.6)."""
    bodies = _bodies(request, wanted, page, linked)
    header = request.headers.get(b"prefer")
    preferred = preferences(header).version if header is not None else None
    if preferred is None:
        return bodies, None
    version = conformed(preferred)
    if version == CURRENT:
        return bodies, _Conformance(version, altered=False)
    amended = _bodies(request, _conforming(wanted, version), page, linked)
    return amended, _Conformance(version, altered=amended != bodies)


def _tell(response: Response, conformance: _Conformance) -> None:
    """203 for bodies that are altered; the version in any case (RFC 7240 §3)."""
    if conformance.altered:
        response.status = 203
    major, minor = conformance.version
    response.headers += [(b"preference-applied", b"ngsi-ld=%d.%d" % (major, minor)), (b"vary", b"Prefer")]


def _conforming(wanted: Representation, version: Version) -> Representation:
    """The representation, amended to a version, and those of linked entities."""
    return replace(
        wanted, version=version, linked=tuple((name, _conforming(inner, version)) for name, inner in wanted.linked)
    )


def _bodies(
    request: Request, wanted: Representation, page: Sequence[Entity], linked: Linked | None
) -> list[dict[str, Any]]:
    """The entities of a page, with those that they link to inside or behind them."""
    if linked is None:
        return list(map(render_of(request, wanted), page))
    view = View(wanted)
    if linked.join.form == "inline":
        return list(map(render_of(request, wanted, inline_renderer(request.call.context, view, linked)), page))
    bodies = list(map(render_of(request, wanted), page))
    renders: dict[View, Render] = {}
    for entity, below in flattened(page, view, linked):
        if below not in renders:
            renders[below] = render_of(request, below.representation)
        body = renders[below](entity)
        if has_members(request, body):
            bodies.append(body)
    return bodies


def render_of(request: Request, wanted: Representation, render: Render | None = None) -> Render:
    """A function that renders an entity as the request wants it: by `render`, if that is given."""
    context = request.call.context
    geometry_property = request.get(GEOMETRY_PROPERTY)
    if request.media != GEO_JSON:
        if geometry_property is not None:
            raise BadRequestData("Parameter geometryProperty: it needs Accept: application/geo+json.")
        return render or renderer(context, wanted)
    try:
        named = LOCATION if geometry_property is None else parse_attribute_name(geometry_property, context)
    except BadRequestData as error:
        raise BadRequestData(f"Parameter {GEOMETRY_PROPERTY.name}: {error.detail}") from None
    return feature_renderer(context, wanted, named, render)


def has_members(request: Request, body: dict[str, Any]) -> bool:
    return bool(body["properties"]) or "id" in body if request.media == GEO_JSON else bool(body)


def _list(request: Request, bodies: list[dict[str, Any]]) -> Response:
    """An array of entities, or a FeatureCollection, answered."""
    if request.media != GEO_JSON:
        return _answer(request, bodies, bodies)
    document = feature_collection(bodies)
    return _answer(request, [document], document)


def _answer(request: Request, bodies: list[dict[str, Any]], document: Any) -> Response:
    """JSON names its @context in a Link header; JSON-LD holds it in each body, GeoJSON unless it prefers not to."""
    context = request.call.context
    line = CONTENT_TYPE[request.media]
    if request.media == JSON_LD or (request.media == GEO_JSON and not prefers_json(request)):
        source = context.source or CORE_CONTEXT
        for body in bodies:
            body["@context"] = source
        return content(200, line, orjson.dumps(document))
    response = content(200, line, orjson.dumps(document))
    response.headers.append(context_line(context.link))
    return response


def prefers_json(request: Request) -> bool:
    return preferences(request.headers.get(b"prefer")).body == "json"
