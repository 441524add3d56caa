"""Rows SU-02 to SU-18, SU-25, SU-26, SU-28 of docs/conformance.md: who is notified, when, and of what (§5.8.6)."""

from collections.abc import Iterator
from time import sleep
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest

from broker.names import CORE_CONTEXT
from tests.conformance.exchange import Json
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.http

LAMP: Final = "urn:ngsi-ld:Lamp:1"
PLACE: Final = {"type": "Point", "coordinates": [13.4, 52.5]}
ENTITY: Final[Json] = {
    "id": LAMP,
    "type": ["Lamp", "Device"],
    "scope": "/Berlin/Mitte",
    "level": {"type": "Property", "value": 5},
    "owner": {"type": "Property", "value": "city"},
    "name": {"type": "LanguageProperty", "languageMap": {"en": "lamp", "de": "Lampe"}},
    "power": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:2"}],
    "location": {"type": "GeoProperty", "value": PLACE},
}
SET_LEVEL: Final = ("PATCH", "/attrs", {"level": {"type": "Property", "value": 7}})
SAME_LEVEL: Final = ("PATCH", "/attrs", {"level": {"type": "Property", "value": 5}})
NEW_ATTRIBUTE: Final = ("POST", "/attrs", {"colour": {"type": "Property", "value": "red"}})
DELETE_OWNER: Final = ("DELETE", "/attrs/owner", None)
DELETE: Final = ("DELETE", "", None)
MERGE_AWAY: Final = ("PATCH", "", {"owner": "urn:ngsi-ld:null"})
CREATE: Final = ("POST", None, ENTITY)
NEAR: Final[Json] = {"georel": "near;maxDistance==1000", "geometry": "Point"}

Operation = tuple[str, str | None, Json | None]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def tenant(api: httpx2.Client) -> httpx2.Client:
    """A tenant that exists."""
    assert api.post("/entities", json={"id": "urn:x:1", "type": "Other"}).status_code == 201
    return api


def _subscribe(api: httpx2.Client, uri: str, notification: Json | None = None, **members: Any) -> str:
    endpoint = {"endpoint": {"uri": uri}, **(notification or {})}
    document = {"type": "Subscription", "entities": [{"type": "Lamp"}], "notification": endpoint, **members}
    answer = api.post("/subscriptions", json=document)
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["location"]
    return location.removeprefix("/ngsi-ld/v1")


def _do(api: httpx2.Client, operation: Operation) -> None:
    method, below, body = operation
    path = "/entities" if below is None else f"/entities/{LAMP}{below}"
    answer = api.request(method, path, **({} if body is None else {"json": body}))  # type: ignore[arg-type]
    assert answer.is_success, answer.text


def _data(api: httpx2.Client, receiver: Receiver, operation: Operation, **members: Any) -> list[Json]:
    """What one operation on the entity makes a subscription be told."""
    if operation is not CREATE:
        assert api.post("/entities", json=ENTITY).status_code == 201
    wanted, witness = f"/{uuid4().hex}", f"/{uuid4().hex}"
    subscriptions = [_subscribe(api, receiver.url(wanted), **members)]
    everything = ["entityCreated", "entityUpdated", "entityDeleted"]
    if operation is not SAME_LEVEL:
        subscriptions.append(_subscribe(api, receiver.url(witness), notificationTrigger=everything))
    try:
        _do(api, operation)
        if operation is not SAME_LEVEL:
            receiver.wait(1, witness)
        sleep(0.15)
        return [entity for received in receiver.all(wanted) for entity in received.data]
    finally:
        for subscription in subscriptions:
            assert api.delete(subscription).status_code == 204
        api.delete(f"/entities/{LAMP}")


