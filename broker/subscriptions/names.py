"""The names in a Subscription: IRIs as it is kept, terms of the request's @context as it is shown.

A kept one has besides:

    "@context"  the URL of the @context that its `jsonldContext` names, or else of that which it was made with
    "@q"        its `q` as `broker.query.coded` writes it; `q` itself stays as it was sent
"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from broker.errors import BadRequestData
from broker.jsonld.compiled import CompiledContext
from broker.model.entity import Names
from broker.model.parse import parse_attribute_name
from broker.model.project import ENTITY_MEMBERS
from broker.query import coded, entity_types, projection
from broker.query import q as language
from broker.query.keys import SCOPE
from broker.store.subscriptions import CONTEXT

CODED: Final = "@q"
ANY_TYPE: Final = "*"
Q_MEMBERS: Final = frozenset({"q", "expandValues", "jsonKeys"})
"""Members of which the meaning of `q` depends."""

Kept: TypeAlias = dict[str, Any]
"""A Subscription as it is kept: JSON, the names in it are IRIs."""
_Rename: TypeAlias = Callable[[str], str]

_TYPE: Final = re.compile(r"[^,|;()\s]+")
_ESCAPE: Final = re.compile("%[0-9A-Fa-f]{2}")
_MEMBER: Final = re.compile(r"[^,|{}\s]+")


def expanded(document: dict[str, Any], context: CompiledContext) -> Kept:
    """A Subscription that looks like one, its names expanded. Raises BadRequestData, TooComplexQuery."""

    def attribute(name: str) -> str:
        return SCOPE if name == "scope" else parse_attribute_name(name, context)

    kept = _renamed(document, context.expand, attribute)
    values = frozenset(kept.get("expandValues", ()))
    keys = frozenset(kept.get("jsonKeys", ()))
    if "csf" in document:
        language.parse(document["csf"], context, where="csf")
    if "q" in document:
        condition = language.parse(_unescaped(document["q"]), context, expand_values=values, json_keys=keys)
        kept[CODED] = coded.encode(condition)
    return kept


def compacted(kept: Kept, names: Names) -> dict[str, Any]:
    """A kept Subscription with the names of a request."""
    document = _renamed(kept, names.compact, names.compact)
    document.pop(CODED, None)
    document.pop(CONTEXT, None)
    return document


def _unescaped(text: str) -> str:
    """A condition that came out of a URL may still have its escapes (suite 046_05); a sound one has none."""
    try:
        return unquote(text, errors="strict") if _ESCAPE.search(text) else text
    except UnicodeDecodeError:
        return text


def _renamed(document: dict[str, Any], type_name: _Rename, attribute: _Rename) -> dict[str, Any]:
    """The document with every name in it renamed."""
    result = dict(document)
    for member in ("watchedAttributes", "expandValues", "jsonKeys"):
        if member in document:
            content = document[member]
            names = [content] if isinstance(content, str) else content
            result[member] = [_told(member, attribute, name) for name in names]
    if "entities" in document:
        result["entities"] = [{**each, "type": _types(each["type"], type_name)} for each in document["entities"]]
    if "geoproperty" in document.get("geoQ", {}):
        name = _told("geoQ.geoproperty", attribute, document["geoQ"]["geoproperty"])
        result["geoQ"] = {**document["geoQ"], "geoproperty": name}
    notification = dict(document["notification"])
    for member in ("attributes", "pick", "omit"):
        if member in notification:
            notification[member] = [_members(member, text, attribute) for text in notification[member]]
    return {**result, "notification": notification}


def _types(text: str, rename: _Rename) -> str:
    if text == ANY_TYPE:
        return text
    renamed = _TYPE.sub(lambda name: rename(name[0]), text)
    if entity_types.parse(text, rename) != entity_types.parse(renamed, str):
        raise BadRequestData(
            "Subscription: entities: type: an IRI in it has characters of the type selection language."
        )
    return renamed


def _members(member: str, text: str, rename: _Rename) -> str:
    def renamed_one(name: str) -> str:
        return name if name in ENTITY_MEMBERS else rename(name)

    try:
        renamed = _MEMBER.sub(lambda name: renamed_one(name[0]), text)
        if projection.parse(text, rename) == projection.parse(renamed, str):
            return renamed
    except BadRequestData as error:
        raise BadRequestData(f"Subscription: notification.{member}: {error.detail}") from None
    raise BadRequestData(
        f"Subscription: notification.{member}: an IRI in it has characters of the projection language."
    )


def _told(member: str, rename: _Rename, name: str) -> str:
    try:
        return rename(name)
    except BadRequestData as error:
        raise BadRequestData(f"Subscription: {member}: {error.detail}") from None
