"""Sound requests of every operation of the operations table, to be spoilt in one place."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from hypothesis import strategies as st

from broker.api.operation import Action, Operation
from broker.api.operations import OPERATIONS
from broker.names import CORE_CONTEXT, JSON, JSON_LD
from tests.api.table import VARIABLES as PLAIN
from tests.api.table import body_of
from tests.conftest import ADMIN_TOKEN

IDS: Final = [f"urn:ngsi-ld:Building:{number}" for number in range(4)]
TYPE: Final = "Building"
INSTANT: Final = "2026-05-01T12:00:00Z"
TENANT: Final = "spoilt"

ATTRIBUTES: Final[dict[str, Any]] = {
    "height": {
        "type": "Property",
        "value": 12.5,
        "unitCode": "MTR",
        "observedAt": INSTANT,
        "accuracy": {"type": "Property", "value": 0.1},
        "measuredBy": {"type": "Relationship", "object": "urn:ngsi-ld:Device:1"},
    },
    "label": {"type": "Property", "value": "Town hall"},
    "address": {"type": "Property", "value": {"street": "High Street", "lines": [1, {"floor": 2}], "none": None}},
    "builtOn": {"type": "Property", "value": {"@type": "DateTime", "@value": INSTANT}},
    "owners": {"type": "Relationship", "object": ["urn:ngsi-ld:Person:1", "urn:ngsi-ld:Person:2"]},
    "occupants": [
        {"type": "Property", "value": 3},
        {"type": "Property", "value": 4, "datasetId": "urn:ngsi-ld:dataset:camera"},
    ],
    "location": {
        "type": "GeoProperty",
        "value": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    },
    "name": {"type": "LanguageProperty", "languageMap": {"en": "Town hall", "de": ["Rathaus", "Amt"]}},
    "category": {"type": "VocabProperty", "vocab": ["office", "public"]},
    "raw": {"type": "JsonProperty", "json": {"a": [1, None], "@id": 5}},
    "readings": {"type": "ListProperty", "valueList": [1, 2, [3]]},
    "rooms": {"type": "ListRelationship", "objectList": [{"object": "urn:ngsi-ld:Room:1"}]},
    "expiresSoon": {"type": "Property", "value": 1, "expiresAt": "2199-01-01T00:00:00Z"},
    "concise": {"value": 7, "observedAt": INSTANT},
}
"""An attribute of every kind."""

VARIABLES: Final = PLAIN | {"entityId": IDS[0], "attrId": "height", "type": TYPE, "contextId": CORE_CONTEXT}

PARAMETERS: Final = {
    "type": TYPE,
    "id": ",".join(IDS[:2]),
    "pick": "id,height",
    "omit": "label",
    "lang": "en",
    "datasetId": "urn:ngsi-ld:dataset:camera",
    "observedAt": INSTANT,
    "limit": "3",
    "offset": "1",
    "count": "true",
    "local": "true",
    "deleteAll": "true",
    "timerel": "after",
    "timeAt": INSTANT,
    "lastN": "2",
    "details": "true",
    "kind": "Cached",
    "reload": "true",
}
"""Sound texts of parameters that go with all others. Those that are not here come in as mutations only."""


@dataclass(frozen=True)
class Sketch:
    """A request in parts: path and query as they are sent, the payload still to be encoded."""

    operation: Operation
    method: bytes
    path: bytes
    query: tuple[tuple[bytes, bytes], ...]
    headers: tuple[tuple[bytes, bytes], ...]
    payload: Any

    @property
    def target(self) -> bytes:
        """Path and query."""
        return self.path + (b"?" + b"&".join(name + b"=" + value for name, value in self.query) if self.query else b"")


@st.composite
def sketches(draw: st.DrawFn) -> Sketch:
    """A sound request of any operation."""
    operation = draw(st.sampled_from(OPERATIONS))
    in_body = operation.body is not None and draw(st.booleans())
    headers = []
    if operation.ngsi_ld:
        headers.append((b"NGSILD-Tenant", TENANT.encode()))
    if operation.action is Action.ADMINISTER:
        headers.append((b"Authorization", f"Bearer {ADMIN_TOKEN}".encode()))
    if operation.body is not None:
        headers.append((b"Content-Type", (JSON_LD if in_body else JSON).encode()))
    return Sketch(
        operation,
        operation.method.encode(),
        path_of(operation, VARIABLES),
        tuple(draw(queries(operation))),
        tuple(headers),
        draw(payloads(operation, in_body)) if operation.body is not None else None,
    )


def path_of(operation: Operation, variables: dict[str, str]) -> bytes:
    """The operation's path. Every variable has a sound value, so that a refusal is of what was spoilt."""
    parts = operation.path.split("/")
    return "/".join(quote(variables[part[1:-1]], safe=":") if part[:1] == "{" else part for part in parts).encode()


@st.composite
def queries(draw: st.DrawFn, operation: Operation) -> list[tuple[bytes, bytes]]:
    """Some of the operation's parameters; the type and the time, without which some queries are too wide."""
    texts = {name: PARAMETERS[name] for parameter in operation.parameters if (name := parameter.name) in PARAMETERS}
    chosen = draw(st.lists(st.sampled_from(sorted(texts)), max_size=3, unique=True)) if texts else []
    needed = (name for name in ("type", "timerel", "timeAt") if name in texts)
    names = dict.fromkeys([*needed, *chosen])
    return [(name.encode(), quote(texts[name]).encode()) for name in names]


@st.composite
def payloads(draw: st.DrawFn, operation: Operation, in_body: bool) -> Any:
    """A sound body of the operation."""
    assert operation.body is not None
    context = {"@context": CORE_CONTEXT} if in_body else {}
    names = draw(st.lists(st.sampled_from(sorted(ATTRIBUTES)), min_size=1, max_size=3, unique=True))
    attributes = {name: ATTRIBUTES[name] for name in names}
    match operation.body.schema:
        case "Entity":
            return {"id": draw(st.sampled_from(IDS)), "type": TYPE, **attributes, **context}
        case "EntityTemporal":
            evolved = {name: each if isinstance(each, list) else [each] for name, each in attributes.items()}
            return {"id": draw(st.sampled_from(IDS)), "type": TYPE, **evolved, **context}
        case "EntityTemporalFragment":
            return {**attributes, **context}
        case "EntityFragment":
            return {"type": [TYPE, "Landmark"], "scope": ["/city/centre"], **attributes, **context}
        case "EntityList":
            return [{"id": entity_id, "type": TYPE, **attributes, **context} for entity_id in IDS[:2]]
        case "Attribute":
            return {**ATTRIBUTES["height"], **context}
    payload = body_of(operation)
    return {**payload, **context} if isinstance(payload, dict) else payload
