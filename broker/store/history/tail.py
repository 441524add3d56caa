"""The open tail: what was recorded and is not sealed yet. A document has the points of an entity in one commit.

    {_id: "<entity id> <time>",             see `tail_id`: an entity's documents stand together, in order
     p: bytes, JSON of a list of points:
        [sequence, attribute, createdAt of the entity, instance]      a deletion's time stands fifth
     z: true}                               if `p` is compressed

The sequence of a point is even, twice the revision of its entity that it belongs to; of points that the temporal API
has added it is odd.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from broker.model.recording import Recorded, as_row
from broker.model.series import Row

Document: TypeAlias = dict[str, Any]
MAX_DOCUMENT: Final = 8 * 2**20
"""Bytes of points that one document holds, but for a single larger one."""
MANY: Final = 100
"""Points of one attribute in one document that are worth sealing without waiting for more."""
_MANY_MARK: Final = "*"
_COMPRESSED: Final = 4096
"""Bytes from which on points are compressed."""
_AFTER: Final = chr(ord(" ") + 1)
"""No id of an entity holds a space."""


class Found(NamedTuple):
    """A row with its series."""

    name: str
    dataset_id: str | None
    row: Row


def tail_id(entity_id: str, time: int, part: int = 0, *, added: bool = False, many: bool = False) -> str:
    """The _id of a document; `time`: of the commit, in microseconds since 1970; `added`: by the temporal API.

    `many`: it holds MANY points of an attribute, or more.
    """
    marks = f"{'+' if added else ''}{_MANY_MARK if many else ''}"
    return f"{entity_id} {time:014x}{marks}{f'.{part}' if part else ''}"


def holds_many(document_id: str) -> bool:
    """Whether a document of the tail holds MANY points of an attribute, or more."""
    return _MANY_MARK in document_id.partition(" ")[2]


def time_of(document_id: str) -> int:
    """The time of the commit that made a document of the tail, in microseconds since 1970."""
    return int(document_id.partition(" ")[2][:14], 16)


def of_entity(entity_id: str) -> Document:
    """The filter of what belongs to an entity, in the tail and among blocks."""
    return {"_id": {"$gt": f"{entity_id} ", "$lt": f"{entity_id}{_AFTER}"}}


def of_entities(entity_ids: Sequence[str]) -> Document:
    """The same for several entities."""
    if len(entity_ids) == 1:
        return of_entity(entity_ids[0])
    return {"$or": [of_entity(entity_id) for entity_id in entity_ids]}


def entity_of(document_id: str) -> str:
    """The entity that a document of the tail, or a block, belongs to."""
    return document_id.partition(" ")[0]


def line(sequence: int, point: Recorded) -> list[Any]:
    """A point as the tail keeps it."""
    name, owner, instance, deleted_at = point
    return [sequence, name, owner, instance] if deleted_at is None else [sequence, name, owner, instance, deleted_at]


def line_of(found: Found) -> list[Any]:
    """A row as the tail keeps it."""
    row = found.row
    instance = row.body if row.deleted or row.modified == row.created else {**row.body, "modifiedAt": row.modified}
    kept: list[Any] = [row.sequence, found.name, row.created, instance]
    if row.deleted:
        kept.append(row.modified)
    return kept


def documents(entity_id: str, time: int, lines: Sequence[list[Any]], *, added: bool = False) -> Iterator[Document]:
    """The documents of points that were recorded in one commit: one, unless they are large."""
    content = orjson.dumps(lines)
    many = len(lines) >= MANY and max(Counter(each[1] for each in lines).values()) >= MANY
    if len(content) <= MAX_DOCUMENT or len(lines) == 1:
        yield {"_id": tail_id(entity_id, time, added=added, many=many), **packed(content)}
        return
    for part, each in enumerate(_parts(lines)):
        yield {"_id": tail_id(entity_id, time, part, added=added, many=many), **packed(orjson.dumps(each))}


def packed(content: bytes) -> Document:
    """The fields of a document with these points."""
    return {"p": content} if len(content) < _COMPRESSED else {"p": zlib.compress(content, 1), "z": True}


def rows(document: Document) -> Iterator[Found]:
    """The rows of a document of the tail."""
    content = zlib.decompress(document["p"]) if "z" in document else document["p"]
    for sequence, name, owner, instance, *deleted in orjson.loads(content):
        row = as_row(sequence, owner, instance, deleted[0] if deleted else None)
        yield Found(name, instance.get("datasetId"), row)


def _parts(lines: Iterable[list[Any]]) -> Iterator[list[list[Any]]]:
    part: list[list[Any]] = []
    size = 0
    for each in lines:
        length = len(orjson.dumps(each))
        if part and size + length > MAX_DOCUMENT:
            yield part
            part, size = [], 0
        part.append(each)
        size += length
    yield part
