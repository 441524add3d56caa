"""Writes against independent, naive models of what they should do, on generated entities and fragments."""

from copy import deepcopy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from broker.model import merge
from broker.model.entity import Attributes, Entity
from broker.model.parse import Fragment, parse_entity, parse_fragment
from broker.model.render import Representation, renderer
from broker.names import NULL
from tests.model.context import NAMES, T0, T1
from tests.model.strategies import (
    LAW,
    VALUES,
    instances,
    scalars,
    small_attributes,
    small_entities,
    small_fragments,
    texts,
    values,
)

Json = Any


def parsed(payload: dict[str, Any]) -> Entity:
    return merge.create(parse_entity(payload, NAMES), T0)


def normalized(entity: Entity) -> dict[str, Any]:
    return renderer(NAMES, Representation())(entity)


DELETIONS = st.sampled_from(({"type": "Property", "value": NULL}, {"object": NULL, "datasetId": "urn:d:1"}))


def deleting_fragments() -> st.SearchStrategy[dict[str, Any]]:
    """Fragments that delete some instances."""
    contents = st.one_of(small_attributes(), DELETIONS)
    return st.dictionaries(st.sampled_from(("speed", "temperature", "isOn")), contents, max_size=3)


def by_dataset(attribute: Json) -> dict[str, Json]:
    several = attribute if isinstance(attribute, list) else [attribute]
    return {instance.get("datasetId", "@none"): instance for instance in several}


MEMBERS = frozenset({"id", "type", "scope", "createdAt", "modifiedAt"})


def model(payload: dict[str, Any]) -> dict[str, dict[str, Json]]:
    """An entity as a map of maps: attribute, datasetId, normalized instance."""
    return {name: by_dataset(content) for name, content in payload.items() if name not in MEMBERS}


@LAW
@given(small_entities(), small_fragments())
def test_append_is_a_map_update(payload: dict[str, Any], change: dict[str, Any]) -> None:
    expected = model(payload)
    for name, sent in model(change).items():
        expected[name] = expected.get(name, {}) | sent
    after, result = merge.append(parsed(payload), parse_fragment(change, NAMES), T1)
    assert model(normalized(after)) == expected
    assert len(result.updated) == len(change)
    assert not result.not_updated


@LAW
@given(small_entities(), small_fragments())
def test_append_without_overwriting_is_a_map_update_from_below(payload: dict[str, Any], change: dict[str, Any]) -> None:
    before = model(payload)
    expected = {name: before.get(name, {}) for name in before | change}
    expected = {name: model(change).get(name, {}) | present for name, present in expected.items()}
    after, result = merge.append(parsed(payload), parse_fragment(change, NAMES), T1, overwrite=False)
    assert model(normalized(after)) == expected
    refused = [name for name in change if before.get(name, {}).keys() & model(change)[name].keys()]
    assert len(result.not_updated) == len(refused)


@LAW
@given(small_entities(), deleting_fragments())
def test_update_is_a_map_update_with_deletions(payload: dict[str, Any], change: dict[str, Any]) -> None:
    expected = model(payload)
    for name, sent in model(change).items():
        present = expected.pop(name, {})
        for dataset, instance in sent.items():
            if NULL in instance.values():
                present.pop(dataset, None)
            else:
                present[dataset] = instance
        if present:
            expected[name] = present
    after, _ = merge.update(parsed(payload), parse_fragment(change, NAMES, nulls=True), T1)
    assert model(normalized(after)) == expected


@LAW
@given(small_entities(), small_entities())
def test_replace_leaves_nothing_but_the_new(before: dict[str, Any], after: dict[str, Any]) -> None:
    replaced = merge.replace(parsed(before), parse_entity(after, NAMES), T1)
    assert normalized(replaced) == after
    assert (replaced.created_at, replaced.modified_at) == (T0, T1)


@LAW
@given(small_entities(), small_fragments())
def test_writing_twice_is_writing_once(payload: dict[str, Any], change: dict[str, Any]) -> None:
    fragment = parse_fragment(change, NAMES)
    once, _ = merge.update(parsed(payload), fragment, T1)
    assert merge.update(once, fragment, T1)[0] == once


def rfc_7396(target: Json, patch: Json) -> Json:
    """MergePatch of RFC 7396 §2, line by line, with the NGSI-LD Null for null."""
    if isinstance(patch, dict):
        if not isinstance(target, dict):
            target = {}
        for name, value in patch.items():
            if value == NULL:
                if name in target:
                    del target[name]
            else:
                target[name] = rfc_7396(target.get(name), value)
        return target
    return patch


objects_with_nulls = values(st.one_of(scalars, st.just(NULL))).filter(lambda value: not _null_in_array(value))


def _null_in_array(value: Json, in_array: bool = False) -> bool:
    if isinstance(value, dict):
        return any(_null_in_array(item, in_array) for item in value.values())
    if isinstance(value, list):
        return any(_null_in_array(item, True) for item in value)
    return in_array and value == NULL


PATCHES: dict[str, st.SearchStrategy[Any]] = {
    "Property": objects_with_nulls.filter(lambda value: value != NULL),
    "JsonProperty": st.dictionaries(texts, st.one_of(scalars, st.just(NULL)), max_size=3),
    "LanguageProperty": st.dictionaries(
        st.sampled_from(("en", "fr", "nl-BE")), st.one_of(texts, st.just(NULL)), min_size=1, max_size=3
    ),
}


