"""How long to wait after a failure: longer after each, and never all at the same time."""

import random
from typing import Final

FIRST: Final = 0.5
LONGEST: Final = 60.0


def pause(failures: int, at_least: float = 0.0) -> float:
    """Seconds until the next try, after that many failures in a row; between half and all of 0.5, 1, 2 … 60 s."""
    most = min(LONGEST, FIRST * 2 ** min(failures - 1, 10))
    return max(at_least, random.uniform(most / 2, most))  # noqa: S311  jitter, no secret
