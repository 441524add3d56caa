"""The Link header of a request: which @context it names (RFC 8288, GS CIM 009 §6.3.5)."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from broker.errors import BadRequestData, InvalidRequest
from broker.names import CONTEXT_REL, JSON_LD

_TARGET = re.compile(r"[\s,]*+<([^<>]*+)>")
_PARAMETER = re.compile(
    r"""\s*+;\s*+(?:
        ([!#$%&'*+.^_`|~0-9A-Za-z-]++)\s*+
        (?:=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s",;]*+)))?+
    )?+""",
    re.VERBOSE,
)
_SEPARATOR = re.compile(r"\s*+(?:,|\Z)")
_ABSOLUTE = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)
_WORTH_KEEPING: Final = 512
MAX_LENGTH: Final = 8192
"""Longest Link header that is read, in bytes."""


def context_url(header: bytes) -> str | None:
    """The URL of the JSON-LD @context in a Link header, None if it has other links only.

    Raises InvalidRequest for a malformed header, BadRequestData for two contexts or one that is no absolute HTTP URL.
    """
    if len(header) > MAX_LENGTH:
        raise InvalidRequest(f"Header Link: longer than {MAX_LENGTH} bytes.")
    return _remembered(header) if len(header) <= _WORTH_KEEPING else _context_url(header)


def _context_url(header: bytes) -> str | None:
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("Header Link: not UTF-8.") from None
    urls = [target for target, parameters in _links(text) if _names_context(parameters)]
    if len(urls) > 1:
        raise BadRequestData("Header Link: more than one JSON-LD @context.")
    if urls and not _ABSOLUTE.fullmatch(urls[0]):
        raise BadRequestData("Header Link: the JSON-LD @context is no absolute http or https URL.")
    return urls[0] if urls else None


_remembered = lru_cache(maxsize=1024)(_context_url)


def _links(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each link's target and parameters; the first of equal names counts."""
    text = text.strip(" \t,")
    position = 0
    while position < len(text):
        target = _TARGET.match(text, position)
        if target is None:
            raise InvalidRequest(f"Header Link: expected '<' and a URL at position {position}.")
        position = target.end()
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(text, position)) is not None:
            position = parameter.end()
            name, quoted, token = parameter.groups()
            if name is not None:
                parameters.setdefault(name.lower(), _unescaped(quoted) if quoted is not None else token or "")
        end = _SEPARATOR.match(text, position)
        if end is None:
            raise InvalidRequest(f"Header Link: expected ';', ',' or the end at position {position}.")
        position = end.end()
        yield target[1].strip(), parameters


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted) if "\\" in quoted else quoted


def _names_context(parameters: dict[str, str]) -> bool:
    """A link with another `type` leads to something else; one with an anchor is about something else."""
    media = parameters.get("type", JSON_LD).partition(";")[0].strip().lower()
    return CONTEXT_REL in parameters.get("rel", "").split() and media == JSON_LD and "anchor" not in parameters