@st.composite
def patches(draw: st.DrawFn, instance: dict[str, Any]) -> dict[str, Any]:
    """A part of a normalized instance of one kind: new content, sub-attributes, and Nulls for some of what is there."""
    kind: str = instance["type"]
    member, contents = VALUES[kind]
    patch: dict[str, Any] = {"type": kind}
    if draw(st.booleans()):
        patch[member] = draw(PATCHES.get(kind, contents))
    for name, content in instance.items():
        if name in {"type", member} or "datasetId" in str(content):
            continue
        choice = draw(st.sampled_from(("keep", "remove", "merge")))
        if choice == "remove":
            patch[name] = NULL
        elif choice == "merge" and isinstance(content, dict):
            patch[name] = draw(patches(content))
    if draw(st.booleans()) and "source" not in instance:
        patch["source"] = draw(instances(depth=2))
    return patch


def _empty_language_map(value: Json) -> bool:
    return isinstance(value, dict) and (value.get("languageMap") == {} or any(map(_empty_language_map, value.values())))


@LAW
@given(st.data())
def test_merge_is_rfc_7396(data: st.DataObject) -> None:
    before = {"speed": data.draw(instances(depth=1)), "temperature": data.draw(small_attributes())}
    change = {
        "speed": data.draw(patches(before["speed"])),
        **data.draw(st.fixed_dictionaries({}, optional={"temperature": st.just(NULL), "isOn": instances(depth=2)})),
    }
    assume("@value" not in str(before) + str(change))
    assume("datasetId" not in str(before["temperature"]))
    expected = rfc_7396(deepcopy(before), deepcopy(change))
    assume(not _empty_language_map(expected))
    entity = parsed({"id": "urn:x:1", "type": "Vehicle", **before})
    after = normalized(merge.merge(entity, parse_fragment(change, NAMES, merging=True), T1))
    assert after == {"id": "urn:x:1", "type": "Vehicle", **expected}


@LAW
@given(small_entities(), deleting_fragments())
def test_no_argument_is_changed(payload: dict[str, Any], change: dict[str, Any]) -> None:
    entity = parsed(payload)
    fragment = parse_fragment(change, NAMES, nulls=True)
    whole = parse_fragment({name: content for name, content in change.items() if NULL not in str(content)}, NAMES)
    before = repr((entity, fragment, whole))
    merge.update(entity, fragment, T1)
    merge.merge(entity, fragment, T1)
    merge.append(entity, whole, T1)
    merge.append(entity, whole, T1, overwrite=False)
    merge.replace(entity, whole, T1)
    assert repr((entity, fragment, whole)) == before


def check_shape(attributes: Attributes, owner: str) -> None:
    """The rules of the canonical shape that `broker.model.entity` states."""
    for instances_ in attributes.values():
        datasets = [instance.get("datasetId") for instance in instances_]
        assert datasets
        assert len(datasets) == len(set(datasets))
        assert None not in datasets[1:]
        for instance in instances_:
            assert instance["type"] in VALUES
            created = instance.get("createdAt", owner)
            assert "createdAt" not in instance or created != owner
            assert instance.get("modifiedAt") != created
            assert NULL not in instance.values()
            assert instance.get("attributes") != {}
            check_shape(instance.get("attributes", {}), created)


STEPS = st.lists(
    st.tuples(st.sampled_from(("append", "update", "merge", "replace", "keep")), small_fragments()), max_size=5
)


@LAW
@given(small_fragments(), STEPS)
def test_any_sequence_of_writes_keeps_the_shape_and_the_times(first: dict[str, Any], steps: list[Any]) -> None:
    """Times of attributes against a model that writes every time down."""
    payload = {"id": "urn:x:1", "type": "Vehicle", **first}
    entity = parsed(payload)
    times = {(name, dataset): (T0, T0) for name, sent in model(payload).items() for dataset in sent}
    for number, (operation, change) in enumerate(steps):
        now = f"2025-02-01T00:00:{number:02}Z"
        fragment = parse_fragment(change, NAMES)
        entity = _apply(operation, entity, fragment, now)
        sent = {(name, dataset) for name, content in model(change).items() for dataset in content}
        if operation == "replace":
            times = {key: (times.get(key, (now, now))[0], now) for key in sent}
        else:
            kept = times.keys() if operation == "keep" else set()
            times |= {key: (times.get(key, (now, now))[0], now) for key in sent if key not in kept}
        check_shape(entity.attributes, entity.created_at)
        shown = model(renderer(NAMES, Representation(sys_attrs=True))(entity))
        written = {
            (name, dataset): (instance["createdAt"], instance["modifiedAt"])
            for name, content in shown.items()
            for dataset, instance in content.items()
        }
        assert written == times


def _apply(operation: str, entity: Entity, fragment: Fragment, now: str) -> Entity:
    if operation == "append":
        return merge.append(entity, fragment, now)[0]
    if operation == "keep":
        return merge.append(entity, fragment, now, overwrite=False)[0]
    if operation == "update":
        return merge.update(entity, fragment, now)[0]
    if operation == "replace":
        return merge.replace(entity, fragment, now)
    return merge.merge(entity, fragment, now)
