"""Notifications over HTTP: what comes, in which form, when, and what becomes of it (GS CIM 009 §5.8.6, §6.3.8)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest

from broker.model.instants import instant_key
from broker.names import CORE_CONTEXT
from tests.conftest import free_port
from tests.mosquitto import Mosquitto, mosquitto
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.http

LINK: Final = f'<{CORE_CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
LAMP: Final = "urn:ngsi-ld:Lamp:1"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def path() -> str:
    """Where one test receives."""
    return f"/{uuid4().hex}"


def subscribe(api: httpx2.Client, uri: str, endpoint: Any = None, notification: Any = None, **members: Any) -> str:
    """Subscribe to lamps; the path of the subscription."""
    document = {
        "type": "Subscription",
        "entities": [{"type": "Lamp"}],
        "notification": {"endpoint": {"uri": uri, **(endpoint or {})}, **(notification or {})},
        **members,
    }
    answer = api.post("/subscriptions", json=document)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix("/ngsi-ld/v1")


def lamp(**attributes: Any) -> dict[str, Any]:
    return {"id": LAMP, "type": "Lamp", "level": {"type": "Property", "value": 1}, **attributes}


def create(api: httpx2.Client, **attributes: Any) -> None:
    assert api.post("/entities", json=lamp(**attributes)).status_code == 201


def set_level(api: httpx2.Client, value: Any, entity_id: str = LAMP) -> None:
    answer = api.patch(f"/entities/{entity_id}/attrs", json={"level": {"type": "Property", "value": value}})
    assert answer.status_code == 204, answer.text


def until_status(api: httpx2.Client, subscription: str, **wanted: Any) -> dict[str, Any]:
    """The `notification` of a subscription, once it says that."""
    deadline = monotonic() + 10
    while True:
        found: dict[str, Any] = api.get(subscription).json()["notification"]
        if wanted.items() <= found.items():
            return found
        assert monotonic() < deadline, (wanted, found)
        sleep(0.02)


def test_a_notification_says_what_it_is_and_whose(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    subscription = subscribe(fresh, receiver.url(path))
    create(fresh)
    (received,) = receiver.wait(1, path)
    notified_at = datetime.fromisoformat(received.body.pop("notifiedAt"))
    assert abs(notified_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert received.body.pop("id").startswith("urn:ngsi-ld:Notification:")
    assert received.body == {
        "type": "Notification",
        "subscriptionId": subscription.removeprefix("/subscriptions/"),
        "data": [lamp()],
    }
    assert received.headers["content-type"] == "application/json"
    assert received.headers["link"] == LINK
    assert received.headers["ngsild-tenant"] == fresh.headers["ngsild-tenant"]


def test_the_default_tenant_is_not_named(server: httpx2.Client, receiver: Receiver, path: str) -> None:
    entity = {**lamp(), "id": f"urn:ngsi-ld:Lamp:{uuid4().hex}"}
    document = {
        "type": "Subscription",
        "entities": [{"type": "Lamp", "id": entity["id"]}],
        "notification": {"endpoint": {"uri": receiver.url(path)}},
    }
    subscription = server.post("/ngsi-ld/v1/subscriptions", json=document).headers["location"]
    assert server.post("/ngsi-ld/v1/entities", json=entity).status_code == 201
    (received,) = receiver.wait(1, path)
    assert "ngsild-tenant" not in received.headers
    assert server.delete(subscription).status_code == 204


def test_json_ld_holds_the_context(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    subscribe(fresh, receiver.url(path), {"accept": "application/ld+json"})
    create(fresh)
    (received,) = receiver.wait(1, path)
    assert received.headers["content-type"] == "application/ld+json"
    assert received.body["@context"] == received.data[0]["@context"] == CORE_CONTEXT
    assert "link" not in received.headers


def test_geojson_is_a_feature_collection(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    place = {"type": "Point", "coordinates": [13.4, 52.5]}
    subscribe(fresh, receiver.url(path), {"accept": "application/geo+json"})
    create(fresh, location={"type": "GeoProperty", "value": place})
    (received,) = receiver.wait(1, path)
    assert received.headers["content-type"] == "application/geo+json"
    assert received.body["data"]["type"] == "FeatureCollection"
    (feature,) = received.data
    assert (feature["id"], feature["type"], feature["geometry"]) == (LAMP, "Feature", place)
    assert feature["properties"]["level"] == {"type": "Property", "value": 1}


def test_geojson_keeps_the_context_out_of_the_body_if_the_receiver_prefers(
    fresh: httpx2.Client, receiver: Receiver, path: str
) -> None:
    info = [{"key": "Prefer", "value": "body=json"}, {"key": "Authorization", "value": "Bearer of it"}]
    subscribe(fresh, receiver.url(path), {"accept": "application/geo+json", "receiverInfo": info})
    create(fresh)
    (received,) = receiver.wait(1, path)
    assert "@context" not in received.body
    assert received.headers["link"] == LINK
    assert received.headers["authorization"] == "Bearer of it"


@pytest.mark.parametrize(
    ("form", "shown"),
    [("concise", {"level": 1}), ("simplified", {"level": 1}), ("normalized", {"level": lamp()["level"]})],
)
def test_entities_come_in_the_form_that_was_asked_for(
    fresh: httpx2.Client, receiver: Receiver, path: str, form: str, shown: dict[str, Any]
) -> None:
    subscribe(fresh, receiver.url(path), notification={"format": form, "pick": ["id", "level"]})
    create(fresh, colour={"type": "Property", "value": "red"})
    (received,) = receiver.wait(1, path)
    assert received.data == [{"id": LAMP, **shown}]


CHANGES: Final = ["attributeUpdated", "attributeDeleted", "entityDeleted"]


def test_changes_are_shown_with_what_was_before(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    create(fresh, owner={"type": "Relationship", "object": "urn:ngsi-ld:Person:1"})
    subscribe(fresh, receiver.url(path), notification={"showChanges": True}, notificationTrigger=CHANGES)
    set_level(fresh, 2)
    fresh.delete(f"/entities/{LAMP}/attrs/owner")
    fresh.delete(f"/entities/{LAMP}")
    updated, less, gone = (each.data[0] for each in receiver.wait(3, path))
    owner = {"type": "Relationship", "object": "urn:ngsi-ld:Person:1"}
    no_owner = {"type": "Relationship", "object": "urn:ngsi-ld:null", "previousObject": "urn:ngsi-ld:Person:1"}
    assert updated == lamp(owner=owner, level={"type": "Property", "value": 2, "previousValue": 1})
    assert less == lamp(owner=no_owner, level={"type": "Property", "value": 2})
    deleted_at = gone.pop("deletedAt")
    assert abs(datetime.fromisoformat(deleted_at) - datetime.now(UTC)) < timedelta(minutes=1)
    assert gone == lamp(level={"type": "Property", "value": "urn:ngsi-ld:null", "previousValue": 2})


def test_of_a_deleted_entity_there_is_little(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    create(fresh)
    subscribe(fresh, receiver.url(path), notificationTrigger=["entityDeleted"])
    fresh.delete(f"/entities/{LAMP}")
    (received,) = receiver.wait(1, path)
    assert received.data[0].keys() == {"id", "type", "deletedAt"}


def test_linked_entities_come_inside(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    person = {"id": "urn:ngsi-ld:Person:1", "type": "Person", "name": {"type": "Property", "value": "Ada"}}
    assert fresh.post("/entities", json=person).status_code == 201
    subscribe(fresh, receiver.url(path), notification={"join": "inline", "format": "simplified"})
    create(fresh, owner={"type": "Relationship", "object": person["id"]})
    (received,) = receiver.wait(1, path)
    assert received.data[0]["owner"] == {**person, "name": "Ada"}


def test_the_entities_of_a_batch_come_together(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    subscribe(fresh, receiver.url(path))
    batch = [{**lamp(), "id": f"urn:ngsi-ld:Lamp:{number}"} for number in range(20)]
    assert fresh.post("/entityOperations/create", json=batch).status_code == 201
    (received,) = receiver.wait(1, path)
    assert received.data == batch


def test_changes_of_an_entity_come_in_order(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    subscribe(fresh, receiver.url(path), notification={"format": "simplified"})
    create(fresh)
    for value in range(2, 51):
        set_level(fresh, value)
    assert [each.data[0]["level"] for each in receiver.wait(50, path)] == list(range(1, 51))


def test_success_is_told(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    subscription = subscribe(fresh, receiver.url(path))
    create(fresh)
    set_level(fresh, 2)
    told = until_status(fresh, subscription, timesSent=2)
    assert (told["status"], told["timesFailed"]) == ("ok", 0)
    assert instant_key(told["lastSuccess"]) >= instant_key(told["lastNotification"])
    assert "lastFailure" not in told


def test_what_an_endpoint_refuses_for_good_is_not_sent_again(
    fresh: httpx2.Client, receiver: Receiver, path: str
) -> None:
    receiver.answer = lambda at: 400 if at == path else 200
    subscription = subscribe(fresh, receiver.url(path))
    create(fresh)
    told = until_status(fresh, subscription, timesSent=1, timesFailed=1, status="failed")
    assert instant_key(told["lastFailure"]) >= instant_key(told["lastNotification"])
    set_level(fresh, 2)
    first, second = receiver.wait(2, path)
    assert first.data[0]["level"]["value"] == 1
    assert second.data[0]["level"]["value"] == 2


def test_what_fails_for_now_is_sent_again_and_nothing_overtakes_it(
    fresh: httpx2.Client, receiver: Receiver, path: str
) -> None:
    answers = iter([503, 503])
    receiver.answer = lambda at: next(answers, 200) if at == path else 200
    subscription = subscribe(fresh, receiver.url(path), notification={"format": "simplified"})
    create(fresh)
    set_level(fresh, 2)
    told = until_status(fresh, subscription, timesSent=4, timesFailed=2, status="ok")
    assert told["lastSuccess"] > told["lastFailure"]
    received = receiver.wait(4, path)
    assert [each.data[0]["level"] for each in received] == [1, 1, 1, 2]
    assert len({each.body["id"] for each in received}) == 2


def test_a_receiver_that_comes_back_gets_what_it_missed(fresh: httpx2.Client, path: str) -> None:
    with receiving() as receiver:
        pass
    subscription = subscribe(fresh, receiver.url(path), notification={"format": "simplified"})
    create(fresh)
    until_status(fresh, subscription, status="failed")
    set_level(fresh, 2)
    with receiving(int(receiver.address.rpartition(":")[2])) as back:
        assert [each.data[0]["level"] for each in back.wait(2, path)] == [1, 2]


def test_an_endpoint_has_its_own_time_to_answer(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    def slowly(at: str) -> int:
        sleep(0.5 if at == path else 0)
        return 200

    receiver.answer = slowly
    subscription = subscribe(fresh, receiver.url(path), {"timeout": 100})
    create(fresh)
    until_status(fresh, subscription, timesFailed=1)
    assert fresh.delete(subscription).status_code == 204


def test_slow_and_dead_endpoints_hold_no_one_up(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    def answer(at: str) -> int:
        sleep(3 if at == f"{path}slow" else 0)
        return 200

    receiver.answer = answer
    for uri in (receiver.url(f"{path}slow"), "http://127.0.0.1:9/dead", receiver.url(path)):
        subscribe(fresh, uri)
    create(fresh)
    for value in range(30):
        set_level(fresh, value)
    received = receiver.wait(31, path, patience=2.5)
    assert received[-1].data[0]["level"]["value"] == 29


def test_an_address_that_is_not_allowed_is_not_called(fresh: httpx2.Client) -> None:
    subscription = subscribe(fresh, "http://10.255.255.1/notify")
    create(fresh)
    until_status(fresh, subscription, timesFailed=1, status="failed")


def test_after_a_deletion_nothing_comes(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    subscription = subscribe(fresh, receiver.url(path))
    create(fresh)
    receiver.wait(1, path)
    assert fresh.delete(subscription).status_code == 204
    set_level(fresh, 2)
    receiver.quiet(0.5, path)


def test_what_fails_is_given_up_when_its_subscription_is_deleted(
    fresh: httpx2.Client, receiver: Receiver, path: str
) -> None:
    receiver.answer = lambda at: 503 if at == path else 200
    subscription = subscribe(fresh, receiver.url(path))
    create(fresh)
    receiver.wait(1, path)
    assert fresh.delete(subscription).status_code == 204
    receiver.quiet(1.5, path)


def test_a_paused_or_expired_subscription_is_told_nothing(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    paused = subscribe(fresh, receiver.url(path), isActive=False)
    soon = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    expiring = subscribe(fresh, receiver.url(path), expiresAt=soon)
    while fresh.get(expiring).json()["status"] != "expired":
        sleep(0.05)
    create(fresh)
    receiver.quiet(0.5, path)
    assert fresh.patch(paused, json={"isActive": True}).status_code == 204
    set_level(fresh, 2)
    assert receiver.wait(1, path)[0].data[0]["level"]["value"] == 2


def test_throttled_changes_come_together_the_last_of_each_entity(
    fresh: httpx2.Client, receiver: Receiver, path: str
) -> None:
    subscribe(fresh, receiver.url(path), throttling=1.5, notification={"format": "simplified"})
    create(fresh)
    receiver.wait(1, path)
    fresh.post("/entities", json={**lamp(), "id": "urn:ngsi-ld:Lamp:2"})
    for value in range(10):
        set_level(fresh, value)
    first, second = receiver.wait(2, path)
    assert second.at - first.at > 1.2
    assert {(each["id"], each["level"]) for each in second.data} == {(LAMP, 9), ("urn:ngsi-ld:Lamp:2", 1)}
    receiver.quiet(1.7, path)


def test_after_a_failure_the_cooldown_is_kept(fresh: httpx2.Client, receiver: Receiver, path: str) -> None:
    answers = iter([503])
    receiver.answer = lambda at: next(answers, 200) if at == path else 200
    subscribe(fresh, receiver.url(path), {"cooldown": 1500})
    create(fresh)
    first, second = receiver.wait(2, path)
    assert second.at - first.at >= 1.4


def test_a_time_driven_subscription_tells_all_that_matches_once_an_interval(
    fresh: httpx2.Client, receiver: Receiver, path: str
) -> None:
    create(fresh)
    fresh.post("/entities", json={"id": "urn:ngsi-ld:Tree:1", "type": "Tree"})
    began = monotonic()
    subscription = subscribe(fresh, receiver.url(path), timeInterval=1)
    received = receiver.wait(3, path)
    assert fresh.delete(subscription).status_code == 204
    assert [[each["id"] for each in one.data] for one in received] == [[LAMP]] * 3
    assert all(each.at - began > number - 0.1 for number, each in enumerate(received, 1)), "none before its time"
    receiver.quiet(1.5, path)


@pytest.fixture(scope="module")
def server_of_messages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    ports = (free_port(), free_port(), free_port())
    with mosquitto(tmp_path_factory.mktemp("mosquitto"), ports) as running:
        yield running


@pytest.mark.parametrize(
    ("told", "qos"),
    [([], 0), ([{"key": "MQTT-QoS", "value": "2"}, {"key": "MQTT-Version", "value": "mqtt3.1.1"}], 2)],
)
def test_over_mqtt_the_headers_are_metadata(
    fresh: httpx2.Client, server_of_messages: Mosquitto, path: str, told: Any, qos: int
) -> None:
    topic = f"city{path}"
    info = [{"key": "X-Purpose", "value": "trial"}]
    uri = f"mqtt://127.0.0.1:{server_of_messages.open}/{topic}"
    subscription = subscribe(fresh, uri, {"receiverInfo": info, "notifierInfo": told})
    create(fresh)
    set_level(fresh, 2)
    first, second = server_of_messages.wait(2, topic)
    assert first.qos == second.qos == qos
    assert first.body.keys() == {"metadata", "body"}
    assert first.body["metadata"] == {
        "X-Purpose": "trial",
        "Content-Type": "application/json",
        "Link": LINK,
        "NGSILD-Tenant": fresh.headers["ngsild-tenant"],
    }
    assert first.body["body"]["data"] == [lamp()]
    assert second.body["body"]["data"][0]["level"]["value"] == 2
    until_status(fresh, subscription, status="ok", timesSent=2)


def test_over_mqtt_what_is_not_let_in_fails(fresh: httpx2.Client, server_of_messages: Mosquitto, path: str) -> None:
    subscription = subscribe(fresh, f"mqtt://127.0.0.1:{server_of_messages.closed}{path}")
    create(fresh)
    until_status(fresh, subscription, status="failed")
    assert fresh.delete(subscription).status_code == 204
