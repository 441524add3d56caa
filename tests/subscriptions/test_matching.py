"""Which subscriptions a change concerns: the index against a look at each subscription, and the clauses by example."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.model.entity import Entity
from broker.query.geo_predicate import located
from broker.store.commits import Deriving
from broker.subscriptions.document import Trigger, compile_kept
from tests.query import oracle
from tests.query.strategies import attributes, queries
from tests.subscriptions.building import NOW, Shelf, change, entity, kept, subscription
from tests.thoroughness import examples

LATER = "2026-11-21T09:00:00Z"
TYPES = ("T", "U", "V")
IDS = ("urn:x:1", "urn:x:2", "urn:y:11")
PATTERNS = ("^urn:x:", "^urn:y:1+$", "1$", "^urn:(x|y):2", "^urn:z")
SELECTIONS = ("*", "T", "U", "T,U", "(T;U)", "(T;U)|V")


@st.composite
def selectors(draw: st.DrawFn) -> dict[str, Any]:
    selector: dict[str, Any] = {"type": draw(st.sampled_from(SELECTIONS))}
    match draw(st.sampled_from(("", "", "id", "ids", "pattern"))):
        case "id":
            selector["id"] = draw(st.sampled_from(IDS))
        case "ids":
            selector["id"] = list(IDS[:2])
        case "pattern":
            selector["idPattern"] = draw(st.sampled_from(PATTERNS))
    return selector


places = st.sampled_from(
    (
        {"georel": "near;maxDistance==200000", "geometry": "Point", "coordinates": [2, 2]},
        {"georel": "near;minDistance==200000", "geometry": "Point", "coordinates": [2, 2]},
        {"georel": "within", "geometry": "Polygon", "coordinates": [[[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]]]},
        {"georel": "intersects", "geometry": "LineString", "coordinates": [[179, 0], [-179, 0]]},
        {"georel": "disjoint", "geometry": "Point", "coordinates": [1, 2]},
        {"georel": "equals", "geometry": "Point", "coordinates": [1, 2]},
        {"georel": "near;maxDistance==1000000", "geometry": "Point", "coordinates": [100, 89]},
    )
)
geometries = st.sampled_from(
    (
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Point", "coordinates": [180, 0]},
        {"type": "Point", "coordinates": [-80, 88]},
        {"type": "LineString", "coordinates": [[-1, -1], [4, 4]]},
        {"type": "Polygon", "coordinates": [[[178, -1], [180, -1], [180, 1], [178, 1], [178, -1]]]},
    )
)


class Wanted:
    """A generated subscription, and what it asks for in the words of the oracles."""

    def __init__(self, number: int, members: dict[str, Any], q: oracle.Query | None) -> None:
        self.q = q
        text = {} if q is None else {"q": oracle.text(q)}
        self.document = subscription(id=f"urn:s:{number}", **members, **text)
        self.compiled = compile_kept("", kept(self.document))

    def concerned(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> bool:
        """By the clauses, one by one, on the payloads."""
        state = new or old
        assert state is not None
        done = _triggers(old, new, self.document.get("watchedAttributes"))
        return (
            bool(done & set(self.document.get("notificationTrigger", ["attributeCreated", "attributeUpdated"])))
            and any(_selected(selector, state) for selector in self.document["entities"])
            and (self.q is None or oracle.matches(state, self.q))
            and (self.compiled.geo is None or located(self.compiled.geo)(entity(state)))
        )


def _selected(selector: dict[str, Any], state: dict[str, Any]) -> bool:
    types = set(state["type"])
    ids = selector.get("id", [])
    typed = {
        "*": True,
        "T": "T" in types,
        "U": "U" in types,
        "T,U": bool(types & {"T", "U"}),
        "(T;U)": types >= {"T", "U"},
        "(T;U)|V": types >= {"T", "U"} or "V" in types,
    }
    by_pattern = {
        "^urn:x:": state["id"].startswith("urn:x:"),
        "^urn:y:1+$": state["id"] == "urn:y:11",
        "1$": state["id"].endswith("1"),
        "^urn:(x|y):2": state["id"] == "urn:x:2",
        "^urn:z": False,
    }
    return (
        typed[selector["type"]]
        and (not ids or state["id"] in ([ids] if isinstance(ids, str) else ids))
        and by_pattern.get(selector.get("idPattern", ""), True)
    )


def _triggers(old: dict[str, Any] | None, new: dict[str, Any] | None, watched: list[str] | None) -> set[str]:
    """What happened to what is watched."""
    before, after = _instances(old, watched), _instances(new, watched)
    done = set()
    if after.keys() - before.keys():
        done.add("attributeCreated")
    if before.keys() - after.keys():
        done.add("attributeDeleted")
    if any(before[key] != after[key] for key in before.keys() & after.keys()):
        done.add("attributeUpdated")
    if done:
        done.add("entityUpdated")
    if watched is None or done:
        done |= {"entityCreated"} if old is None else {"entityDeleted"} if new is None else set()
    return done


def _instances(payload: dict[str, Any] | None, watched: list[str] | None) -> dict[tuple[str, str], str]:
    found = {}
    for name, several in (payload or {}).items():
        if name in ("id", "type") or (watched is not None and name not in watched):
            continue
        for instance in several if isinstance(several, list) else [several]:
            found[name, instance.get("datasetId", "@none")] = json.dumps(instance, sort_keys=True)
    return found


@st.composite
def wanted(draw: st.DrawFn, number: int) -> Wanted:
    members: dict[str, Any] = {"entities": draw(st.lists(selectors(), min_size=1, max_size=2))}
    if draw(st.booleans()):
        members["watchedAttributes"] = draw(st.lists(st.sampled_from(("a", "b", "c")), min_size=1, unique=True))
    if draw(st.booleans()):
        triggers = ("entityCreated", "entityUpdated", "entityDeleted", *(each for each in Trigger))
        members["notificationTrigger"] = draw(
            st.lists(st.sampled_from([str(each) for each in triggers]), min_size=1, max_size=2, unique=True)
        )
    if draw(st.integers(0, 3)) == 0:
        members["geoQ"] = draw(places)
    return Wanted(number, members, draw(st.none() | queries()))


@st.composite
def states(draw: st.DrawFn) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "type": draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True)),
    }
    for name in draw(st.lists(st.sampled_from(("a", "b")), unique=True)):
        payload[name] = draw(attributes())
    if draw(st.booleans()):
        payload["location"] = {"type": "GeoProperty", "value": draw(geometries)}
    return payload


@st.composite
def changes(draw: st.DrawFn) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    named = {"id": draw(st.sampled_from(IDS))}
    old, new = draw(st.none() | states()), draw(st.none() | states())
    if old is not None and new is not None and draw(st.booleans()):  # a small change
        new = {**old, **dict(list(new.items())[:2])}
    if old is None and new is None:
        new = {"type": ["T"]}
    return old and {**named, **old}, new and {**named, **new}


@settings(max_examples=examples(80))
@given(st.data())
async def test_the_index_finds_what_a_look_at_each_subscription_finds(data: st.DataObject) -> None:
    shelf = Shelf()
    known: dict[str, Wanted] = {}
    for _ in range(data.draw(st.integers(1, 3))):
        for number in data.draw(st.lists(st.integers(0, 7), max_size=6)):
            subscription_id = f"urn:s:{number}"
            if subscription_id in known and data.draw(st.booleans()):
                shelf.remove(subscription_id)
                del known[subscription_id]
            else:
                known[subscription_id] = data.draw(wanted(number))
                shelf.put(known[subscription_id].document)
        await shelf.registry.reload("")
        for old, new in data.draw(st.lists(changes(), min_size=1, max_size=3)):
            expected = sorted(each for each in known if known[each].concerned(old, new))
            states_ = [None if payload is None else entity(payload) for payload in (old, new)]
            found = shelf.registry.matching("", change(*states_))
            assert found == expected


# By example.

OLD = {"id": "urn:x:1", "type": "T", "a": {"type": "Property", "value": 1}, "b": {"type": "Property", "value": 1}}


async def _concerned(document: dict[str, Any], old: Entity | None, new: Entity | None, now: str = LATER) -> bool:
    shelf = Shelf()
    shelf.put(document)
    await shelf.registry.reload("")
    return bool(shelf.registry.matching("", change(old, new, now=now)))


async def test_sending_a_value_again_is_no_change() -> None:
    assert not await _concerned(subscription(), entity(OLD), entity(OLD, LATER))


@pytest.mark.parametrize(
    ("before", "after"),
    [(1, True), (0, False), ([1], [True]), ({"x": 1}, {"x": True}), (1, 2), ("1", 1), ({"x": 1}, {"x": 1, "y": 2})],
)
async def test_another_value_is_a_change(before: Any, after: Any) -> None:
    old, new = ({**OLD, "a": {"type": "Property", "value": value}} for value in (before, after))
    assert await _concerned(subscription(), entity(old), entity(new, LATER))


@pytest.mark.parametrize("member", [{"unitCode": "CEL"}, {"observedAt": NOW}, {"c": {"type": "Property", "value": 1}}])
async def test_another_annotation_is_a_change(member: dict[str, Any]) -> None:
    new = {**OLD, "a": {"type": "Property", "value": 1, **member}}
    assert await _concerned(subscription(), entity(OLD), entity(new, LATER))


async def test_a_condition_out_of_a_url_keeps_its_meaning() -> None:
    asked = subscription(q='c=="Eiffel%20Tower"')
    assert await _concerned(asked, None, entity({**OLD, "c": {"type": "Property", "value": "Eiffel Tower"}}))


async def test_a_deleted_entity_deletes_its_attributes() -> None:
    asked = subscription(notificationTrigger=["attributeDeleted"], watchedAttributes=["a"])
    assert await _concerned(asked, entity(OLD), None)


async def test_an_instance_of_another_dataset_is_none_of_a_subscription_to_one() -> None:
    asked = subscription(datasetId=["urn:d:1"])
    new = {**OLD, "a": [OLD["a"], {"type": "Property", "value": 2, "datasetId": "urn:d:2"}]}
    assert not await _concerned(asked, entity(OLD), entity(new, LATER))
    new = {**OLD, "a": [OLD["a"], {"type": "Property", "value": 2, "datasetId": "urn:d:1"}]}
    assert await _concerned(asked, entity(OLD), entity(new, LATER))


async def test_the_scope_is_watched_by_its_name() -> None:
    asked = subscription(watchedAttributes=["scope"])
    assert await _concerned(asked, entity(OLD), entity({**OLD, "scope": "/a"}, LATER))


async def test_an_expired_subscription_is_not_notified() -> None:
    asked = subscription(expiresAt="2199-01-01T00:00:00Z")
    assert await _concerned(asked, None, entity(OLD))
    assert not await _concerned(asked, None, entity(OLD), now="2199-01-01T00:00:00Z")


@pytest.mark.parametrize("members", [{"isActive": False}, {"timeInterval": 5}])
async def test_paused_and_time_driven_subscriptions_are_not_matched(members: dict[str, Any]) -> None:
    assert not await _concerned(subscription(**members), None, entity(OLD))


async def test_time_driven_subscriptions_are_listed_apart() -> None:
    shelf = Shelf()
    shelf.put(subscription(timeInterval=5))
    await shelf.registry.reload("")
    assert [each.id for each in shelf.registry.periodic()] == ["urn:s:1"]
    shelf.remove("urn:s:1")
    await shelf.registry.reload("")
    assert not list(shelf.registry.periodic())


# What is owed.


async def _owed(steps: list[tuple[str, int]]) -> list[list[str]]:
    """Per notification the entities that it is owed for, of changes given as entity and request."""
    shelf = Shelf()
    shelf.put(subscription())
    await shelf.registry.reload("")
    counter = itertools.count(1)
    changes_ = [
        change(None, entity({**OLD, "id": entity_id}), request=request)._replace(revision=next(counter))
        for entity_id, request in steps
    ]
    return [
        [step[0] for step in owed.operation._doc["e"]]  # type: ignore[union-attr,call-overload]
        for owed in shelf.registry.derive(Deriving("", changes_, 0))
    ]


async def test_the_entities_of_a_request_go_out_together() -> None:
    assert await _owed([("urn:x:1", 1), ("urn:x:2", 1), ("urn:x:3", 2)]) == [["urn:x:1", "urn:x:2"], ["urn:x:3"]]


async def test_an_entity_that_comes_twice_is_told_of_twice() -> None:
    assert await _owed([("urn:x:1", 1), ("urn:x:1", 1)]) == [["urn:x:1", "urn:x:1"]]
