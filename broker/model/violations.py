"""Violations of data models, in words."""

from collections.abc import Sequence
from typing import Final

from broker.errors import Violation
from broker.model.grammar import shown

TOLD: Final = 3
"""Violations that a sentence tells; a list has all of them."""


def told(violations: Sequence[Violation]) -> str:
    """Some violations as one line: `/temperature is 'warm', not a number; and 2 more`."""
    said = [_said(violation) for violation in violations[:TOLD]]
    if len(violations) > TOLD:
        said.append(f"and {len(violations) - TOLD} more")
    return "; ".join(said)


def _said(violation: Violation) -> str:
    if violation.value is None:
        return f"{violation.pointer} is missing: {violation.expectation} is expected"
    return f"{violation.pointer} is {shown(violation.value)}: {violation.expectation} is expected"
