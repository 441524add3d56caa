"""Kinds of queries, as a table: what is asked, and how many entities each condition alone would find.

The answers are equally many whatever the number of entities (benchmarks.query_data), unless a kind says otherwise.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt, sqrt
from typing import Final
from urllib.parse import quote

from benchmarks.query_data import (
    IN_GROUP,
    PER_GROUP,
    SPACING,
    TYPES,
    cabinet,
    entity_id,
    groups,
    position,
)
from broker.api.parameters import position_text

KIND: Final = TYPES[0]
PAGE: Final = 20
DEEP: Final = 10_000
"""The page that the first one is compared with."""
_REACH: Final = sqrt(IN_GROUP * SPACING**2 / 3.1416)
"""Metres within which a group's number of entities lie."""

Ask = Callable[[random.Random, int], str]


@dataclass(frozen=True)
class Kind:
    """A row of the report. `ask`: the parameters of one request, of the number of entities."""

    name: str
    title: str
    ask: Ask
    single: int
    """Entities that the most selective of its conditions finds alone; 0 where they grow with the data."""
    keys: float = 2.0
    """Keys that may be examined for each of them."""
    baseline: str = ""
    """The kind that it is compared with, at the same size; if absent, with itself at the smallest size."""


def _typed(condition: str) -> str:
    return f"type={KIND}&{condition}"


def _q(condition: str) -> str:
    return _typed(f"q={quote(condition, safe='')}")


def _group(randomness: random.Random, entities: int) -> int:
    return randomness.randrange(groups(entities))


def _equality(randomness: random.Random, entities: int) -> str:
    return _q(f"group=={_group(randomness, entities)}")


def _number(randomness: random.Random, entities: int) -> str:
    return f"q=rare=={randomness.randrange(entities // PER_GROUP)}"


def _range(randomness: random.Random, entities: int) -> str:
    start = randomness.randrange(entities - IN_GROUP)
    return _q(f"number=={start}..{start + IN_GROUP - 1}")


def _relationship(randomness: random.Random, entities: int) -> str:
    return _q(f'cabinet=="{cabinet(_group(randomness, entities))}"')


def _middle(randomness: random.Random, entities: int) -> tuple[float, float]:
    """Metres from the centre of the data, not at its edge."""
    half = (isqrt(entities) / 2 - 10) * SPACING
    return randomness.uniform(-half, half), randomness.uniform(-half, half)


def _near(randomness: random.Random, entities: int) -> str:
    longitude, latitude = position(*_middle(randomness, entities))
    return _typed(f"georel=near;maxDistance=={_REACH:.1f}&geometry=Point&coordinates=[{longitude},{latitude}]")


def box(east: float, north: float, side: float) -> str:
    """A square, as parameters."""
    corners = [position(east + x * side, north + y * side) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
    ring = ",".join(f"[{longitude},{latitude}]" for longitude, latitude in corners)
    return f"georel=within&geometry=Polygon&coordinates=[[{ring}]]"


def _within(randomness: random.Random, entities: int) -> str:
    return _typed(box(*_middle(randomness, entities), SPACING * sqrt(IN_GROUP)))


def _scope(randomness: random.Random, entities: int) -> str:
    group = _group(randomness, entities)
    return _typed(f"scopeQ=/city/d{group % 97}/s{group}")


def _below(randomness: random.Random, entities: int) -> str:
    group = _group(randomness, entities)
    return _typed(f"scopeQ=/city/d{group % 97}/s{group}/%23")


def _all(randomness: random.Random, entities: int) -> str:
    group = _group(randomness, entities)
    condition = _q(f'cabinet=="{cabinet(group)}";state=="open";load<0.9')
    return f"{condition}&scopeQ=/city/%23"


def _rare_last(randomness: random.Random, entities: int) -> str:
    return _q(f'state=="open";load>0.05;rare=={randomness.randrange(0, entities // PER_GROUP, len(TYPES))}')


def _popular(_: random.Random, __: int) -> str:
    return _q('state=="closed"')


def _spread(randomness: random.Random, _: int) -> str:
    start = randomness.uniform(0.2, 0.7)
    return _q(f"load=={start:.4f}..{start + 0.2:.4f}")


def _placed(randomness: random.Random, entities: int) -> str:
    condition = quote('state=="open"', safe="")
    return f"{_within(randomness, entities)}&q={condition}"


def _placed_group(randomness: random.Random, entities: int) -> str:
    return f"{_equality(randomness, entities)}&{box(-1e5, -1e5, 2e5)}"


def _broad(randomness: random.Random, _: int) -> str:
    return _q(f'state=="open";load>{randomness.uniform(0.1, 0.3):.4f}')


def _first(_: random.Random, __: int) -> str:
    return _typed(f"limit={PAGE}")


def _deep(_: random.Random, entities: int) -> str:
    """Page 10 000; among fewer, the last but one."""
    passed = min(DEEP * PAGE * len(TYPES), entities - 2 * PAGE * len(TYPES))
    return _typed(f"limit={PAGE}&after={position_text(entity_id(passed))}")


def _counted(_: random.Random, __: int) -> str:
    return _typed(f"limit={PAGE}&count=true")


KINDS: Final = (
    Kind("equality", "type, q equality", _equality, IN_GROUP),
    Kind("number", "q on a number", _number, PER_GROUP),
    Kind("range", "type, q range", _range, IN_GROUP),
    Kind("relationship", "type, relationship", _relationship, IN_GROUP),
    Kind("near", "type, near", _near, PER_GROUP, keys=5.0),
    Kind("within", "type, within", _within, PER_GROUP, keys=5.0),
    Kind("scope", "type, scope", _scope, IN_GROUP),
    Kind("below", "type, scope and below", _below, IN_GROUP),
    Kind("combined", "type, scope, relationship, two broad", _all, IN_GROUP),
    Kind("rare", "type, two broad, a rare one", _rare_last, PER_GROUP),
    Kind("placed", "type, within, q broad", _placed, PER_GROUP, keys=5.0),
    Kind("placed-group", "type, q equality, within a large area", _placed_group, IN_GROUP),
    Kind("popular", "type, q equality with a tenth of all", _popular, 0),
    Kind("spread", "type, q range with a fifth of all", _spread, 0),
    Kind("broad", "type, two broad", _broad, 0),
    Kind("page-1", "a page of a type", _first, 0),
    Kind("page-10000", "page 10 000, or the last", _deep, 0, baseline="page-1"),
    Kind("counted", "a page, with its count", _counted, 0, baseline="page-1"),
)
