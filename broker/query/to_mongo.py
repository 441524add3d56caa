"""The AST as a MongoDB filter over the documents of `broker.store.shapes`."""

from typing import Any, TypeAlias, assert_never

from broker.query.ast import AllTypes, AnyType, HasType, TypeSelection
from broker.query.plan import Query

Filter: TypeAlias = dict[str, Any]


def entity_filter(query: Query) -> Filter:
    """The filter of all the conditions of a query."""
    conditions: list[Filter] = []
    if query.ids:
        conditions.append({"_id": {"$in": list(query.ids)}})
    if query.after:
        conditions.append({"_id": {"$gt": query.after}})
    if query.types is not None:
        conditions.append(type_filter(query.types))
    if not conditions:
        return {}
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def type_filter(selection: TypeSelection) -> Filter:
    """The filter of a type selection, on the field `t`."""
    match selection:
        case HasType(name):
            return {"t": name}
        case AnyType(operands):
            names = [operand.name for operand in operands if isinstance(operand, HasType)]
            if len(names) == len(operands):
                return {"t": {"$in": names}}
            return {"$or": [type_filter(operand) for operand in operands]}
        case AllTypes(operands):
            return {"$and": [type_filter(operand) for operand in operands]}
        case _:
            assert_never(selection)
