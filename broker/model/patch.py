"""The deep merge of Merge Entity: attributes, and what a fragment brings, to the attributes that follow.

RFC 7396 with the NGSI-LD Null for null, on instances: members of the fragment win, objects are merged member by member,
arrays and geometries are replaced, Nulls remove (GS CIM 009 §5.5.12). An instance of another kind is replaced whole.
"""

from dataclasses import dataclass
from typing import Any, Final

from broker.errors import BadRequestData
from broker.model.entity import Attributes, Instance, created_at
from broker.model.geometry import check_geometry
from broker.model.grammar import is_uri
from broker.model.instances import born, by_dataset, in_order, is_null, stamped, succeed
from broker.model.kinds import KINDS
from broker.names import NULL

_MERGED: Final = frozenset({"value", "json", "languageMap"})
"""Value members whose content is merged rather than replaced."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What the parameters of Merge Entity add (GS CIM 009 §5.6.17).

    `simplified`: values take the kind of the attribute that is there. `lang`: a text for a LanguageProperty is the one
    of this language. `observed_at`: for attributes that had an observedAt and get none.
    """

    simplified: bool = False
    lang: str | None = None
    observed_at: str | None = None


_NO_EXTRAS: Final = Extras()


def patched(
    attributes: Attributes, patch: Attributes, now: str, owner: str, extras: Extras = _NO_EXTRAS, path: str = ""
) -> Attributes:
    """Attributes after a merge; `owner` is the createdAt of what holds them, `path` names it in messages."""
    result = dict(attributes)
    for name, instances in patch.items():
        current = by_dataset(result.get(name, []))
        touched = [_patch(current, instance, now, owner, extras, path + name) for instance in instances]
        if not any(touched):
            continue
        if current:
            result[name] = in_order(current)
        else:
            del result[name]
    return result


def _patch(
    current: dict[str | None, Instance], patch: Instance, now: str, owner: str, extras: Extras, where: str
) -> bool:
    """Merge an instance into those that are there by datasetId; whether that touches one."""
    dataset_id = patch.get("datasetId")
    before = current.get(dataset_id)
    if is_null(patch):
        return current.pop(dataset_id, None) is not None
    if before is None:
        current[dataset_id] = born(_whole(patch, where), now, owner)
    else:
        after = _patched(before, patch, now, owner, extras, where)
        if after.get("languageMap") == {}:
            del current[dataset_id]
        else:
            current[dataset_id] = after
    return True


def _patched(before: Instance, patch: Instance, now: str, owner: str, extras: Extras, where: str) -> Instance:
    patch = _adapted(before["type"], _decided(before, patch), extras, where)
    if patch.get("type", before["type"]) != before["type"]:
        after = succeed(before, _whole(patch, where), now, owner)
    else:
        after = _merged(before, patch, now, owner, where)
    if extras.observed_at is not None and "observedAt" in before and "observedAt" not in patch:
        after["observedAt"] = extras.observed_at
    return after


def _decided(before: Instance, patch: Instance) -> Instance:
    """The fragment's instance; if it has nothing but Nulls, they are of the value that is there, if that is an object.

    Otherwise they are of sub-attributes: `{"accuracy": "urn:ngsi-ld:null"}` must not make an object of a number.
    """
    value, parts = patch.get("value"), patch.get("attributes")
    if type(value) is not dict or not parts or len(parts) != len(value) or "datasetId" in patch:
        return patch
    if any(content != NULL for content in value.values()) or not all(is_null(each[0]) for each in parts.values()):
        return patch
    if type(before.get("value")) is dict and before["type"] == "Property":
        return {"type": patch["type"], "value": value}
    return {"type": before["type"], "attributes": parts}


def _merged(before: Instance, patch: Instance, now: str, owner: str, where: str) -> Instance:
    after = dict(before)
    for member, content in patch.items():
        if member == "attributes":
            created = created_at(before, owner)
            content = patched(before.get("attributes", {}), content, now, created, path=f"{where}.")
        elif member in _MERGED and before["type"] != "GeoProperty":
            content = merged_json(before[member], content)
        if content == NULL or (member == "attributes" and not content):
            after.pop(member, None)
        else:
            after[member] = content
    return stamped(before, after, now, owner)


def _whole(patch: Instance, where: str) -> Instance:
    """A fragment's instance as one that stands alone, without what is marked for removal."""
    kind = KINDS.get(patch.get("type", ""))
    if kind is None or kind.member not in patch:
        raise BadRequestData(f"Attribute {where}: its value is missing, and there is none to merge it into.")
    whole: Instance = {}
    for member, content in patch.items():
        if member == "attributes":
            content = patched({}, content, "", "", path=f"{where}.")
        elif member in _MERGED and kind.name != "GeoProperty":
            content = merged_json(None, content)
        if content != NULL and (member != "attributes" or content):
            whole[member] = content
    if whole.get("languageMap") == {}:
        raise BadRequestData(f"Attribute {where}: languageMap holds nothing but NGSI-LD Nulls.")
    return whole


def merged_json(target: Any, patch: Any) -> Any:
    """RFC 7396 with the NGSI-LD Null for null. A JSON-LD value object is one value: it is replaced."""
    if type(patch) is not dict:
        return patch
    into = type(target) is dict and "@value" not in target and "@value" not in patch
    result = dict(target) if into else {}
    for member, content in patch.items():
        if content == NULL:
            result.pop(member, None)
        else:
            result[member] = merged_json(result.get(member), content)
    return result


def _adapted(kind: str, patch: Instance, extras: Extras, where: str) -> Instance:
    """The fragment's instance as the kind that is there, where the parameters ask for it."""
    if patch.get("type", kind) == kind:
        return patch
    if kind == "LanguageProperty" and extras.lang is not None and patch["type"] == "Property":
        text = patch.get("value")
        if isinstance(text, str) or (isinstance(text, list) and text and all(isinstance(each, str) for each in text)):
            others = {member: content for member, content in patch.items() if member != "value"}
            return {**others, "type": kind, "languageMap": {extras.lang: text}}
    if not extras.simplified:
        return patch
    member = KINDS[kind].member
    value = patch.get("value")
    if patch["type"] == "Property":
        if kind == "GeoProperty":
            return {**patch, "type": kind, "value": check_geometry(value, f"Attribute {where}: value")}
        if _fits(kind, value):
            others = {name: content for name, content in patch.items() if name != "value"}
            return {**others, "type": kind, member: value}
    raise BadRequestData(f"Attribute {where} is a {kind}, and the simplified value is not that of one.")


def _fits(kind: str, value: Any) -> bool:
    """Whether a bare simplified value can be that of a kind other than Property and GeoProperty."""
    if kind == "Relationship":
        return is_uri(value) or (isinstance(value, list) and bool(value) and all(map(is_uri, value)))
    if kind == "ListRelationship":
        return isinstance(value, list) and all(map(is_uri, value))
    return kind == "ListProperty" and isinstance(value, list)
