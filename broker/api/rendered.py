"""JSON of entities, kept: who polls a map gets mostly entities that were rendered before.

The key is the stored bytes themselves beside the form, so nothing that is kept can be out of date. Two generations
bound the memory: what is asked for again moves to the young one, the old one is dropped when the young one is full.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import orjson

from broker.model.render import Render
from broker.store.found import Found

_OVERHEAD: Final = 200
"""Bytes that an entry takes besides its key and its value, roughly."""
_NONE: Final[Mapping[bytes, bytes]] = {}


class Rendered:
    """One per worker; at most about `max_bytes` of it."""

    def __init__(self, max_bytes: int) -> None:
        self._most = max_bytes // 2
        self._size = 0
        self._young: dict[Hashable, dict[bytes, bytes]] = {}
        self._old: dict[Hashable, dict[bytes, bytes]] = {}

    def pieces(self, form: Hashable, found: Sequence[Found], render: Render) -> list[bytes]:
        """The JSON of each entity. `form`: whatever `render` depends on.

        They are decoded, rendered and serialised one by one: a page of entities at once would not fit the processor's
        caches, which costs as much again.
        """
        if self._size > self._most:
            self._old, self._young, self._size = self._young, {}, 0
        young = self._young.setdefault(form, {})
        old = self._old.get(form, _NONE)
        pieces = []
        for each in found:
            stored = each.stored
            if not each.lasting:
                pieces.append(orjson.dumps(render(each.take())))
                continue
            piece = young.get(stored)
            if piece is None:
                piece = old.get(stored) or orjson.dumps(render(each.take()))
                young[stored] = piece
                self._size += len(stored) + len(piece) + _OVERHEAD
            pieces.append(piece)
        return pieces
