"""The Prefer header: which of several good answers a client would like (RFC 7240, GS CIM 009 §6.3.7, §4.3.6.8)."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

_PREFERENCE = re.compile(
    r'\s*+([!#$%&\'*+.^_`|~0-9A-Za-z-]++)\s*+(?:=\s*+(?:"([^"]*+)"|([^\s,;"]*+)))?+\s*+(?:;[^,]*+)?+'
)
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.\d{1,3})?", re.ASCII)
_LONGEST: Final = 1024


class Preferences(NamedTuple):
    """What a request prefers."""

    body: str = ""
    """`json` or `ld+json`: how a GeoJSON answer gives its @context."""
    version: tuple[int, int] | None = None
    """Of the specification, for clients that know no newer one; the third number of one like 1.8.1 says nothing."""


NONE: Final = Preferences()


def preferences(header: bytes | None) -> Preferences:
    """The preferences that the broker knows; others, and what cannot be read, are ignored (RFC 7240 §2)."""
    if not header or len(header) > _LONGEST:
        return NONE
    return _preferences(header)


@lru_cache(maxsize=256)
def _preferences(header: bytes) -> Preferences:
    found: dict[str, str] = {}
    for item in header.decode("latin-1").split(","):
        match = _PREFERENCE.fullmatch(item)
        if match:
            found.setdefault(match[1].lower(), match[2] if match[2] is not None else match[3] or "")
    version = _VERSION.fullmatch(found.get("ngsi-ld", ""))
    return Preferences(found.get("body", "").lower(), (int(version[1]), int(version[2])) if version else None)
