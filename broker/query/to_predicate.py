"""The AST as a function of an entity in memory. It answers as the filter of `broker.query.to_mongo` does."""

from collections.abc import Collection
from typing import assert_never

from broker.query.ast import AllTypes, AnyType, HasType, TypeSelection


def selects(selection: TypeSelection, types: Collection[str]) -> bool:
    """Whether an entity of these types is selected."""
    match selection:
        case HasType(name):
            return name in types
        case AnyType(operands):
            return any(selects(operand, types) for operand in operands)
        case AllTypes(operands):
            return all(selects(operand, types) for operand in operands)
        case _:
            assert_never(selection)
