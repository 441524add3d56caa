"""What a request asks for, as a query: from parameters, or from the body of POST /entityOperations/query.

A body's members mean what the parameters of their names mean: they are read into the request's values, and everything
after that is one (GS CIM 009 §5.2.23, §6.4.3.2).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from broker.api.paging import Page
from broker.api.parameters import (
    ATTRS,
    COLLATION,
    CONTAINED_BY,
    COORDINATES,
    CSF,
    DATASET_ID,
    ENTITY_MAP,
    ENTITY_MAP_LIFETIME,
    EXPAND_VALUES,
    GEOMETRY,
    GEOPROPERTY,
    GEOREL,
    ID,
    ID_PATTERN,
    JOIN,
    JOIN_LEVEL,
    JOINS,
    JSON_KEYS,
    LANG,
    LOCAL,
    OMIT,
    ORDER_BY,
    ORDER_FROM,
    ORDER_GEOMETRY,
    PICK,
    SCOPE_Q,
    SPLIT_ENTITIES,
    TYPE,
    Parameter,
    Q,
    datasets,
    lifetime,
)
from broker.api.rendering import attributes_asked, followed
from broker.api.requests import Request
from broker.errors import BadRequestData, TooComplexQuery
from broker.model.grammar import check_name, is_uri, shown
from broker.model.parse import parse_attribute_name
from broker.query import entity_types, geo, order, patterns, scope
from broker.query import q as language
from broker.query.ast import And, Condition, GeoCondition, LinksTo, Or, Pattern, TypeSelection
from broker.query.keys import SCOPE
from broker.query.links import depth, paths
from broker.query.plan import Ordering, Query, Selector

GEO: Final = (GEOREL, GEOMETRY, COORDINATES, GEOPROPERTY)
CONDITIONS: Final = (Q, *GEO, SCOPE_Q, EXPAND_VALUES, JSON_KEYS, ID_PATTERN, CSF)
MAPPING: Final = (ENTITY_MAP, ENTITY_MAP_LIFETIME, SPLIT_ENTITIES)
ORDERING: Final = (ORDER_BY, ORDER_FROM, ORDER_GEOMETRY, COLLATION)

_ANY_TYPE: Final = "*"
_SELECTORS: Final = "entities"
_ORIGIN: Final = "origin"
"""Of the body; they have no parameters."""
_MAX_SELECTORS: Final = 100
_MAX_LINKED: Final = 20
"""Most conditions on linked entities in one query: each may be a query of its own."""

ReadMember: TypeAlias = Callable[[str, Any], dict[str, Any]]
"""(member of a body, its content) to values of the request. Raises BadRequestData."""
_NONE: Final[Mapping[str, ReadMember]] = {}


def query_of(request: Request, page: Page | None = None) -> Query:
    """The query of a request.

    Raises BadRequestData for what is malformed or too wide, TooComplexQuery.
    """
    selectors, anything = _selectors(request)
    condition, attributes = _condition(request), _attributes(request)
    place = _place(request)
    _check_width(request, selectors, anything, condition, place is not None or bool(attributes))
    scopes = request.get(SCOPE_Q)
    csf = request.get(CSF)
    if csf is not None:  # there are no registrations to choose from yet
        language.parse(csf, request.call.context, where=CSF.name)
    query = Query(
        selectors=() if Selector() in selectors else selectors,
        attributes=attributes,
        q=condition,
        scopes=None if scopes is None else scope.parse(scopes),
        geo=place,
        ordering=_ordering(request),
    )
    return query if page is None else _paged(request, query, page)


def _paged(request: Request, query: Query, page: Page) -> Query:
    return replace(
        query,
        limit=page.fetched,
        offset=page.offset,
        after=page.after,
        before=page.before,
        count=page.count,
        count_limit=page.count_limit,
    )


def _check_width(
    request: Request,
    selectors: tuple[Selector, ...],
    anything: bool,
    condition: Condition | None,
    attributed: bool,
) -> None:
    """Refuse queries that nothing narrows down but ids (GS CIM 009 §5.7.2.4)."""
    if anything and request.get(LOCAL) is False:
        raise BadRequestData("Parameter type: * asks for local entities alone, and local is false.")
    typed = anything or (bool(selectors) and all(selector.types is not None for selector in selectors))
    if typed or attributed or request.call.local or (condition is not None and _narrows(condition)):
        return
    raise BadRequestData(
        "The query is too wide: it needs a type, attrs, q with an attribute, a geo-query, or local=true."
    )


def _narrows(condition: Condition) -> bool:
    """Whether a condition looks at an attribute, not only at createdAt or modifiedAt of the entity."""
    if isinstance(condition, And | Or):
        return any(map(_narrows, condition.operands))
    return isinstance(condition, LinksTo) or bool(condition.path.names)


def _condition(request: Request) -> Condition | None:
    text = request.get(Q)
    if text is None:
        return None
    condition = language.parse(
        text,
        request.call.context,
        expand_values=_names(request, EXPAND_VALUES),
        json_keys=_names(request, JSON_KEYS),
    )
    reached = followed(request)
    if depth(condition) > reached:
        raise BadRequestData(f"q: a path is {depth(condition)} links deep, join and joinLevel reach {reached}.")
    if sum(1 for _ in paths(condition)) > _MAX_LINKED:
        raise TooComplexQuery(f"q: more than {_MAX_LINKED} conditions on linked entities.")
    return condition


def _attributes(request: Request) -> frozenset[str]:
    """The attributes of which one must exist (GS CIM 009 §5.7.2)."""
    return frozenset(SCOPE if name == "scope" else name for name in attributes_asked(request) or ())


def _place(request: Request) -> GeoCondition | None:
    georel, geometry, coordinates, geoproperty = map(request.get, GEO)
    return geo.parse(georel, geometry, coordinates, geoproperty, request.call.context)


def _names(request: Request, parameter: Parameter[tuple[str, ...]]) -> frozenset[str]:
    context = request.call.context
    try:
        return frozenset(parse_attribute_name(name, context) for name in request.get(parameter) or ())
    except BadRequestData as error:
        raise BadRequestData(f"Parameter {parameter.name}: {error.detail}") from None


def _ordering(request: Request) -> Ordering | None:
    by, collation, origin = request.get(ORDER_BY), request.get(COLLATION), _origin(request)
    if by is None:
        if collation is not None:
            order.mongo_collation(collation)
        return None
    if request.get(LOCAL) is False:
        raise BadRequestData("Parameter orderBy: only local entities can be ordered, and local is false.")
    return order.parse(by, request.call.context, collation, origin)


def _origin(request: Request) -> order.Origin | None:
    """From where distances are measured."""
    if _ORIGIN in request.values:
        found: order.Origin | None = request.values[_ORIGIN]
        return found
    names = (ORDER_GEOMETRY.name, ORDER_FROM.name)
    return _reference(request.get(ORDER_GEOMETRY), request.get(ORDER_FROM), names)


def _reference(kind: Any, coordinates: Any, names: tuple[str, str]) -> order.Origin | None:
    if coordinates is None:
        if kind is not None:
            raise BadRequestData(f"{names[1]}: missing; {names[0]} is the type of these coordinates.")
        return None
    return geo.reference("Point" if kind is None else kind, coordinates, names)


# Selectors.


def _selectors(request: Request) -> tuple[tuple[Selector, ...], bool]:
    """The selectors, and whether they ask for entities of any type."""
    given = request.values.get(_SELECTORS)
    if given is None:
        text = request.get(TYPE)
        selector, anything = _selector(request, text, request.get(ID) or (), request.get(ID_PATTERN))
        return (selector,), anything
    found = [_selector(request, *each) for each in given]
    return tuple(selector for selector, _ in found), any(anything for _, anything in found)


def _selector(
    request: Request, type_text: str | None, ids: tuple[str, ...], id_pattern: str | None
) -> tuple[Selector, bool]:
    anything = type_text == _ANY_TYPE
    types = None if type_text is None or anything else parse_types(request, type_text)
    pattern = None if id_pattern is None else Pattern(patterns.check(id_pattern, "idPattern"))
    return Selector(types, ids, pattern), anything


def parse_types(request: Request, text: str) -> TypeSelection:
    """A type selection (GS CIM 009 §4.17). Raises BadRequestData."""
    expansions = request.call.context.expansions
    return entity_types.parse(text, lambda name: expansions[check_name(name)])


# The body.


def read_body(request: Request, more: Mapping[str, ReadMember] = _NONE) -> None:
    """Read the members of a Query into the request's values; `more`: members that only some queries have.

    Raises BadRequestData.
    """
    payload = request.payload
    if not isinstance(payload, dict):
        raise BadRequestData("The body is no object of type Query.")
    if payload.get("type") != "Query":
        raise BadRequestData(f"Query: type is {shown(payload.get('type'))}, not Query.")
    for member, content in payload.items():
        if member == "type":
            continue
        reader = _READERS.get(member) or more.get(member)
        if reader is None:
            raise BadRequestData(f"Query: {member} is no member of it.")
        request.values.update(reader(member, content))


def _text(member: str, content: Any) -> dict[str, Any]:
    if not isinstance(content, str) or not content:
        raise BadRequestData(f"Query: {member} is {shown(content)}, not a string.")
    return {member: content}


def _texts(member: str, content: Any) -> dict[str, Any]:
    if not isinstance(content, list) or not content or not all(isinstance(each, str) and each for each in content):
        raise BadRequestData(f"Query: {member} is {shown(content)}, not an array of at least one string.")
    return {member: tuple(content)}


def _boolean(member: str, content: Any) -> dict[str, Any]:
    if not isinstance(content, bool):
        raise BadRequestData(f"Query: {member} is {shown(content)}, neither true nor false.")
    return {member: content}


def _lifetime(member: str, content: Any) -> dict[str, Any]:
    try:
        return {member: lifetime(_text(member, content)[member])}
    except ValueError as error:
        raise BadRequestData(f"Query: {member} is {shown(content)}, not {error}.") from None


def _projection(member: str, content: Any) -> dict[str, Any]:
    return {member: ",".join(_texts(member, content)[member])}


def _join(member: str, content: Any) -> dict[str, Any]:
    if content not in JOINS:
        raise BadRequestData(f"Query: {member} is {shown(content)}, none of {', '.join(JOINS)}.")
    return {member: content}


def _level(member: str, content: Any) -> dict[str, Any]:
    if type(content) is not int or content < 1:
        raise BadRequestData(f"Query: {member} is {shown(content)}, not an integer of at least 1.")
    return {member: content}


def _uris(member: str, content: Any) -> dict[str, Any]:
    found = _texts(member, content)
    for uri in found[member]:
        if not is_uri(uri):
            raise BadRequestData(f"Query: {member}: {shown(uri)} is no URI.")
    return found


def _datasets(member: str, content: Any) -> dict[str, Any]:
    try:
        return {member: datasets(",".join(_texts(member, content)[member]))}
    except ValueError as error:
        raise BadRequestData(f"Query: {member}: expected {error}.") from None


def _entities(member: str, content: Any) -> dict[str, Any]:
    if not isinstance(content, list) or not content or len(content) > _MAX_SELECTORS:
        raise BadRequestData(f"Query: {member} is no array of one to {_MAX_SELECTORS} selectors.")
    return {member: tuple(map(_read_selector, content))}


def _read_selector(content: Any) -> tuple[str, tuple[str, ...], str | None]:
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise BadRequestData("Query: entities: a selector is an object with a type.")
    unknown = content.keys() - {"type", "id", "idPattern"}
    if unknown:
        raise BadRequestData(f"Query: entities: {min(unknown)} is no member of a selector.")
    ids = content.get("id", ())
    ids = (ids,) if isinstance(ids, str) else ids
    if ("id" in content and not ids) or not isinstance(ids, list | tuple) or not all(map(is_uri, ids)):
        raise BadRequestData("Query: entities: id is no URI nor an array of URIs.")
    pattern = content.get("idPattern")
    if pattern is not None and (not isinstance(pattern, str) or not pattern):
        raise BadRequestData("Query: entities: idPattern is no string.")
    return content["type"], tuple(ids), pattern


def _order(member: str, content: Any) -> dict[str, Any]:
    if not isinstance(content, dict) or "orderBy" not in content:
        raise BadRequestData(f"Query: {member} is no object with orderBy.")
    unknown = content.keys() - {"orderBy", "collation", "geometry", "coordinates"}
    if unknown:
        raise BadRequestData(f"Query: ordering: {min(unknown)} is no member of it.")
    by = ",".join(_texts("orderBy", content["orderBy"])["orderBy"])
    collation = _text("collation", content["collation"]) if "collation" in content else {}
    names = ("ordering: geometry", "ordering: coordinates")
    return {"orderBy": by, _ORIGIN: _reference(content.get("geometry"), content.get("coordinates"), names), **collation}


def _geo(member: str, content: Any) -> dict[str, Any]:
    """A GeoQuery (GS CIM 009 §5.2.13): its members are named as the parameters are."""
    known = {parameter.name for parameter in GEO}
    if not isinstance(content, dict):
        raise BadRequestData(f"Query: {member} is {shown(content)}, not an object.")
    unknown = content.keys() - known
    if unknown:
        raise BadRequestData(f"Query: {member}: {min(unknown)} is no member of it.")
    missing = {name for name in known if content.get(name) is None} - {GEOPROPERTY.name}
    if missing:
        raise BadRequestData(f"Query: {member}: {min(missing)} is missing.")
    return content


_READERS: Final[dict[str, ReadMember]] = {
    **dict.fromkeys((Q.name, SCOPE_Q.name, CSF.name, LANG.name), _text),
    **dict.fromkeys((ATTRS.name, EXPAND_VALUES.name, JSON_KEYS.name), _texts),
    **dict.fromkeys((PICK.name, OMIT.name), _projection),
    JOIN.name: _join,
    JOIN_LEVEL.name: _level,
    CONTAINED_BY.name: _uris,
    DATASET_ID.name: _datasets,
    _SELECTORS: _entities,
    "ordering": _order,
    "geoQ": _geo,
    ENTITY_MAP.name: _boolean,
    ENTITY_MAP_LIFETIME.name: _lifetime,
    SPLIT_ENTITIES.name: _boolean,
}
"""Members of a Query: what each adds to the values of the request. temporalQ and aggrParams are of temporal ones."""
