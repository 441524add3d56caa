"""The @context of notifications, and the contexts that come with subscriptions: GS CIM 009 §5.2.12, §5.8.1, §5.13.1."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest

from broker.names import CORE_CONTEXT, NULL
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.http

Json = dict[str, Any]

JSON_LD: Final = {"Content-Type": "application/ld+json"}
LAMP: Final = "https://x.example/Lamp"
OWN: Final = {"Lampe": LAMP, "helligkeit": "https://x.example/level"}
OTHER: Final = {"Lampada": LAMP, "luce": "https://x.example/level"}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def subscribe(api: httpx2.Client, context: Any, uri: str = "http://receiver.invalid/", **members: Any) -> str:
    """Subscribe to lamps; the path of the subscription."""
    document = {
        "@context": context,
        "type": "Subscription",
        "entities": [{"type": LAMP}],
        "notification": {"endpoint": {"uri": uri, "accept": "application/ld+json"}},
        **members,
    }
    answer = api.post("/subscriptions", json=document, headers=JSON_LD)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix("/ngsi-ld/v1")


def named(api: httpx2.Client, path: str) -> str:
    """The `jsonldContext` of a subscription."""
    found: str = api.get(path).json()["jsonldContext"]
    return found


def implicit(api: httpx2.Client) -> list[Json]:
    found: list[Json] = api.get("/jsonldContexts?kind=ImplicitlyCreated&details=true").json()
    return found


def change(api: httpx2.Client, path: str, fragment: Json) -> None:
    headers = JSON_LD if "@context" in fragment else {}
    answer = api.patch(path, json=fragment, headers=headers)
    assert answer.status_code == 204, answer.text


def write(api: httpx2.Client) -> None:
    entity = {"id": f"urn:ngsi-ld:Lamp:{uuid4().hex}", "type": LAMP, "https://x.example/level": 1}
    assert api.post("/entities", json=entity).status_code == 201


@pytest.mark.parametrize("context", [OWN, [OWN], [OWN, CORE_CONTEXT], [OWN, OTHER]])
def test_a_context_without_a_url_gets_one_here(fresh: httpx2.Client, context: Any) -> None:
    url = named(fresh, subscribe(fresh, context))
    (info,) = implicit(fresh)
    assert info["URL"] == url
    assert info["kind"] == "ImplicitlyCreated"
    assert httpx2.get(url, headers={"NGSILD-Tenant": fresh.headers["NGSILD-Tenant"]}).json() == {"@context": context}


def test_the_same_context_is_created_once(fresh: httpx2.Client) -> None:
    urls = {named(fresh, subscribe(fresh, OWN)) for _ in range(2)}
    assert [info["URL"] for info in implicit(fresh)] == list(urls)


@pytest.mark.parametrize("context", [CORE_CONTEXT, [CORE_CONTEXT]])
def test_a_context_with_a_url_keeps_it(fresh: httpx2.Client, context: Any) -> None:
    assert named(fresh, subscribe(fresh, context)) == CORE_CONTEXT
    assert implicit(fresh) == []


def test_the_one_that_is_named_holds(fresh: httpx2.Client) -> None:
    assert named(fresh, subscribe(fresh, OWN, jsonldContext=CORE_CONTEXT)) == CORE_CONTEXT
    assert implicit(fresh) == []


def test_a_refused_subscription_creates_none(fresh: httpx2.Client) -> None:
    subscribe(fresh, CORE_CONTEXT)
    document = {"@context": OWN, "type": "Subscription", "entities": [{"type": "Lampe"}]}
    assert fresh.post("/subscriptions", json=document, headers=JSON_LD).status_code == 400
    assert implicit(fresh) == []


@pytest.mark.parametrize(
    ("fragment", "same"),
    [
        ({"isActive": False}, True),
        ({"@context": CORE_CONTEXT, "isActive": False}, True),
        ({"@context": OWN, "isActive": False}, True),
        ({"@context": OTHER, "isActive": False}, False),
        ({"jsonldContext": CORE_CONTEXT}, False),
    ],
)
def test_an_update_changes_it_if_it_brings_another(fresh: httpx2.Client, fragment: Json, same: bool) -> None:
    path = subscribe(fresh, OWN)
    before = named(fresh, path)
    change(fresh, path, fragment)
    assert (named(fresh, path) == before) is same


def test_the_named_one_taken_away_leaves_that_of_the_request(fresh: httpx2.Client) -> None:
    own = named(fresh, subscribe(fresh, OWN))
    path = subscribe(fresh, OTHER, jsonldContext=CORE_CONTEXT)
    change(fresh, path, {"@context": OWN, "jsonldContext": NULL})
    assert named(fresh, path) == own
    change(fresh, path, {"jsonldContext": NULL})
    assert named(fresh, path) == CORE_CONTEXT


def test_notifications_name_it_and_speak_it(fresh: httpx2.Client, receiver: Receiver) -> None:
    where = f"/{uuid4().hex}"
    path = subscribe(fresh, [OWN, CORE_CONTEXT], receiver.url(where))
    write(fresh)
    (received,) = receiver.wait(1, where)
    assert received.body["@context"] == named(fresh, path)
    assert received.data[0]["type"] == "Lampe"
    assert "helligkeit" in received.data[0]


def test_a_link_names_it_where_the_body_does_not(fresh: httpx2.Client, receiver: Receiver) -> None:
    where = f"/{uuid4().hex}"
    endpoint = {"uri": receiver.url(where), "accept": "application/json"}
    path = subscribe(fresh, OWN, notification={"endpoint": endpoint})
    write(fresh)
    (received,) = receiver.wait(1, where)
    assert received.headers["link"].startswith(f"<{named(fresh, path)}>")
    assert received.data[0]["type"] == "Lampe"


def test_notifications_go_on_when_it_was_deleted(fresh: httpx2.Client, receiver: Receiver) -> None:
    where = f"/{uuid4().hex}"
    subscribe(fresh, [OTHER, OWN], receiver.url(where))
    (info,) = implicit(fresh)
    assert fresh.delete(f"/jsonldContexts/{info['localId']}").status_code == 204
    assert implicit(fresh) == []
    write(fresh)
    (received,) = receiver.wait(1, where)
    assert received.data[0]["type"] in ("Lampe", "Lampada")
