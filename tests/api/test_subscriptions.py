"""Subscriptions over HTTP: GS CIM 009 §5.8.1–§5.8.5, §6.10, §6.11."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from broker.names import CORE_CONTEXT, NULL
from tests.api.test_entities import assert_problem

pytestmark = pytest.mark.http

Json = dict[str, Any]

ENDPOINT: Json = {"uri": "http://receiver.invalid/notify", "accept": "application/json"}
EVERYTHING: Json = {
    "type": "Subscription",
    "subscriptionName": "A name",
    "description": "What it is for",
    "entities": [{"type": "(Vehicle;Bus)|Tram", "idPattern": "^urn:ngsi-ld:"}, {"type": "Car", "id": "urn:car:1"}],
    "watchedAttributes": ["speed", "location"],
    "notificationTrigger": ["entityCreated", "attributeUpdated"],
    "q": "speed>50;brandName==Mercedes",
    "expandValues": ["brandName"],
    "geoQ": {"georel": "near;maxDistance==2000", "geometry": "Point", "coordinates": [13.4, 52.5]},
    "scopeQ": "/Berlin/#",
    "csf": "kind==1",
    "lang": "de",
    "datasetId": ["@none"],
    "throttling": 1.5,
    "expiresAt": "2199-01-01T00:00:00Z",
    "isActive": True,
    "localOnly": True,
    "splitEntities": False,
    "ngsildConformance": "1.8",
    "notification": {
        "pick": ["id", "speed", "isParked{name}"],
        "format": "concise",
        "sysAttrs": True,
        "showChanges": True,
        "join": "inline",
        "joinLevel": 1,
        "endpoint": {
            **ENDPOINT,
            "accept": "application/geo+json",
            "receiverInfo": [{"key": "X-Token", "value": "abc"}],
            "notifierInfo": [{"key": "MQTT-QoS", "value": "1"}],
            "timeout": 500,
            "cooldown": 1000,
        },
    },
}
VOCABULARY = {"@context": {"Vehicle": "https://x.example/Vehicle", "speed": "https://x.example/speed"}}


def _subscription(**members: Any) -> Json:
    subscription = {"type": "Subscription", "entities": [{"type": "Vehicle"}], "notification": {"endpoint": ENDPOINT}}
    return {"id": f"urn:ngsi-ld:Subscription:{uuid4().hex}", **subscription, **members}


def _created(api: httpx2.Client, **members: Any) -> str:
    subscription = _subscription(**members)
    answer = api.post("/subscriptions", json=subscription)
    assert answer.status_code == 201, answer.text
    subscription_id: str = subscription["id"]
    return subscription_id


def _shown(api: httpx2.Client, subscription_id: str, **headers: str) -> Json:
    answer = api.get(f"/subscriptions/{subscription_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    shown: Json = answer.json()
    return shown


def _changed(api: httpx2.Client, subscription_id: str, fragment: Json) -> Json:
    answer = api.patch(f"/subscriptions/{subscription_id}", json=fragment)
    assert answer.status_code == 204, answer.text
    return _shown(api, subscription_id)


# Create Subscription


def test_a_created_subscription_is_retrieved_as_it_was_sent(api: httpx2.Client) -> None:
    subscription_id = _created(api, **EVERYTHING)
    shown = _shown(api, subscription_id)
    assert shown == {
        **EVERYTHING,
        "id": subscription_id,
        "status": "active",
        "jsonldContext": CORE_CONTEXT,
    }


def test_a_create_names_its_resource(api: httpx2.Client) -> None:
    subscription = _subscription()
    answer = api.post("/subscriptions", json=subscription)
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["location"] == f"/ngsi-ld/v1/subscriptions/{subscription['id']}"


def test_an_id_is_made_where_none_is_given(api: httpx2.Client) -> None:
    subscription = _subscription()
    del subscription["id"]
    location = api.post("/subscriptions", json=subscription).headers["location"]
    shown = _shown(api, location.removeprefix("/ngsi-ld/v1/subscriptions/"))
    assert shown["id"].startswith("urn:ngsi-ld:Subscription:")


def test_an_id_that_is_taken_is_refused(api: httpx2.Client) -> None:
    subscription_id = _created(api)
    assert_problem(api.post("/subscriptions", json=_subscription(id=subscription_id)), 409, "AlreadyExists")


def test_an_id_is_free_again_after_a_deletion(api: httpx2.Client) -> None:
    subscription_id = _created(api)
    assert api.delete(f"/subscriptions/{subscription_id}").status_code == 204
    assert api.post("/subscriptions", json=_subscription(id=subscription_id)).status_code == 201


def test_a_subscription_makes_its_tenant(fresh: httpx2.Client) -> None:
    assert fresh.post("/subscriptions", json=_subscription()).status_code == 201
    assert len(fresh.get("/subscriptions").json()) == 1


def test_what_the_broker_writes_is_ignored_when_sent(api: httpx2.Client) -> None:
    notification = {"endpoint": ENDPOINT, "status": "failed", "timesSent": 7, "lastFailure": "x"}
    shown = _shown(api, _created(api, status="expired", createdAt="x", notification=notification))
    assert shown["status"] == "active"
    assert shown["notification"] == {"endpoint": ENDPOINT}


def test_a_past_expiry_is_refused(api: httpx2.Client) -> None:
    detail = assert_problem(
        api.post("/subscriptions", json=_subscription(expiresAt="2020-01-01T00:00:00Z")), 400, "BadRequestData"
    )
    assert "expiresAt" in detail


def test_an_unknown_member_is_refused_by_its_name(api: httpx2.Client) -> None:
    answer = api.post("/subscriptions", json=_subscription(watchedAttribute=["speed"]))
    assert "watchedAttribute" in assert_problem(answer, 400, "BadRequestData")


def test_a_context_of_notifications_that_cannot_be_had_is_refused(api: httpx2.Client) -> None:
    answer = api.post("/subscriptions", json=_subscription(jsonldContext="http://nothing.invalid/context.jsonld"))
    assert_problem(answer, 504, "LdContextNotAvailable")


# Names and contexts


def test_names_are_shown_in_the_context_of_the_request(api: httpx2.Client) -> None:
    members = {"watchedAttributes": ["speed"], "notification": {"pick": ["speed", "id"], "endpoint": ENDPOINT}}
    subscription = _subscription(**members, **VOCABULARY)
    answer = api.post("/subscriptions", json=subscription, headers={"Content-Type": "application/ld+json"})
    assert answer.status_code == 201, answer.text
    shown = _shown(api, subscription["id"])
    assert shown["entities"] == [{"type": "https://x.example/Vehicle"}]
    assert shown["watchedAttributes"] == ["https://x.example/speed"]
    assert shown["notification"]["pick"] == ["https://x.example/speed", "id"]


def test_a_fragment_is_read_with_its_own_context(api: httpx2.Client) -> None:
    subscription_id = _created(api, watchedAttributes=["speed"], q="speed>1")
    fragment = {"entities": [{"type": "Vehicle"}], **VOCABULARY}
    answer = api.patch(
        f"/subscriptions/{subscription_id}", json=fragment, headers={"Content-Type": "application/ld+json"}
    )
    assert answer.status_code == 204, answer.text
    shown = _shown(api, subscription_id)
    assert shown["entities"] == [{"type": "https://x.example/Vehicle"}]
    assert shown["watchedAttributes"] == ["speed"]
    assert shown["q"] == "speed>1"


def test_json_ld_has_its_context_in_the_body(api: httpx2.Client) -> None:
    shown = _shown(api, _created(api), Accept="application/ld+json")
    assert shown["@context"] == CORE_CONTEXT


# Retrieve and Query Subscriptions


def test_system_attributes_are_shown_on_demand(api: httpx2.Client) -> None:
    subscription_id = _created(api)
    assert "createdAt" not in _shown(api, subscription_id)
    shown = api.get(f"/subscriptions/{subscription_id}?options=sysAttrs").json()
    assert shown["createdAt"] == shown["modifiedAt"]
    api.patch(f"/subscriptions/{subscription_id}", json={"isActive": False})
    shown = api.get(f"/subscriptions/{subscription_id}?options=sysAttrs").json()
    assert shown["createdAt"] < shown["modifiedAt"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_not_there_is_not_found(api: httpx2.Client, method: str) -> None:
    _created(api)
    body = {"json": {"isActive": False}} if method == "PATCH" else {}
    answer = api.request(method, "/subscriptions/urn:nothing", **body)  # type: ignore[arg-type]
    assert_problem(answer, 404, "ResourceNotFound")
    assert_problem(api.request(method, "/subscriptions/nothing", **body), 400, "BadRequestData")  # type: ignore[arg-type]


def test_pages_hold_every_subscription_once(fresh: httpx2.Client) -> None:
    expected = sorted(_created(fresh) for _ in range(5))
    url, found = "/subscriptions?limit=2&count=true", []
    while url:
        answer = fresh.get(url)
        assert answer.headers["ngsild-results-count"] == "5"
        found += [each["id"] for each in answer.json()]
        url = answer.links.get("next", {}).get("url", "").removeprefix("/ngsi-ld/v1")
    assert found == expected
    assert [each["id"] for each in fresh.get("/subscriptions?limit=2&offset=3").json()] == expected[3:]


def test_the_subscriptions_of_a_tenant_are_its_own(fresh: httpx2.Client, api: httpx2.Client) -> None:
    subscription_id = _created(fresh)
    _created(api)
    assert [each["id"] for each in fresh.get("/subscriptions").json()] == [subscription_id]
    assert api.get(f"/subscriptions/{subscription_id}").status_code == 404


# Update Subscription


def test_members_are_replaced_and_nulls_remove(api: httpx2.Client) -> None:
    subscription_id = _created(api, q="speed>1", description="x")
    shown = _changed(api, subscription_id, {"q": NULL, "description": "y", "notificationTrigger": ["entityDeleted"]})
    assert "q" not in shown
    assert (shown["description"], shown["notificationTrigger"]) == ("y", ["entityDeleted"])
    notification = {"format": "concise", "endpoint": {"uri": "http://other.invalid/"}}
    assert _changed(api, subscription_id, {"notification": notification})["notification"] == notification


@pytest.mark.parametrize(
    "fragment",
    [
        {},
        {"type": "Entity"},
        {"id": "urn:other"},
        {"notification": {"format": "concise"}},
        {"notification": {"endpoint": None}},
        {"notification": NULL},
        {"entities": NULL},
        {"throttling": -1},
        {"timeInterval": 5},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"nothing": 1},
    ],
    ids=str,
)
def test_a_fragment_that_breaks_a_rule_changes_nothing(api: httpx2.Client, fragment: Json) -> None:
    subscription_id = _created(api, throttling=1)
    before = _shown(api, subscription_id)
    assert_problem(api.patch(f"/subscriptions/{subscription_id}", json=fragment), 400, "BadRequestData")
    assert _shown(api, subscription_id) == before


def test_a_subscription_is_paused_and_active_again(api: httpx2.Client) -> None:
    subscription_id = _created(api)
    assert _changed(api, subscription_id, {"isActive": False})["status"] == "paused"
    assert _changed(api, subscription_id, {"isActive": True})["status"] == "active"


def test_what_the_broker_writes_cannot_be_changed(api: httpx2.Client) -> None:
    subscription_id = _created(api)
    answer = api.patch(f"/subscriptions/{subscription_id}", json={"status": "paused"})
    assert_problem(answer, 400, "BadRequestData")
    assert _changed(api, subscription_id, {"status": "expired", "description": "x"})["status"] == "active"


# Delete Subscription


def test_a_deleted_subscription_is_gone(api: httpx2.Client) -> None:
    subscription_id = _created(api)
    answer = api.delete(f"/subscriptions/{subscription_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(api.get(f"/subscriptions/{subscription_id}"), 404, "ResourceNotFound")
    assert subscription_id not in [each["id"] for each in api.get("/subscriptions?limit=1000").json()]
