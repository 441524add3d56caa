"""JSON of entities, kept: who polls a map gets mostly entities that were rendered before.

The key is the stored bytes themselves beside the form, so nothing that is kept can be out of date. Two generations
bound the memory: what is asked for again moves to the young one, the old one is dropped when the young one is full.

Those who share a run of a query are answered one after the other: the first one's answer is kept for the others.
"""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from time import perf_counter
from typing import Final, NamedTuple

import orjson

from broker.api.responses import HeaderLine, Response
from broker.model.render import Render
from broker.store.found import Found
from broker.store.queries import Matches

_OVERHEAD: Final = 200
"""Bytes that an entry takes besides its key and its value, roughly."""
_BREATH: Final = 0.003
"""Seconds after which other requests get a turn."""
_NONE: Final[Mapping[bytes, bytes]] = {}


class Rendered:
    """One per worker; at most about `max_bytes` of it."""

    def __init__(self, max_bytes: int) -> None:
        self._most = max_bytes // 2
        self._size = 0
        self._young: dict[Hashable, dict[bytes, bytes]] = {}
        self._old: dict[Hashable, dict[bytes, bytes]] = {}

    def kept(self, form: Hashable, found: Found) -> bytes | None:
        """The JSON of an entity, if it is at hand."""
        if not found.lasting:
            return None
        return self._young.get(form, _NONE).get(found.stored)

    async def pieces(self, form: Hashable, found: Sequence[Found], render: Render) -> list[bytes]:
        """The JSON of each entity. `form`: whatever `render` depends on. Other requests get a turn in between.

        They are decoded, rendered and serialised one by one: a page of entities at once would not fit the processor's
        caches, which costs as much again.
        """
        pieces: list[bytes] = []
        while True:
            pieces += self._some(form, found[len(pieces) :], render)
            if len(pieces) == len(found):
                return pieces
            await asyncio.sleep(0)

    def piece(self, form: Hashable, found: Found, render: Render) -> bytes:
        """The JSON of one entity."""
        return self._some(form, (found,), render)[0]

    def _some(self, form: Hashable, found: Sequence[Found], render: Render) -> list[bytes]:
        """The JSON of the first of them: what can be made in a few milliseconds."""
        if self._size > self._most:
            self._old, self._young, self._size = self._young, {}, 0
        young = self._young.setdefault(form, {})
        old = self._old.get(form, _NONE)
        pieces: list[bytes] = []
        due = perf_counter() + _BREATH
        for each in found:
            stored = each.stored
            piece = young.get(stored) if each.lasting else None
            if piece is None:
                piece = (old.get(stored) if each.lasting else None) or orjson.dumps(render(each.take()))
                if each.lasting:
                    young[stored] = piece
                    self._size += len(stored) + len(piece) + _OVERHEAD
            pieces.append(piece)
            if perf_counter() > due:
                break
        return pieces


class _Answer(NamedTuple):
    status: int
    headers: tuple[HeaderLine, ...]
    body: bytes


class Answers:
    """One per worker: the answers that were made of the matches that were shown last."""

    def __init__(self) -> None:
        self._matches: Matches | None = None
        self._made: dict[Hashable, _Answer] = {}

    def to(self, matches: Matches, form: Hashable) -> Response | None:
        """The answer that was made of these very matches, once more. `form`: whatever else it depends on."""
        answer = self._made.get(form) if matches is self._matches else None
        return None if answer is None else Response(answer.status, [*answer.headers], answer.body)

    def keep(self, matches: Matches, form: Hashable, response: Response) -> None:
        """Keep an answer, as it is now, until other matches are shown."""
        if matches is not self._matches:
            self._matches, self._made = matches, {}
        self._made[form] = _Answer(response.status, (*response.headers,), response.body)
