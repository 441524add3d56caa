"""The value member of each kind of attribute: JSON as clients send it, to the canonical shape (GS CIM 009 §4.5, §4.6).

Every reader takes the `Reading`, the content and the attribute's path, and gives the canonical value, or NULL where the
content is an NGSI-LD Null and the request may hold one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from broker.errors import BadRequestData
from broker.model.entity import Names
from broker.model.geometry import check_geometry
from broker.model.grammar import is_language, is_uri, shown
from broker.model.instants import calendar_date, date_time, time_of_day
from broker.model.values import expand_value
from broker.names import DEFAULT_DATASET, NULL

_NULL_MAP = {DEFAULT_DATASET: NULL}
_NULL_LIST = [NULL]
_TYPED: Final[dict[str, Callable[[Any], str | None]]] = {
    "DateTime": date_time,
    "Date": calendar_date,
    "Time": time_of_day,
}
_EXAMPLES: Final = {"DateTime": "2025-07-01T12:00:00Z", "Date": "2025-07-01", "Time": "12:00:00Z"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a request is read.

    `nulls`: it may hold NGSI-LD Nulls where a value member or an annotation stands; `deep`: inside values, too.
    `temporal`: attributes of the entity may have many instances of one datasetId.
    """

    names: Names
    nulls: bool = False
    deep: bool = False
    temporal: bool = False

    def null(self, where: str, member: str) -> str:
        """NULL, where the request may hold one."""
        if self.nulls:
            return NULL
        raise BadRequestData(
            f"Attribute {where}: {member} is the NGSI-LD Null, which only updates and merges may hold."
        )


def _wrong(where: str, member: str, content: Any, expected: str) -> BadRequestData:
    return BadRequestData(f"Attribute {where}: {member} is {shown(content)}, not {expected}.")


def _value(reading: Reading, content: Any, where: str) -> Any:
    if isinstance(content, str):
        return reading.null(where, "value") if content == NULL else content
    if content is None:
        raise _wrong(
            where, "value", content, "a value; the NGSI-LD Null or {'@type': '@json', '@value': null} say more"
        )
    if isinstance(content, dict | list):
        return compound(reading, content, where, "value")
    return content


def compound(reading: Reading, content: Any, where: str, member: str) -> Any:
    """An object or an array as a value: checked, its keys expanded."""
    if type(content) is dict and _typed(content) is not None and isinstance(content.get("@value"), str):
        content = {**content, "@value": content["@value"].replace(",", ".")}
    _check_inside(reading, content, where, member, in_array=False)
    try:
        value = expand_value(content, reading.names)
    except BadRequestData as error:
        raise BadRequestData(f"Attribute {where}: {member}: {error.detail}") from None
    if value is None:
        raise BadRequestData(f"Attribute {where}: {member} is null to JSON-LD.")
    return value


def _typed(content: dict[str, Any]) -> str | None:
    """DateTime, Date or Time, if an object says that it is the value of one."""
    kind = content.get("@type", content.get("type") if "@value" in content else None)
    return kind if isinstance(kind, str) and kind in _TYPED else None


def _check_inside(
    reading: Reading, content: Any, where: str, member: str, *, in_array: bool, verbatim: bool = False
) -> None:
    """Refuse NGSI-LD Nulls where none may stand, and typed DateTimes that are none (not in `verbatim` content)."""
    if type(content) is dict:
        typed = None if verbatim else _typed(content)
        if typed is not None and _TYPED[typed](content.get("@value")) is None:
            found = shown(content["@value"]) if "@value" in content else "an object without @value"
            raise BadRequestData(f"Attribute {where}: {member} is {found}, not a {typed}, such as {_EXAMPLES[typed]}.")
        for inner in content.values():
            _check_inside(reading, inner, where, member, in_array=in_array, verbatim=verbatim)
    elif type(content) is list:
        for inner in content:
            _check_inside(reading, inner, where, member, in_array=True, verbatim=verbatim)
    elif content == NULL and (in_array or not reading.deep):
        raise BadRequestData(
            f"Attribute {where}: {member} holds the NGSI-LD Null, which only merges may, outside arrays."
        )


