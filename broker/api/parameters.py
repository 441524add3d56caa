"""Query parameters: a table, one parser each, and one reader of query strings."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from broker.errors import BadRequestData, InvalidRequest
from broker.model.durations import duration
from broker.model.grammar import is_uri, shown
from broker.model.instants import date_time
from broker.model.kinds import GEOMETRIES
from broker.names import DEFAULT_DATASET

T_co = TypeVar("T_co", covariant=True)

MAX_PARAMETERS: Final = 64
"""Most parameters in one query string."""
_SHOWN: Final = 80
"""Longest part of a refused value that is repeated in the refusal."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T_co]):
    """A query parameter. `parse` makes its value of the text, or raises ValueError saying what was expected.

    What is well-formed and breaks a rule of the model is a BadRequestData.
    """

    name: str
    parse: Callable[[str], T_co]
    description: str
    schema: Mapping[str, Any]
    """JSON Schema of the text, for the OpenAPI document."""
    explode: bool = True
    """False: the schema is of an array, written with commas."""


def read(query: bytes, known: Mapping[str, Parameter[Any]], operation: str) -> dict[str, Any]:
    """The values in a query string, by parameter name.

    Raises InvalidRequest, naming the parameter: unknown, given twice, or not what it should be (GS CIM 009 §6.3.20).
    """
    values: dict[str, Any] = {}
    parts = query.split(b"&")
    if len(parts) > MAX_PARAMETERS:
        raise InvalidRequest(f"The query string has more than {MAX_PARAMETERS} parameters.")
    for part in parts:
        if not part:
            continue
        raw_name, _, raw_value = part.partition(b"=")
        name = _decoded(raw_name)
        parameter = known.get(name)
        if parameter is None:
            raise InvalidRequest(f"Parameter {_shown(name)} is unknown to {operation}, which takes {_listed(known)}.")
        if name in values:
            raise InvalidRequest(f"Parameter {name} is given more than once.")
        text = _decoded(raw_value)
        try:
            values[name] = parameter.parse(text)
        except ValueError as error:
            raise InvalidRequest(f"Parameter {name}: expected {error}, found {_shown(text)}.") from None
    return values


def unescaped(raw: bytes) -> str:
    """Percent-decoded UTF-8. Raises InvalidRequest if it is none."""
    if b"%" in raw:
        if _BAD_ESCAPE.search(raw):
            raise InvalidRequest("The URL has a '%' that no two hexadecimal digits follow.")
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("The URL is not UTF-8.") from None