@pytest.mark.parametrize(
    ("operation", "members", "told"),
    [
        (SET_LEVEL, {}, True),
        (SET_LEVEL, {"entities": [{"type": "Lamp", "id": LAMP}]}, True),
        (SET_LEVEL, {"entities": [{"type": "Lamp", "id": "urn:other"}]}, False),
        (SET_LEVEL, {"entities": [{"type": "Lamp", "idPattern": "^urn:ngsi-ld:L"}]}, True),
        (SET_LEVEL, {"entities": [{"type": "Lamp", "idPattern": "^urn:other"}]}, False),
        (SET_LEVEL, {"entities": [{"type": "(Lamp;Device)"}]}, True),
        (SET_LEVEL, {"entities": [{"type": "(Lamp;Car)"}]}, False),
        (SET_LEVEL, {"entities": [{"type": "Car,Device"}]}, True),
        (SET_LEVEL, {"entities": [{"type": "Car"}, {"type": "*"}]}, True),
    ],
)
def test_entities_are_selected(
    tenant: httpx2.Client, receiver: Receiver, operation: Operation, members: Json, told: bool
) -> None:
    """SU-02."""
    assert bool(_data(tenant, receiver, operation, **members)) is told


@pytest.mark.parametrize(
    ("operation", "members", "told"),
    [
        (SET_LEVEL, {"watchedAttributes": ["level"]}, True),
        (SET_LEVEL, {"watchedAttributes": ["owner"]}, False),
        (SET_LEVEL, {"entities": [{"type": "*"}], "watchedAttributes": ["owner", "level"]}, True),
    ],
)
def test_attributes_are_watched(
    tenant: httpx2.Client, receiver: Receiver, operation: Operation, members: Json, told: bool
) -> None:
    """SU-03."""
    assert bool(_data(tenant, receiver, operation, **members)) is told


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"q": "level>6"}, True),
        ({"q": "level<6"}, False),
        ({"q": 'level==7;owner=="city"'}, True),
        ({"q": "level==1|owner~=^x"}, False),
        ({"geoQ": {**NEAR, "coordinates": [13.4, 52.501]}}, True),
        ({"geoQ": {**NEAR, "coordinates": [13.4, 52.6]}}, False),
        ({"geoQ": {**NEAR, "coordinates": "[13.4, 52.501]", "geoproperty": "location"}}, True),
    ],
)
def test_conditions_hold_after_the_change(tenant: httpx2.Client, receiver: Receiver, members: Json, told: bool) -> None:
    """SU-04."""
    assert bool(_data(tenant, receiver, SET_LEVEL, **members)) is told


@pytest.mark.parametrize(("scope", "told"), [("/Berlin/#", True), ("/Berlin/+", True), ("/Paris", False)])
def test_scopes_are_asked_for(tenant: httpx2.Client, receiver: Receiver, scope: str, told: bool) -> None:
    """SU-05."""
    assert bool(_data(tenant, receiver, SET_LEVEL, scopeQ=scope)) is told


TRIGGERED: Final[list[tuple[Operation, set[str]]]] = [
    (CREATE, {"entityCreated", "attributeCreated", "entityUpdated"}),
    (SET_LEVEL, {"attributeUpdated", "entityUpdated"}),
    (NEW_ATTRIBUTE, {"attributeCreated", "entityUpdated"}),
    (DELETE_OWNER, {"attributeDeleted", "entityUpdated"}),
    (MERGE_AWAY, {"attributeDeleted", "entityUpdated"}),
    (DELETE, {"entityDeleted", "attributeDeleted", "entityUpdated"}),
]
TRIGGERS: Final = (
    "entityCreated",
    "entityUpdated",
    "entityDeleted",
    "attributeCreated",
    "attributeUpdated",
    "attributeDeleted",
)


@pytest.mark.parametrize(
    ("operation", "done"), TRIGGERED, ids=lambda value: value[0] if isinstance(value, tuple) else ""
)
def test_triggers_choose_what_is_told(
    tenant: httpx2.Client, receiver: Receiver, operation: Operation, done: set[str]
) -> None:
    """SU-09, SU-11."""
    if operation is not CREATE:
        assert tenant.post("/entities", json=ENTITY).status_code == 201
    paths = {trigger: f"/{uuid4().hex}" for trigger in TRIGGERS}
    subscriptions = [
        _subscribe(tenant, receiver.url(paths[trigger]), notificationTrigger=[trigger]) for trigger in TRIGGERS
    ]
    _do(tenant, operation)
    for trigger in done:
        receiver.wait(1, paths[trigger])
    sleep(0.15)
    assert {trigger for trigger in TRIGGERS if receiver.all(paths[trigger])} == done
    for subscription in subscriptions:
        assert tenant.delete(subscription).status_code == 204
    tenant.delete(f"/entities/{LAMP}")


