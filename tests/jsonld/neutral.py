"""What pyld expands and what the broker holds, in one neutral form, so that they can be compared.

A value is a flat list of items: JSON-LD knows no arrays in arrays, and no difference between one value and an array of
it. An item is ("value", JSON of it, type, language), ("json", JSON of it), ("node", id, types, {IRI: items}), or
("index", key, item). A JSON literal that is a text, a number or a boolean is that text, number or boolean: the broker
keeps it so.
"""

from collections.abc import Collection
from typing import Any, TypeAlias

import orjson

from broker.model.entity import Entity, Instance, Names
from broker.model.kinds import KINDS
from broker.model.values import expand_value
from broker.names import NGSI_LD

Item: TypeAlias = tuple[Any, ...]

DATE_TIME = NGSI_LD + "DateTime"
_SYSTEM = {NGSI_LD + "createdAt", NGSI_LD + "modifiedAt"}


def of_pyld(expanded: Any) -> list[Item]:
    """pyld's output."""
    items: list[Item] = []
    for item in expanded if isinstance(expanded, list) else [expanded]:
        if isinstance(item, dict) and ("@list" in item or "@set" in item):
            items.extend(of_pyld(item.get("@list", item.get("@set"))))
        elif isinstance(item, dict) and "@index" in item:
            rest = {key: inner for key, inner in item.items() if key != "@index"}
            items.extend(("index", item["@index"], inner) for inner in of_pyld(rest))
        elif isinstance(item, dict) and "@value" in item:
            items.append(_value(item))
        elif isinstance(item, dict):
            members = {key: of_pyld(inner) for key, inner in item.items() if key[0] != "@" and key not in _SYSTEM}
            items.append(("node", item.get("@id"), sorted(set(item.get("@type", []))), members))
        else:
            raise AssertionError(f"pyld gives no such thing: {item}")
    return items


class Ours:
    """The broker's canonical values; `languages` and `indexes` are the IRIs of terms with such containers."""

    def __init__(self, names: Names, languages: Collection[str] = (), indexes: Collection[str] = ()) -> None:
        self._names = names
        self._languages = languages
        self._indexes = indexes

    def value(self, value: Any) -> list[Item]:
        if isinstance(value, list):
            return [item for inner in value for item in self.value(inner)]
        if not isinstance(value, dict):
            return [_value({"@value": value})]
        if "@value" in value:
            return [_value(value)]
        if "@list" in value or "@set" in value:
            return self.value(value.get("@list", value.get("@set")))
        types = value.get("@type", [])
        members = {iri: self._member(iri, inner) for iri, inner in value.items() if iri[0] != "@"}
        return [("node", value.get("@id"), sorted({types} if isinstance(types, str) else set(types)), members)]

    def entity(self, entity: Entity) -> Item:
        members = {iri: [self._instance(each) for each in all_] for iri, all_ in entity.attributes.items()}
        if entity.scopes:
            members[NGSI_LD + "scope"] = self.value(list(entity.scopes))
        if entity.expires_at:
            members[NGSI_LD + "expiresAt"] = [_date_time(entity.expires_at)]
        return ("node", entity.id, sorted(entity.types), members)

    def _member(self, iri: str, value: Any) -> list[Item]:
        if iri in self._languages and isinstance(value, dict) and "@value" not in value:
            return _languages(value)
        if iri in self._indexes and isinstance(value, dict) and "@value" not in value:
            return [("index", key, item) for key in sorted(value) for item in self.value(value[key])]
        return self.value(value)

    def _instance(self, instance: Instance) -> Item:
        kind = KINDS[instance["type"]]
        members = {kind.iri: self._content(instance["type"], instance[kind.member])}
        for name in ("observedAt", "expiresAt"):
            if name in instance:
                members[NGSI_LD + name] = [_date_time(instance[name])]
        for name, iri in (("valueType", "hasValueType"), ("objectType", "hasObjectType"), ("datasetId", "datasetId")):
            if name in instance:
                members[NGSI_LD + iri] = _references(instance[name])
        if "unitCode" in instance:
            members[NGSI_LD + "unitCode"] = self.value(instance["unitCode"])
        for iri, instances in instance.get("attributes", {}).items():
            members[iri] = [self._instance(each) for each in instances]
        return ("node", None, [NGSI_LD + kind.name], members)

    def _content(self, kind: str, content: Any) -> list[Item]:
        if kind in ("Relationship", "VocabProperty"):
            return _references(content)
        if kind == "GeoProperty":
            return self.value(expand_value(content, self._names))
        if kind == "JsonProperty":
            return [_value({"@type": "@json", "@value": content})]
        if kind == "LanguageProperty":
            return _languages(content)
        if kind == "ListRelationship":
            return [("node", None, [], {NGSI_LD + "hasObject": _references(uri)}) for uri in content]
        return self.value(content)


def _value(value: dict[str, Any]) -> Item:
    content = orjson.dumps(value["@value"], option=orjson.OPT_SORT_KEYS).decode()
    if value.get("@type") != "@json":
        return ("value", content, value.get("@type"), value.get("@language"))
    compound = value["@value"] is None or isinstance(value["@value"], dict | list)
    return ("json", content) if compound else ("value", content, None, None)


def _date_time(text: str) -> Item:
    return _value({"@type": DATE_TIME, "@value": text})


def _references(iris: str | list[str]) -> list[Item]:
    return [("node", iri, [], {}) for iri in ([iris] if isinstance(iris, str) else iris)]


def _languages(texts: dict[str, Any]) -> list[Item]:
    return [
        _value({"@value": text} if language == "@none" else {"@value": text, "@language": language.lower()})
        for language, each in sorted(texts.items())
        for text in ([each] if isinstance(each, str) else each)
    ]