def _decoded(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    return unescaped(raw)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _listed(known: Mapping[str, Parameter[Any]]) -> str:
    return ", ".join(known) or "none"


# The parsers.


def text(value: str) -> str:
    """Any text but none."""
    if not value:
        raise ValueError("a value")
    return value


def boolean(value: str) -> bool:
    """`true` or `false`."""
    if value not in ("true", "false"):
        raise ValueError("true or false")
    return value == "true"


def natural(value: str) -> int:
    """A number of at least 0."""
    if not (value.isascii() and value.isdigit() and len(value) <= 12):
        raise ValueError("an integer of at least 0")
    return int(value)


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser of one of the words."""

    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return parse


def some_of(*choices: str) -> Callable[[str], frozenset[str]]:
    """A parser of some of the words, with commas between them."""
    allowed = frozenset(choices)

    def parse(value: str) -> frozenset[str]:
        words = frozenset(value.split(","))
        if not words <= allowed:
            raise ValueError(f"some of {', '.join(choices)}, with commas between them")
        return words

    return parse


def positive(value: str) -> int:
    """A number of at least 1."""
    if not (value.isascii() and value.isdigit() and len(value) <= 12 and int(value)):
        raise ValueError("an integer of at least 1")
    return int(value)


def words(value: str) -> tuple[str, ...]:
    """Names, with commas or bars between them (GS CIM 009 §4.21). Whether they are names, the model knows."""
    return tuple(word.strip() for word in value.replace("|", ",").split(","))


def ids(name: str) -> Callable[[str], tuple[str, ...]]:
    """A parser of ids of entities, with commas between them, for the parameter of this name."""

    def parse(value: str) -> tuple[str, ...]:
        found = tuple(value.split(","))
        for uri in found:
            if not is_uri(uri):
                raise BadRequestData(f"Parameter {name}: {shown(uri)} is no URI.")
        return found

    return parse


def datasets(value: str) -> frozenset[str]:
    """datasetIds, with commas between them."""
    found = frozenset(value.split(","))
    if not all(dataset == DEFAULT_DATASET or is_uri(dataset) for dataset in found):
        raise ValueError(f"URIs or {DEFAULT_DATASET}, with commas between them")
    return found


def instant(value: str) -> str:
    """A DateTime (GS CIM 009 §4.6.3)."""
    found = date_time(value)
    if found is None:
        raise ValueError("a DateTime such as 2026-01-31T12:00:00Z")
    return found


def lifetime(value: str) -> timedelta:
    """A duration (ISO 8601); a month counts as 30 days."""
    found = duration(value)
    if found is None or not (found.months or found.microseconds):
        raise ValueError("a duration such as PT10M")
    return timedelta(days=30 * found.months, microseconds=found.microseconds)


def position(value: str) -> str:
    """The id of an entity, as the links from page to page carry it."""
    try:
        found = urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("utf-8")
    except ValueError:
        found = ""
    if not is_uri(found):
        raise ValueError("what a link to another page says")
    return found


def position_text(entity_id: str) -> str:
    """The text that `position` reads."""
    return urlsafe_b64encode(entity_id.encode("utf-8")).decode("ascii").rstrip("=")


# The parameters, as GS CIM 009 §6.3 and §6.4.3.2 name them.

FORMATS: Final = ("normalized", "concise", "simplified", "keyValues")
NO_JOIN: Final = "@none"
JOINS: Final = ("flat", "inline", NO_JOIN)

_NATURAL: Final = {"type": "integer", "minimum": 0}
_TEXT: Final = {"type": "string", "minLength": 1}
_GEOMETRY: Final = {"type": "string", "enum": sorted(GEOMETRIES)}
_NAMES: Final = {"type": "array", "items": {"type": "string"}}
_URIS: Final = {"type": "array", "items": {"type": "string", "format": "uri"}}

TYPE: Final = Parameter(
    "type",
    text,
    "Type selection (§4.17): names or IRIs; `A,B` is or, `(A;B)` is and.",
    {"type": "string", "minLength": 1},
)
LIMIT: Final = Parameter("limit", natural, "Most entities in the answer; 0 with `count=true` counts only.", _NATURAL)
OFFSET: Final = Parameter("offset", natural, "How many entities to pass over first.", _NATURAL)
COUNT: Final = Parameter(
    "count", boolean, "Tell the number of all matches in `NGSILD-Results-Count`.", {"type": "boolean"}
)
COUNT_LIMIT: Final = Parameter(
    "countLimit",
    positive,
    "Count no further than this: `NGSILD-Results-Count-Limited: true` tells that there are more. Not of the standard.",
    {"type": "integer", "minimum": 1},
)
LOCAL: Final = Parameter(
    "local", boolean, "Ignore context source registrations: only what this broker holds.", {"type": "boolean"}
)
FORMAT: Final = Parameter(
    "format", one_of(*FORMATS), "Representation of the entities.", {"type": "string", "enum": list(FORMATS)}
)


AFTER: Final = Parameter(
    "after", position, "The page after an entity: from the link to the next page, not of the standard.", _TEXT
)
BEFORE: Final = Parameter(
    "before", position, "The page before an entity: from the link to the previous page, not of the standard.", _TEXT
)
ID: Final = Parameter("id", ids("id"), "Ids of the entities, with commas between them.", _URIS, explode=False)
ID_PATTERN: Final = Parameter("idPattern", text, "Regular expression that is searched for in the ids.", _TEXT)
Q: Final = Parameter("q", text, "Condition on attributes in the query language (§4.9).", _TEXT)
SCOPE_Q: Final = Parameter(
    "scopeQ", text, "Condition on scopes: `/a/b`, `/a/+`, `/a/#`; `;` is and, `,` or (§4.19).", _TEXT
)
CSF: Final = Parameter("csf", text, "Condition on context source registrations, in the language of `q`.", _TEXT)
EXPAND_VALUES: Final = Parameter(
    "expandValues",
    words,
    "Attributes whose values in `q` are terms, to be expanded by the @context.",
    _NAMES,
    explode=False,
)
JSON_KEYS: Final = Parameter(
    "jsonKeys",
    words,
    "Attributes whose paths in brackets in `q` are no names, to be left alone.",
    _NAMES,
    explode=False,
)
ORDER_BY: Final = Parameter(
    "orderBy",
    text,
    "What to order by: `id`, `type`, or a path as in `q`, each with `;asc` or `;desc`, a GeoProperty also with "
    "`;dist-asc` or `;dist-desc`; commas between them (§4.23).",
    _TEXT,
)
COLLATION: Final = Parameter(
    "collation", text, "The order of strings: a language tag, such as `de-u-co-phonebk`; the default is `und`.", _TEXT
)
ORDER_FROM: Final = Parameter(
    "orderFrom", text, "Coordinates from where distances are measured to order by them, a GeoJSON array.", _TEXT
)
ORDER_GEOMETRY: Final = Parameter(
    "orderGeometry", text, "GeoJSON type of `orderFrom`; the default is Point.", _GEOMETRY
)
GEOREL: Final = Parameter(
    "georel",
    text,
    "How the places of entities stand to the geometry (§4.10): `near;maxDistance==<metres>`, "
    "`near;minDistance==<metres>`, `within`, `contains`, `intersects`, `equals`, `disjoint`, `overlaps`.",
    _TEXT,
)
GEOMETRY: Final = Parameter("geometry", text, "GeoJSON type of the geometry that `georel` names.", _GEOMETRY)
COORDINATES: Final = Parameter("coordinates", text, "Its coordinates, a GeoJSON array; longitude comes first.", _TEXT)
GEOPROPERTY: Final = Parameter(
    "geoproperty", text, "The GeoProperty that holds the places of entities; the default is `location`.", _TEXT
)
ATTRS: Final = Parameter(
    "attrs",
    words,
    "Only these attributes, and only of entities that have one of them. Deprecated: `pick` does the same.",
    _NAMES,
    explode=False,
)
PICK: Final = Parameter(
    "pick",
    str,
    "Only these members: names of attributes, `id`, `type`, `scope`; with `join`, `rel{a,b}` are members of linked "
    "entities (§4.21).",
    _NAMES,
    explode=False,
)
OMIT: Final = Parameter("omit", str, "All but these members; as `pick` (§4.21).", _NAMES, explode=False)
JOIN: Final = Parameter(
    "join",
    one_of(*JOINS),
    "Linked entities, too: `inline` within the relationships, `flat` behind the entities (§4.5.23).",
    {"type": "string", "enum": list(JOINS), "default": NO_JOIN},
)
JOIN_LEVEL: Final = Parameter(
    "joinLevel",
    positive,
    "How many links `join` follows.",
    {"type": "integer", "minimum": 1, "default": 1},
)
CONTAINED_BY: Final = Parameter(
    "containedBy",
    ids("containedBy"),
    "Ids of entities that `join` does not show again, with commas between them.",
    _URIS,
    explode=False,
)
ENTITY_MAP: Final = Parameter(
    "entityMap",
    boolean,
    "Keep which entities match in an entity map, which `NGSILD-EntityMap` names; pages are of these (§5.5.9.3).",
    {"type": "boolean", "default": False},
)
ENTITY_MAP_LIFETIME: Final = Parameter(
    "entityMapLifetime",
    lifetime,
    "How long a new entity map shall live, at most NGSILD_MAX_ENTITY_MAP_LIFETIME.",
    {"type": "string", "format": "duration"},
)
SPLIT_ENTITIES: Final = Parameter(
    "splitEntities",
    boolean,
    "Entities may lie in parts with several context sources. What this broker holds is whole: it makes no difference.",
    {"type": "boolean"},
)
KEEP: Final = Parameter("keep", words, "Delete all attributes but these, and no entity.", _NAMES, explode=False)
DROP: Final = Parameter("drop", words, "Delete these attributes, and no entity.", _NAMES, explode=False)
LANG: Final = Parameter(
    "lang", text, "Languages of the texts that are shown, as Accept-Language has them (§4.15).", {"type": "string"}
)
DATASET_ID: Final = Parameter(
    "datasetId",
    datasets,
    "Only attribute instances with these datasetIds; `@none` is the default one.",
    _URIS,
    explode=False,
)
GEOMETRY_PROPERTY: Final = Parameter(
    "geometryProperty", text, "The GeoProperty that becomes the geometry of a GeoJSON Feature.", {"type": "string"}
)
DELETE_ALL: Final = Parameter("deleteAll", boolean, "Delete all instances of the attribute.", {"type": "boolean"})
OBSERVED_AT: Final = Parameter(
    "observedAt",
    instant,
    "Becomes the observedAt of the attributes that had one and are sent without.",
    {"type": "string", "format": "date-time"},
)


NO_OVERWRITE: Final = "noOverwrite"
"""The option that leaves attributes alone that exist (GS CIM 009 §6.3.8)."""


def options(description: str, *choices: str) -> Parameter[frozenset[str]]:
    """The parameter `options`, which takes other words with each operation."""
    schema = {"type": "array", "items": {"type": "string", "enum": list(choices)}}
    return Parameter("options", some_of(*choices), description, schema, explode=False)