def test_a_value_that_is_sent_again_is_no_change(tenant: httpx2.Client, receiver: Receiver) -> None:
    """SU-10."""
    assert not _data(tenant, receiver, SAME_LEVEL)


def test_system_attributes_are_told_on_demand(tenant: httpx2.Client, receiver: Receiver) -> None:
    """SU-13."""
    (told,) = _data(tenant, receiver, SET_LEVEL, notification={"sysAttrs": True})
    assert {"createdAt", "modifiedAt"} <= told.keys()
    assert {"createdAt", "modifiedAt"} <= told["level"].keys()
    (told,) = _data(tenant, receiver, SET_LEVEL)
    assert "createdAt" not in told


@pytest.mark.parametrize(
    ("notification", "members"),
    [
        ({"attributes": ["level"]}, {"id", "type", "level", "scope"}),
        ({"pick": ["id", "level"]}, {"id", "level"}),
        ({"omit": ["scope", "name", "power", "location"]}, {"id", "type", "level", "owner"}),
    ],
)
def test_members_are_chosen(tenant: httpx2.Client, receiver: Receiver, notification: Json, members: set[str]) -> None:
    """SU-15."""
    (told,) = _data(tenant, receiver, SET_LEVEL, notification=notification)
    assert told.keys() == members


def test_language_and_datasets_are_chosen(tenant: httpx2.Client, receiver: Receiver) -> None:
    """SU-17."""
    (told,) = _data(tenant, receiver, SET_LEVEL, lang="de", datasetId=["@none"])
    assert told["name"] == {"type": "Property", "value": "Lampe", "lang": "de"}
    assert told["power"] == {"type": "Property", "value": 1}


def test_notifications_have_the_context_that_is_named(tenant: httpx2.Client, receiver: Receiver) -> None:
    """SU-18."""
    path = f"/{uuid4().hex}"
    document = {
        "type": "Subscription",
        "entities": [{"type": "Lamp"}],
        "notification": {"endpoint": {"uri": receiver.url(path)}},
        "jsonldContext": CORE_CONTEXT,
        "@context": {"Lamp": "https://example.org/Lamp"},
    }
    answer = tenant.post("/subscriptions", json=document, headers={"Content-Type": "application/ld+json"})
    assert answer.status_code == 201, answer.text
    entity = {"id": "urn:x:lamp", "type": "https://example.org/Lamp", "level": 1}
    assert tenant.post("/entities", json=entity).status_code == 201
    (received,) = receiver.wait(1, path)
    assert received.data[0]["type"] == "https://example.org/Lamp"
    assert CORE_CONTEXT in received.headers["link"]


def test_an_older_version_is_told_in_its_own_way(tenant: httpx2.Client, receiver: Receiver) -> None:
    """SU-25."""
    (told,) = _data(tenant, receiver, SET_LEVEL, ngsildConformance="1.3")
    assert told["name"]["type"] == "Property"
    assert "scope" not in told


SQUARE: Final = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
KINDS: Final = [
    ("Property", "value", "previousValue", {"a": [1, 2.5]}, "two", "urn:ngsi-ld:null"),
    ("GeoProperty", "value", "previousValue", PLACE, SQUARE, "urn:ngsi-ld:null"),
    ("Relationship", "object", "previousObject", "urn:x:1", ["urn:x:2", "urn:x:3"], "urn:ngsi-ld:null"),
    (
        "LanguageProperty",
        "languageMap",
        "previousLanguageMap",
        {"en": "lamp", "de": ["Lampe", "Leuchte"]},
        {"fr": "lampe"},
        {"@none": "urn:ngsi-ld:null"},
    ),
    ("VocabProperty", "vocab", "previousVocab", "Lamp", ["Device", "Lamp"], "urn:ngsi-ld:null"),
    ("JsonProperty", "json", "previousJson", {"@id": 5}, [{"a": None}], "urn:ngsi-ld:null"),
    ("ListProperty", "valueList", "previousValueList", [1, [2]], ["x"], ["urn:ngsi-ld:null"]),
    (
        "ListRelationship",
        "objectList",
        "previousObjectList",
        [{"object": "urn:x:1"}],
        [{"object": "urn:x:2"}, {"object": "urn:x:1"}],
        ["urn:ngsi-ld:null"],
    ),
]