def _geometry(reading: Reading, content: Any, where: str) -> Any:
    if content == NULL:
        return reading.null(where, "value")
    return check_geometry(content, f"Attribute {where}: value")


def _object(reading: Reading, content: Any, where: str) -> Any:
    if content == NULL:
        return reading.null(where, "object")
    if is_uri(content) or (isinstance(content, list) and content and all(map(is_uri, content))):
        return content
    raise _wrong(where, "object", content, "a URI or an array of URIs")


def _object_list(reading: Reading, content: Any, where: str) -> Any:
    if content in (NULL, _NULL_LIST):
        return reading.null(where, "objectList")
    if not isinstance(content, list):
        raise _wrong(where, "objectList", content, "an array of URIs or of objects with a member object")
    targets = [item["object"] if isinstance(item, dict) and item.keys() == {"object"} else item for item in content]
    for target in targets:
        if not is_uri(target):
            raise _wrong(where, "objectList", target, "an array of URIs or of objects with a member object")
    return targets


def _value_list(reading: Reading, content: Any, where: str) -> Any:
    if content in (NULL, _NULL_LIST):
        return reading.null(where, "valueList")
    if not isinstance(content, list):
        raise _wrong(where, "valueList", content, "an array")
    return compound(reading, content, where, "valueList")


def _language_map(reading: Reading, content: Any, where: str) -> Any:
    if content in (NULL, _NULL_MAP):
        return reading.null(where, "languageMap")
    if not isinstance(content, dict) or not content:
        raise _wrong(where, "languageMap", content, "an object of texts by language")
    for language, text in content.items():
        if not is_language(language):
            raise _wrong(where, "languageMap", language, "a language tag or @none")
        if text == NULL:
            if not reading.deep:
                raise BadRequestData(f"Attribute {where}: languageMap holds the NGSI-LD Null, which only merges may.")
        elif not isinstance(text, str) and not (isinstance(text, list) and all(isinstance(item, str) for item in text)):
            raise _wrong(where, f"languageMap, {language},", text, "a string or an array of strings")
        elif isinstance(text, list) and NULL in text:
            raise BadRequestData(f"Attribute {where}: languageMap holds the NGSI-LD Null in an array.")
    return content


def _vocab(reading: Reading, content: Any, where: str) -> Any:
    if content == NULL:
        return reading.null(where, "vocab")
    return vocabulary(reading, content, where, "vocab")


def vocabulary(reading: Reading, content: Any, where: str, member: str) -> Any:
    """A term or an array of terms, expanded."""
    terms = content if isinstance(content, list) else [content]
    for term in terms:
        if not isinstance(term, str) or not term or term == NULL:
            raise _wrong(where, member, term, "a string or an array of strings")
    try:
        if isinstance(content, list):
            return [reading.names.expand(term) for term in terms]
        return reading.names.expand(content)
    except BadRequestData as error:
        raise BadRequestData(f"Attribute {where}: {member}: {error.detail}") from None


def _json(reading: Reading, content: Any, where: str) -> Any:
    if content == NULL:
        return reading.null(where, "json")
    if not isinstance(content, dict | list):
        raise _wrong(where, "json", content, "an object or an array")
    _check_inside(reading, content, where, "json", in_array=False, verbatim=True)
    return content


READERS: Final[dict[str, Callable[[Reading, Any, str], Any]]] = {
    "Property": _value,
    "GeoProperty": _geometry,
    "Relationship": _object,
    "LanguageProperty": _language_map,
    "VocabProperty": _vocab,
    "JsonProperty": _json,
    "ListProperty": _value_list,
    "ListRelationship": _object_list,
}
"""Reader of the value member, by kind."""
