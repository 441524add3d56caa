"""What identifiers, names, scopes and languages may look like.

    URI        scheme ":" anything but spaces, controls, invisible characters and <>"{}|\\^`; "%" before two hex digits
    name       letter {letter | digit | "_"}, or prefix ":" name, or a URI              GS CIM 009 §4.6.2
    scope      ["/"] level {"/" level}, level = letter {letter | digit | "_"}           §4.18
    language   tag of letters and digits in groups of one to eight, or "@none"          §4.6.5, RFC 5646

"Letter" and "digit" are Unicode's. Every pattern runs in linear time.
"""

import re
from functools import lru_cache
from typing import Any, Final

from broker.errors import BadRequestData
from broker.names import DEFAULT_DATASET, NULL

MAX_NAME: Final = 1024
"""Longest name, in characters: accepted names are cached."""
MAX_URI: Final = 2048

_INVISIBLE = (
    "\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ufdd0-\ufdef\U000e0000-\U000e0fff"
)
_FORBIDDEN = _INVISIBLE + "".join(f"{chr(p * 0x10000 + 0xFFFE)}{chr(p * 0x10000 + 0xFFFF)}" for p in range(1, 17))
_PLAIN = rf'[^<>"{{}}|\\^`%{_FORBIDDEN}]*'
_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+.\-]*:(?!\Z){_PLAIN}(?:%[0-9A-Fa-f]{{2}}{_PLAIN})*")
_LEVEL = r"[^\W\d_]\w*"
_NAME = re.compile(rf"{_LEVEL}(?::{_LEVEL})?")
_SCOPE = re.compile(rf"/?{_LEVEL}(?:/{_LEVEL})*")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


def is_uri(text: Any) -> bool:
    """Whether it is a URI or an IRI, and not the NGSI-LD Null."""
    return isinstance(text, str) and len(text) <= MAX_URI and text != NULL and _URI.fullmatch(text) is not None


def is_scope(text: Any) -> bool:
    """Whether it is a scope."""
    return isinstance(text, str) and len(text) <= MAX_URI and _SCOPE.fullmatch(text) is not None


def is_language(text: Any) -> bool:
    """Whether it is a language tag, or `@none`."""
    return text == DEFAULT_DATASET or (isinstance(text, str) and _LANGUAGE.fullmatch(text) is not None)


@lru_cache(maxsize=4096)
def check_name(name: str) -> str:
    """The name of an attribute or an entity type, as it came; BadRequestData if it is none."""
    if len(name) > MAX_NAME:
        raise BadRequestData(f"Name {shown(name)} is longer than {MAX_NAME} characters.")
    if name == NULL or (_NAME.fullmatch(name) is None and _URI.fullmatch(name) is None):
        raise BadRequestData(
            f"Name {shown(name)} is not allowed: a name is a letter, then letters, digits and underscores, "
            "or prefix:name, or a URI."
        )
    return name


def shown(value: Any) -> str:
    """A value as messages show it: short, in quotes if it is text."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array" if value else "an empty array"
    if value is None:
        return "null"
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 80 else f"{text[:76]}…{text[-1]}"
