"""Which representation answers a request: Accept and Content-Type (GS CIM 009 §6.3.4, RFC 9110 §12.5.1)."""

import re
from functools import lru_cache
from typing import Final

_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_WORTH_KEEPING: Final = 256
"""Longest header value that is kept in a cache."""


def accepted(accept: bytes | None, offered: tuple[str, ...]) -> str | None:
    """The media type of `offered` that `accept` weighs highest, the first at equal weight; None if it takes none.

    Where nothing is offered, nothing is asked: the empty text.
    """
    if not (accept and offered):
        return offered[0] if offered else ""
    if len(accept) > _WORTH_KEEPING:
        return _choose(accept, offered)
    return _remembered(accept, offered)


def _choose(accept: bytes, offered: tuple[str, ...]) -> str | None:
    wanted = weights(accept.decode("latin-1"))
    if not wanted:
        return offered[0]
    best, best_weight = None, 0.0
    for media in offered:
        family = media.partition("/")[0] + "/*"
        weight = wanted.get(media, wanted.get(family, wanted.get("*/*", 0.0)))
        if weight > best_weight:
            best, best_weight = media, weight
    return best


_remembered = lru_cache(maxsize=512)(_choose)


def weights(accept: str) -> dict[str, float]:
    """Media ranges, or codings, to weights. A weight that can't be read counts as 1; other parameters don't matter."""
    found: dict[str, float] = {}
    for item in accept.split(","):
        media, *parameters = (part.strip().lower() for part in item.split(";"))
        if not media:
            continue
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q" and _WEIGHT.fullmatch(value.strip()):
                weight = float(value)
        found[media] = max(weight, found.get(media, 0.0))
    return found


def content_media(content_type: bytes | None) -> str | None:
    """The media type in a Content-Type header; None if there is none, or if its charset is not UTF-8."""
    if content_type is None:
        return None
    if len(content_type) > _WORTH_KEEPING:
        return None
    return _media(content_type)


@lru_cache(maxsize=256)
def _media(content_type: bytes) -> str | None:
    media, *parameters = (part.strip().lower() for part in content_type.decode("latin-1").split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            return None
    return media
