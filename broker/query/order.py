"""`orderBy` and `collation` (GS CIM 009 §4.23).

orderBy   := key { "," key }
key       := path [ ";" ( "asc" | "desc" | "dist-asc" | "dist-desc" ) ]      path as in `q`, or id or type
collation := a language tag with the extension "u" of RFC 6067, such as de-u-co-phonebk
"""

import re
from typing import Any, Final, TypeAlias

from broker.errors import BadRequestData, TooComplexQuery
from broker.model.grammar import shown
from broker.query.ast import Coordinates, Distance, OrderKey
from broker.query.plan import Ordering
from broker.query.q import Context, parse_path

Origin: TypeAlias = tuple[str, Coordinates]
"""A geometry: its type and its coordinates."""

MAX_KEYS: Final = 8
ROOT: Final = "und"
"""The root collation of the Common Locale Data Repository."""

_ENTITY_MEMBERS: Final = frozenset({"id", "type"})
_DIRECTIONS: Final = {"": False, "asc": False, "desc": True}
_DISTANCES: Final = {"dist-asc": False, "dist-desc": True}
_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_STRENGTHS: Final = {"level1": 1, "level2": 2, "level3": 3, "level4": 4, "identic": 5}
_BOOLEANS: Final = {"true": True, "": True, "yes": True, "false": False, "no": False}
_OPTIONS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "ks": ("strength", _STRENGTHS),
    "kc": ("caseLevel", _BOOLEANS),
    "kf": ("caseFirst", {"upper": "upper", "lower": "lower", "false": "off"}),
    "kn": ("numericOrdering", _BOOLEANS),
    "ka": ("alternate", {"noignore": "non-ignorable", "shifted": "shifted"}),
    "kb": ("backwards", _BOOLEANS),
    "kk": ("normalization", _BOOLEANS),
}
"""Key of RFC 6067 to MongoDB's option and its values."""
_TYPES: Final = {
    **{"phonebk": "phonebook", "trad": "traditional", "dict": "dictionary", "gb2312": "gb2312han"},
    **{name: name for name in ("pinyin", "stroke", "zhuyin", "unihan", "big5han", "compat", "reformed", "search")},
}
_ENGLISH: Final = "en"
"""English orders as the root does, which MongoDB has no name for."""


def parse(text: str, context: Context, collation: str | None = None, origin: Origin | None = None) -> Ordering:
    """The ordering that the parameters ask for; `origin`: from where distances are measured.

    Raises BadRequestData, TooComplexQuery.
    """
    return of_keys(tuple(text.split(",")), context, collation, origin)


def of_keys(
    written: tuple[str, ...], context: Context, collation: str | None = None, origin: Origin | None = None
) -> Ordering:
    """The ordering by several keys."""
    if len(written) > MAX_KEYS:
        raise TooComplexQuery(f"orderBy: more than {MAX_KEYS} keys.")
    if collation is not None:
        mongo_collation(collation)
    return Ordering(tuple(_key(each.strip(), context, origin) for each in written), collation or ROOT)


def _key(text: str, context: Context, origin: Origin | None) -> OrderKey:
    path, _, direction = text.partition(";")
    if direction in _DISTANCES:
        return OrderKey(_distance(path, context, origin, farthest_first=_DISTANCES[direction]), descending=False)
    if direction not in _DIRECTIONS or (";" in text and not direction):
        raise BadRequestData(f"orderBy: expected asc, desc, dist-asc or dist-desc after ';', found {shown(direction)}.")
    descending = _DIRECTIONS[direction]
    if path in _ENTITY_MEMBERS:
        return OrderKey(path, descending)
    by = parse_path(path, "orderBy", context)
    if by.link is not None:
        raise BadRequestData("orderBy: a path through linked entities orders nothing.")
    return OrderKey(by, descending)


def _distance(path: str, context: Context, origin: Origin | None, *, farthest_first: bool) -> Distance:
    if origin is None:
        raise BadRequestData("orderBy: distances need orderFrom, or coordinates in ordering, to be measured from.")
    by = parse_path(path, "orderBy", context)
    if by.member is not None or by.inside is not None or by.link is not None:
        raise BadRequestData(f"orderBy: expected the name of a GeoProperty before ';dist', found {shown(path)}.")
    return Distance(by, *origin, farthest_first)


def mongo_collation(tag: str) -> dict[str, Any]:
    """MongoDB's collation of a language tag. Raises BadRequestData if it is no tag, or one with unknown extensions."""
    if _TAG.fullmatch(tag) is None or len(tag) > 64:
        raise BadRequestData(f"collation: {shown(tag)} is no language tag, such as fr or de-u-co-phonebk.")
    head, _, extension = tag.lower().partition("-u-")
    locale = _locale(head)
    options: dict[str, Any] = {}
    for key, value in _keywords(extension, tag):
        if key == "co" and value in _TYPES:
            locale = f"{locale.partition('_')[0]}@collation={_TYPES[value]}"
        elif key in _OPTIONS and value in _OPTIONS[key][1]:
            name, values = _OPTIONS[key]
            options[name] = values[value]
        elif (key, value) != ("co", "standard"):
            raise BadRequestData(f"collation: {shown(tag)} has {key}-{value}, which is unknown here.")
    return {"locale": locale, **options}


def _locale(head: str) -> str:
    """Of language, script and region the part that MongoDB has a name for; the others order alike."""
    language, _, rest = head.partition("-")
    if language == ROOT:
        return _ENGLISH
    return _REGIONAL.get((language, rest), _RENAMED.get(language, language))


def _keywords(extension: str, tag: str) -> list[tuple[str, str]]:
    """The keywords of an extension: keys of two characters, each with a value."""
    found: list[tuple[str, str]] = []
    for part in extension.split("-") if extension else ():
        if len(part) == 2:
            found.append((part, ""))
        elif found and not found[-1][1]:
            found[-1] = (found[-1][0], part)
        else:
            raise BadRequestData(f"collation: {shown(tag)} has {part} where a key of two letters was expected.")
    return found


_RENAMED: Final = {"fi": "fi_FI", "no": "nb", "iw": "he", "in": "id", "tl": "fil"}
_REGIONAL: Final = {
    ("zh", "hant"): "zh_Hant",
    ("zh", "tw"): "zh_Hant",
    ("sr", "latn"): "sr_Latn",
    ("bs", "cyrl"): "bs_Cyrl",
    ("fr", "ca"): "fr_CA",
    ("de", "at"): "de_AT",
    ("fa", "af"): "fa_AF",
}
