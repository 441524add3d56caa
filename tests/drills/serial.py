"""Whether some serial order explains what concurrent clients saw of one entity.

The order must keep each client's own, and that of operations of which one had ended before the other began: what was
answered is the past for whoever asks later (linearizability; the search is that of Wing and Gong, JPDC 17, 1993).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

State: TypeAlias = tuple[tuple[str, int], ...] | None
"""An entity's attributes and their values, by name; None where there is no entity."""
Step: TypeAlias = Callable[[State], tuple[State, Any]]
"""A state to the one that an operation makes of it, and what its client is told."""


class Event(NamedTuple):
    """An operation on one entity, as its client saw it; times by one clock."""

    began: float
    ended: float
    step: Step
    told: Any
    name: str


def explained(histories: Sequence[Sequence[Event]], initial: State = None) -> bool:
    """Whether there is an order of all events, those of each client in theirs, in which each is told what it was."""
    start = (0,) * len(histories)
    seen = {(start, initial)}
    stack = [(start, initial)]
    while stack:
        positions, state = stack.pop()
        left = [(client, history[at]) for client, (history, at) in enumerate(zip(histories, positions, strict=True))
                if at < len(history)]  # fmt: skip
        if not left:
            return True
        first_end = min(event.ended for _, event in left)
        for client, event in left:
            if event.began <= first_end:
                following, told = event.step(state)
                reached = ((*positions[:client], positions[client] + 1, *positions[client + 1 :]), following)
                if told == event.told and reached not in seen:
                    seen.add(reached)
                    stack.append(reached)
    return False
