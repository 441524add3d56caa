"""Entities as bodies of answers: representation, @context, GeoJSON (GS CIM 009 §6.3.6, §6.3.7, §6.3.15)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from broker.api.parameters import (
    ATTRS,
    DATASET_ID,
    FORMAT,
    FORMATS,
    GEOMETRY_PROPERTY,
    LANG,
    OMIT,
    PICK,
    Parameter,
    options,
)
from broker.api.preferences import preferences
from broker.api.requests import Request
from broker.api.responses import CONTENT_TYPE, HeaderLine, Response, content, context_line
from broker.errors import BadRequestData, InvalidRequest, ResourceNotFound
from broker.model.entity import Entity
from broker.model.geojson import LOCATION, feature_collection, feature_renderer
from broker.model.languages import language_ranges
from broker.model.parse import parse_attribute_name
from broker.model.project import in_language, instance_of
from broker.model.render import Render, Representation, attribute_renderer, bare_value, renderer
from broker.model.versions import CURRENT, Version, conformed
from broker.names import CORE_CONTEXT, GEO_JSON, JSON_LD

SYS_ATTRS: Final = "sysAttrs"

OPTIONS: Final = options(
    "`sysAttrs`: with createdAt and modifiedAt. The formats are deprecated here; `format` wins.", *FORMATS, SYS_ATTRS
)
PROJECTION: Final = (PICK, OMIT, LANG, DATASET_ID, GEOMETRY_PROPERTY)
"""Parameters that leave parts of entities away, or choose among them."""

_NORMALIZED: Final = Representation("normalized")
_REPRESENTATIONS: Final = {
    (name, sys_attrs): Representation("simplified" if name == "keyValues" else name, sys_attrs=sys_attrs)  # type: ignore[arg-type]
    for name in FORMATS
    for sys_attrs in (False, True)
}
_ENTITY_MEMBERS: Final = frozenset({"id", "type", "scope"})
_SCOPE: Final = frozenset({"scope"})
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
    return _projected(request, plain) if any(part.name in request.values for part in (*PROJECTION, ATTRS)) else plain


def _projected(request: Request, plain: Representation) -> Representation:
    picked, omitted, attrs = members(request, PICK), members(request, OMIT), members(request, ATTRS)
    if attrs is not None:
        if picked is not None or omitted is not None:
            raise BadRequestData("Parameter attrs excludes pick and omit.")
        picked = attrs | _ENTITY_MEMBERS
    if picked and omitted and picked & omitted:
        raise BadRequestData("Parameters pick and omit name the same member.")
    lang = request.get(LANG)
    return replace(
        plain,
        pick=picked,
        omit=omitted or frozenset(),
        dataset_ids=request.get(DATASET_ID),
        languages=language_ranges(lang) if lang else (),
    )


def members(request: Request, parameter: Parameter[tuple[str, ...]]) -> frozenset[str] | None:
    """The members that a parameter names: expanded, but for `id`, `type` and `scope`. Raises BadRequestData.

    `id` and `type` are no attributes: `attrs` does not take them.
    """
    names = request.get(parameter)
    if names is None:
        return None
    context = request.call.context
    own = _SCOPE if parameter is ATTRS else _ENTITY_MEMBERS
    try:
        return frozenset(name if name in own else parse_attribute_name(name, context) for name in names)
    except BadRequestData as error:
        raise BadRequestData(f"Parameter {parameter.name}: {error.detail}") from None


def simplified_input(request: Request, accepted: Parameter[frozenset[str]]) -> bool:
    """Whether the body is in the simplified form. Raises InvalidRequest for a form that it cannot have."""
    form = request.get(FORMAT)
    if form is not None:
        return form in _SIMPLIFIED
    return bool(_SIMPLIFIED & (request.get(accepted) or frozenset()))


def entity(request: Request, entity: Entity) -> Response:
    """One entity, answered. Raises ResourceNotFound if it has none of the members that are asked for."""
    wanted = representation(request)
    attrs = members(request, ATTRS)
    if attrs is not None and not attrs & entity.attributes.keys():
        raise ResourceNotFound(f"Entity {entity.id} has none of the attributes that attrs names.")
    if b"prefer" in request.headers:
        (body,), conformance = _amended(request, wanted, [entity])
    else:
        body, conformance = _render(request, wanted)(entity), None
    if (wanted.pick is not None or wanted.omit) and not _has_members(request, body):
        raise ResourceNotFound(f"Entity {entity.id} has none of the members that pick and omit leave.")
    response = _answer(request, [body], body)
    if conformance is not None:
        _tell(response, conformance)
    return response


def entities(request: Request, page: Sequence[Entity], lines: Iterable[HeaderLine]) -> Response:
    """A page of entities, answered, with what else its header says."""
    bodies, conformance = _amended(request, representation(request), page)
    document: Any = feature_collection(bodies) if request.media == GEO_JSON else bodies
    response = _answer(request, [document] if request.media == GEO_JSON else bodies, document)
    response.headers.extend(lines)
    if conformance is not None:
        _tell(response, conformance)
    return response


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
    request: Request, wanted: Representation, page: Sequence[Entity]
) -> tuple[list[dict[str, Any]], _Conformance | None]:
    """Entities as the request wants them, amended to the version that it prefers (GS CIM 009 §4.3.6.8, §6.3.6)."""
    bodies = list(map(_render(request, wanted), page))
    header = request.headers.get(b"prefer")
    preferred = preferences(header).version if header is not None else None
    if preferred is None:
        return bodies, None
    version = conformed(preferred)
    if version == CURRENT:
        return bodies, _Conformance(version, altered=False)
    amended = list(map(_render(request, replace(wanted, version=version)), page))
    return amended, _Conformance(version, altered=amended != bodies)


def _tell(response: Response, conformance: _Conformance) -> None:
    """203 for bodies that are altered; the version in any case (RFC 7240 §3)."""
    if conformance.altered:
        response.status = 203
    major, minor = conformance.version
    response.headers += [(b"preference-applied", b"ngsi-ld=%d.%d" % (major, minor)), (b"vary", b"Prefer")]


def _render(request: Request, wanted: Representation) -> Render:
    context = request.call.context
    geometry_property = request.get(GEOMETRY_PROPERTY)
    if request.media != GEO_JSON:
        if geometry_property is not None:
            raise BadRequestData("Parameter geometryProperty: it needs Accept: application/geo+json.")
        return renderer(context, wanted)
    named = LOCATION if geometry_property is None else parse_attribute_name(geometry_property, context)
    return feature_renderer(context, wanted, named)


def _has_members(request: Request, body: dict[str, Any]) -> bool:
    return bool(body["properties"]) or "id" in body if request.media == GEO_JSON else bool(body)


def _answer(request: Request, bodies: list[dict[str, Any]], document: Any) -> Response:
    """JSON names its @context in a Link header; JSON-LD holds it in each body, GeoJSON unless it prefers not to."""
    context = request.call.context
    line = CONTENT_TYPE[request.media]
    if request.media == JSON_LD or (request.media == GEO_JSON and not _prefers_json(request)):
        source = context.source or CORE_CONTEXT
        for body in bodies:
            body["@context"] = source
        return content(200, line, orjson.dumps(document))
    response = content(200, line, orjson.dumps(document))
    response.headers.append(context_line(context.link))
    return response


def _prefers_json(request: Request) -> bool:
    return preferences(request.headers.get(b"prefer")).body == "json"