@pytest.mark.parametrize(("kind", "member", "previous", "first", "second", "null"), KINDS, ids=lambda value: str(value))
def test_each_kind_shows_what_it_was(
    fresh: httpx2.Client, receiver: Receiver, kind: str, member: str, previous: str, first: Any, second: Any, null: Any
) -> None:
    """SU-12."""
    entity = {"id": LAMP, "type": "Lamp", "seen": {"type": kind, member: first}}
    assert fresh.post("/entities", json=entity).status_code == 201
    paths = {form: f"/{uuid4().hex}" for form in ("normalized", "concise")}
    for form, path in paths.items():
        notification = {"showChanges": True, "format": form}
        triggers = ["attributeUpdated", "attributeDeleted"]
        _subscribe(fresh, receiver.url(path), notification, notificationTrigger=triggers)
    updated = fresh.patch(f"/entities/{LAMP}/attrs", json={"seen": {"type": kind, member: second}})
    assert updated.status_code == 204, updated.text
    assert fresh.delete(f"/entities/{LAMP}/attrs/seen").status_code == 204
    changed, gone = (each.data[0]["seen"] for each in receiver.wait(2, paths["normalized"]))
    assert changed == {"type": kind, member: second, previous: first}
    assert gone == {"type": kind, member: null, previous: second}
    changed, gone = (each.data[0]["seen"] for each in receiver.wait(2, paths["concise"]))
    assert changed.keys() == {member, previous}
    assert gone.keys() == {member, previous}


def test_conditions_reach_into_linked_entities(fresh: httpx2.Client, receiver: Receiver) -> None:
    """SU-28."""
    rooms = [{"id": f"urn:x:room:{number}", "type": "Room", "floor": number} for number in (1, 2)]
    lamp = {"id": LAMP, "type": "Lamp", "level": 1, "inside": {"object": "urn:x:room:1"}}
    assert fresh.post("/entityOperations/create", json=[*rooms, lamp]).status_code == 201
    path = f"/{uuid4().hex}"
    _subscribe(fresh, receiver.url(path), {"join": "flat", "format": "simplified"}, q="inside{floor}==2;level>1")
    for change in ({"level": 5}, {"inside": {"object": "urn:x:room:2"}}, {"level": 0}, {"level": 6}):
        assert fresh.patch(f"/entities/{LAMP}/attrs", json=change).status_code == 204
    told = [received.data for received in receiver.wait(2, path)]
    assert [[entity["id"] for entity in entities] for entities in told] == [[LAMP, "urn:x:room:2"]] * 2
    assert [entities[0]["level"] for entities in told] == [5, 6]


@pytest.mark.parametrize("notification", [{}, {"join": "flat", "joinLevel": 1}])
def test_conditions_reach_no_further_than_the_notification(tenant: httpx2.Client, notification: Json) -> None:
    """SU-28."""
    endpoint = {"endpoint": {"uri": "http://receiver.example/notify"}, **notification}
    document = {"type": "Subscription", "entities": [{"type": "Lamp"}], "notification": endpoint}
    answer = tenant.post("/subscriptions", json={**document, "q": "inside{within{floor}}==2"})
    assert answer.status_code == 400
    assert "Subscription: q: a path is 2 links deep" in answer.json()["detail"]


def test_a_subscription_to_all_that_is_here_needs_no_selector(fresh: httpx2.Client, receiver: Receiver) -> None:
    """SU-26."""
    path = f"/{uuid4().hex}"
    endpoint = {"endpoint": {"uri": receiver.url(path)}}
    document = {"type": "Subscription", "localOnly": True, "splitEntities": True, "notification": endpoint}
    answer = fresh.post("/subscriptions", json=document)
    assert answer.status_code == 201, answer.text
    kept = fresh.get(answer.headers["location"].removeprefix("/ngsi-ld/v1")).json()
    assert (kept["localOnly"], kept["splitEntities"]) == (True, True)
    assert fresh.post("/entities", json=ENTITY).status_code == 201
    (received,) = receiver.wait(1, path)
    assert received.data[0]["id"] == LAMP
