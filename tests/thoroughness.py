"""How much is tried of what has no end: examples of property tests."""

import os
from typing import Final

RANDOM: Final = "NGSILD_TEST_RANDOM" in os.environ
"""`make test-all`: other examples each time, and all of them; `make test` draws the same few."""
_PART: Final = 4


def examples(number: int) -> int:
    """The examples that a test draws, of so many at most."""
    return number if RANDOM else max(10, number // _PART)
