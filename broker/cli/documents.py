"""Entities in files: JSON and JSON-LD (an object or an array), NDJSON, GeoJSON (a Feature or a FeatureCollection).

NDJSON is read line by line, so that memory does not grow with the file; a broken line is a refused entity, and the
rest goes on. Other files are read whole; a broken one is of no use.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import orjson

from broker.errors import StartError

NDJSON: Final = frozenset({".ndjson", ".jsonl"})
"""Suffixes of files that are NDJSON even if their first line is broken."""

_BLANK: Final = b" \t\r\n\x1e"
_BOM: Final = b"\xef\xbb\xbf"


class Document(NamedTuple):
    """An entity of a file, or what keeps it from being one."""

    entity: dict[str, Any]
    source: str
    problem: str | None = None


class Source:
    """A file, or standard input by the name `-`. Raises StartError when it can't be opened."""

    def __init__(self, name: str) -> None:
        self.name = "standard input" if name == "-" else name
        self._lines_only = Path(name).suffix.lower() in NDJSON
        self._end = ExitStack()
        try:
            if name == "-":
                self._file: BinaryIO = sys.stdin.buffer
            else:
                self._file = self._end.enter_context(Path(name).open("rb"))  # noqa: SIM115 (`close` closes it)
            self.size = Path(name).stat().st_size if name != "-" and Path(name).is_file() else None
        except OSError as error:
            raise self._unreadable(error) from None
        self.position = 0
        """Bytes that have been read."""

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._end.close()

    def documents(self) -> Iterator[Document]:
        """All entities. Raises StartError when the file can't be read, or is broken JSON that has no lines."""
        first, number = b"", 0
        while not first.strip(_BLANK):
            first = self._read_line().removeprefix(_BOM)
            number += 1
            if not first:
                return
        value, broken = _parsed(first.strip(_BLANK))
        if broken is None or self._lines_only:
            yield from self._from_lines(chain([first], self._lines()), number)
            return
        rest = self._read_rest()
        value, broken = _parsed(b"\n" * (number - 1) + first + rest)
        if broken is not None:
            raise StartError(
                f"{self.name}, line {broken.lineno}, column {broken.colno}, is no JSON: {broken.msg}.",
                "Correct the file; one entity a line (NDJSON) would let the others through.",
            )
        for index, found in enumerate(_entities(value)):
            yield _document(found, f"{self.name}, entity {index + 1}")

    def _from_lines(self, lines: Iterator[bytes], number: int) -> Iterator[Document]:
        for line_number, line in enumerate(lines, number):
            text = line.strip(_BLANK)
            if not text:
                continue
            source = f"{self.name}, line {line_number}"
            value, broken = _parsed(text)
            if broken is not None:
                yield Document({}, source, f"is no JSON: {broken.msg} (column {broken.colno})")
            else:
                for found in _entities(value):
                    yield _document(found, source)

    def _lines(self) -> Iterator[bytes]:
        while line := self._read_line():
            yield line

    def _read_line(self) -> bytes:
        try:
            line = self._file.readline()
        except OSError as error:
            raise self._unreadable(error) from None
        self.position += len(line)
        return line

    def _read_rest(self) -> bytes:
        try:
            rest = self._file.read()
        except OSError as error:
            raise self._unreadable(error) from None
        self.position += len(rest)
        return rest

    def _unreadable(self, error: OSError) -> StartError:
        return StartError(f"{self.name} cannot be read: {error.strerror}.", "Give a file that exists and is readable.")


def _parsed(text: bytes) -> tuple[Any, orjson.JSONDecodeError | None]:
    try:
        return orjson.loads(text), None
    except orjson.JSONDecodeError as error:
        return None, error


def _entities(value: Any) -> Iterator[Any]:
    """The entities in a JSON value, GeoJSON turned into entities."""
    if isinstance(value, list):
        for member in value:
            yield from _entities(member)
    elif isinstance(value, dict) and value.get("type") == "FeatureCollection" and "features" in value:
        features = value["features"]
        context = {"@context": value["@context"]} if "@context" in value else {}
        for feature in features if isinstance(features, list) else [features]:
            yield from _entities(context | feature if isinstance(feature, dict) else feature)
    elif isinstance(value, dict) and value.get("type") == "Feature" and "properties" in value:
        yield from_feature(value)
    else:
        yield value


def from_feature(feature: dict[str, Any]) -> dict[str, Any]:
    """The entity of a Feature (GS CIM 009 §4.5.16): its properties, the geometry as `location`.

    If the properties hold a GeoProperty with that geometry already, by whatever name, the geometry is not repeated;
    neither if they hold a `location` of their own.
    """
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    entity = {key: feature[key] for key in ("id", "@context") if key in feature} | properties
    geometry = feature.get("geometry")
    held = [attribute.get("value") for attribute in properties.values() if isinstance(attribute, dict)]
    if geometry is not None and "location" not in properties and geometry not in (*held, *properties.values()):
        entity["location"] = {"type": "GeoProperty", "value": geometry}
    return entity


def _document(value: Any, source: str) -> Document:
    if not isinstance(value, dict):
        return Document({}, source, "is no JSON object")
    identifier = value.get("id", value.get("@id"))
    if not isinstance(identifier, str):
        return Document(value, source, "has no id" if identifier is None else "has an id that is no string")
    return Document(value, source)
