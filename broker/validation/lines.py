"""JSON with the lines where its values begin: for messages to people with an editor."""

import json
import re
from bisect import bisect_right
from json.decoder import scanstring  # type: ignore[attr-defined]  # the one that json itself uses
from typing import Any, Final, NamedTuple

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCALAR: Final = re.compile(r"[^\s,\]}]+")
_DECODER: Final = json.JSONDecoder()


class Located(NamedTuple):
    """A JSON value, the line of each of its parts by JSON Pointer, and the pointers of members that come twice."""

    value: Any
    lines: dict[str, int]
    doubled: list[str]

    def line(self, pointer: str) -> int:
        """The line of a part, or of the nearest part around it."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines[pointer]


class Broken(NamedTuple):
    """What is no JSON."""

    line: int
    says: str


def located(text: str) -> list[Located | Broken]:
    """The JSON values in a text, one after the other, up to where it is broken. NDJSON goes on in the next line."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found: list[Located | Broken] = []
    at = _skip(text, 0)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
            walk = _Walk(text, starts)
            walk.value(at, "")
        except (json.JSONDecodeError, RecursionError) as error:
            broken = error.lineno if isinstance(error, json.JSONDecodeError) else bisect_right(starts, at)
            says = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
            found.append(Broken(broken, says))
            following = text.find("\n", at)
            if following < 0 or not text[following:].lstrip().startswith("{") or "\n" in text[at:following]:
                return found
            end = following
        else:
            found.append(Located(value, walk.lines, walk.doubled))
        at = _skip(text, end)
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


class _Walk:
    """Over a text that is known to be JSON."""

    def __init__(self, text: str, starts: list[int]) -> None:
        self._text = text
        self._starts = starts
        self.lines: dict[str, int] = {}
        self.doubled: list[str] = []

    def value(self, at: int, pointer: str) -> int:
        """Note the value at a place and what is in it; where it ends."""
        text = self._text
        at = _skip(text, at)
        if pointer in self.lines:
            self.doubled.append(pointer)
        self.lines[pointer] = bisect_right(self._starts, at)
        if text[at] == '"':
            end: int = scanstring(text, at + 1)[1]
            return end
        if text[at] in "{[":
            return self._items(at, pointer, is_object=text[at] == "{")
        match = _SCALAR.match(text, at)
        return at + 1 if match is None else match.end()

    def _items(self, at: int, pointer: str, *, is_object: bool) -> int:
        text = self._text
        at = _skip(text, at + 1)
        position = 0
        while text[at] not in "]}":
            step = str(position)
            if is_object:
                step, at = scanstring(text, at + 1)
                step = step.replace("~", "~0").replace("/", "~1")
                at = _skip(text, at) + 1
            at = _skip(text, self.value(at, f"{pointer}/{step}"))
            position += 1
            if text[at] == ",":
                at = _skip(text, at + 1)
        return at + 1
