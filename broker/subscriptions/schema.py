"""What a Subscription looks like, as a JSON Schema, and the check of one against it (GS CIM 009 §5.2.12–§5.2.15).

The schema says types, ranges and which members there are; what depends on the @context or on several members is in
`broker.subscriptions.rules`.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, relevance

from broker.errors import BadRequestData
from broker.model.grammar import is_uri, shown
from broker.model.instants import date_time
from broker.model.kinds import GEOMETRIES
from broker.names import DEFAULT_DATASET, GEO_JSON, JSON, JSON_LD

MAX_SELECTORS: Final = 100
MAX_NAMES: Final = 1000
MAX_TEXT: Final = 8192
MAX_PAIRS: Final = 50

TRIGGERS: Final = (
    "entityCreated",
    "entityUpdated",
    "entityDeleted",
    "attributeCreated",
    "attributeUpdated",
    "attributeDeleted",
)
DEFAULT_TRIGGERS: Final = ("attributeCreated", "attributeUpdated")
FORMATS: Final = ("normalized", "concise", "simplified", "keyValues")

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_URI: Final = {"type": "string", "format": "uri"}
_INSTANT: Final = {"type": "string", "format": "date-time"}
_POSITIVE: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9}
_FLAG: Final = {"type": "boolean"}
_NAMES: Final = {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MAX_NAMES}
_NAME_OR_NAMES: Final = {"type": ["string", "array"], "items": _TEXT, "minItems": 1, "minLength": 1}
_URI_OR_URIS: Final = {"type": ["string", "array"], "format": "uri", "items": _URI, "minItems": 1, "maxItems": 1000}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_PAIRS: Final = {
    "type": "array",
    "maxItems": MAX_PAIRS,
    "items": _object({"key": _TEXT, "value": {"type": "string", "maxLength": MAX_TEXT}}, "key", "value"),
}

ENDPOINT: Final = _object(
    {
        "uri": _URI,
        "accept": {"enum": [JSON, JSON_LD, GEO_JSON]},
        "receiverInfo": _PAIRS,
        "notifierInfo": _PAIRS,
        "timeout": _POSITIVE,
        "cooldown": _POSITIVE,
    },
    "uri",
)
SELECTOR: Final = _object({"type": _TEXT, "id": _URI_OR_URIS, "idPattern": _TEXT}, "type")
GEO_QUERY: Final = _object(
    {
        "georel": _TEXT,
        "geometry": {"enum": sorted(GEOMETRIES)},
        "coordinates": {"type": ["array", "string"], "minItems": 1, "maxLength": 1_000_000},
        "geoproperty": _TEXT,
    },
    "georel",
    "geometry",
    "coordinates",
)
NOTIFICATION: Final = _object(
    {
        "attributes": _NAMES,
        "pick": _NAMES,
        "omit": _NAMES,
        "format": {"enum": list(FORMATS)},
        "sysAttrs": _FLAG,
        "showChanges": _FLAG,
        "join": {"enum": ["flat", "inline", "@none"]},
        "joinLevel": {"type": "integer", "minimum": 1},
        "endpoint": ENDPOINT,
    },
    "endpoint",
)
SUBSCRIPTION: Final = _object(
    {
        "id": _URI,
        "type": {"const": "Subscription"},
        "subscriptionName": _TEXT,
        "description": _TEXT,
        "entities": {"type": "array", "items": SELECTOR, "minItems": 1, "maxItems": MAX_SELECTORS},
        "watchedAttributes": _NAMES,
        "notificationTrigger": {"type": "array", "items": {"enum": list(TRIGGERS)}, "minItems": 1, "uniqueItems": True},
        "q": _TEXT,
        "geoQ": GEO_QUERY,
        "scopeQ": _TEXT,
        "csf": _TEXT,
        "expandValues": _NAME_OR_NAMES,
        "jsonKeys": _NAME_OR_NAMES,
        "lang": _TEXT,
        "datasetId": {
            "type": "array",
            "items": {"type": "string", "format": "dataset"},
            "minItems": 1,
            "maxItems": MAX_NAMES,
        },
        "timeInterval": _POSITIVE,
        "throttling": _POSITIVE,
        "expiresAt": _INSTANT,
        "isActive": _FLAG,
        "jsonldContext": _URI,
        "localOnly": _FLAG,
        "splitEntities": _FLAG,
        "ngsildConformance": {"type": "string", "pattern": r"^1\.[0-9]{1,3}(\.[0-9]{1,3})?$"},
        "notification": NOTIFICATION,
    },
    "type",
    "notification",
)

READ_ONLY: Final = frozenset({"status", "createdAt", "modifiedAt"})
"""Members of a Subscription that the broker alone writes; sent ones are ignored (GS CIM 009 §5.2.12)."""
READ_ONLY_NOTIFICATION: Final = frozenset(
    {"status", "timesSent", "timesFailed", "lastNotification", "lastSuccess", "lastFailure"}
)
"""The same, of its `notification` (GS CIM 009 §5.2.14)."""

_FORMATS: Final = FormatChecker(formats=())
_FORMATS.checks("uri")(lambda text: not isinstance(text, str) or is_uri(text))
_FORMATS.checks("date-time")(lambda text: not isinstance(text, str) or date_time(text) is not None)
_FORMATS.checks("dataset")(lambda text: not isinstance(text, str) or text == DEFAULT_DATASET or is_uri(text))

_VALIDATOR: Final = Draft202012Validator(SUBSCRIPTION, format_checker=_FORMATS)

_EXPECTED: Final = {
    "uri": "a URI",
    "date-time": "a DateTime such as 2026-01-31T12:00:00Z",
    "dataset": f"a URI or {DEFAULT_DATASET}",
}
_TYPES: Final = {
    "string": "a string",
    "array": "an array",
    "object": "an object",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
}


def check(document: Any) -> None:
    """Raise BadRequestData, naming the member, if it does not look like a Subscription."""
    if not isinstance(document, dict):
        raise BadRequestData("The body is no object of type Subscription.")
    error = max(_VALIDATOR.iter_errors(document), key=relevance, default=None)
    if error is not None:
        raise BadRequestData(f"Subscription: {_told(error)}.")


def _told(error: ValidationError) -> str:
    """The error as a clause that names the member."""
    where, found, schema = _path(error), cast(Any, error.instance), cast(Any, error.schema)
    if error.validator == "required":
        return f"{_member(where, min(set(schema['required']) - found.keys()))} is missing"
    if error.validator == "additionalProperties":
        return f"{_member(where, min(found.keys() - schema['properties'].keys()))} is no member of it"
    told = _TOLD.get(str(error.validator), lambda _: "which is not what it may be")
    return f"{where} is {shown(found)}, {told(error.validator_value)}"


def _types(expected: Any) -> str:
    types = [expected] if isinstance(expected, str) else expected
    return f"not {' or '.join(_TYPES[each] for each in types)}"


_TOLD: Final[dict[str, Callable[[Any], str]]] = {
    "type": _types,
    "enum": lambda expected: f"none of {', '.join(expected)}",
    "const": lambda expected: f"not {expected}",
    "format": lambda expected: f"not {_EXPECTED[expected]}",
    "pattern": lambda _: "not a version such as 1.8",
    "minItems": lambda _: "which is empty",
    "minLength": lambda _: "which is empty",
    "maxItems": lambda expected: f"longer than {expected}",
    "maxLength": lambda expected: f"longer than {expected}",
    "exclusiveMinimum": lambda expected: f"not greater than {expected}",
    "minimum": lambda expected: f"less than {expected}",
    "maximum": lambda expected: f"more than {expected:.0f}",
    "uniqueItems": lambda _: "which has a value twice",
}
"""What was expected, by the keyword of the schema that failed."""


def _path(error: ValidationError) -> str:
    path = ""
    for step in error.absolute_path:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def _member(where: str, name: str) -> str:
    return f"{where}.{name}" if where else shown(name).strip("'\"")
