"""Conditions on linked entities in `q`: which there are, and where they lead (GS CIM 009 §4.9)."""

from collections.abc import Iterator
from dataclasses import replace

from broker.query.ast import And, Comparison, Condition, Exists, LinksTo, Matches, Or, Path


def follows(node: Condition) -> bool:
    """Whether a condition looks at linked entities, by a path through them or by what is known of them."""
    if isinstance(node, And | Or):
        return any(map(follows, node.operands))
    return isinstance(node, LinksTo) or node.path.link is not None


def paths(node: Condition) -> Iterator[Path]:
    """The paths through linked entities in a condition."""
    if isinstance(node, And | Or):
        for operand in node.operands:
            yield from paths(operand)
    elif isinstance(node, Exists | Comparison | Matches) and node.path.link is not None:
        yield node.path


def of_itself(node: Condition) -> Condition:
    """What a condition asks of the entity itself: that it has links, wherever they lead.

    Whatever meets the condition meets this. No condition is the opposite of another, so nothing that is let through
    here would be shut out further up.
    """
    if isinstance(node, And | Or):
        return type(node)(tuple(map(of_itself, node.operands)))
    if isinstance(node, Exists | Comparison | Matches) and node.path.link is not None:
        return Exists(replace(node.path, link=None))
    return node


def depth(node: Condition) -> int:
    """How many links the longest path follows."""
    return max(map(_links, paths(node)), default=0)


def _links(path: Path) -> int:
    return 0 if path.link is None else 1 + _links(path.link.path)
