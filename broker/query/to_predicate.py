"""The AST as a function of an entity in memory. It answers as the filter of `broker.query.to_mongo` does.

Closures are compiled once for a condition and cached; a condition on one attribute takes about a microsecond.
"""

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

from broker.model.entity import Entity
from broker.model.merge import SCOPE
from broker.query import patterns
from broker.query.ast import (
    AllScopes,
    AllTypes,
    And,
    AnyScope,
    AnyType,
    Comparison,
    Condition,
    Exists,
    HasType,
    InScope,
    LinksTo,
    Matches,
    Operator,
    Or,
    Path,
    ScopeCondition,
    TypeSelection,
)
from broker.query.comparisons import Test, test_of
from broker.query.geo_predicate import located
from broker.query.links import follows
from broker.query.plan import Query, Selector
from broker.query.targets import RELATIONSHIPS, Elements, Linked, linked_ids, targets, value_elements

Predicate: TypeAlias = Callable[[Entity], bool]

_NOTHING: Final[Linked] = {}
_SCALARS: Final = frozenset({str, int, float, bool})


def matches(query: Query, linked: Linked = _NOTHING) -> Predicate:
    """Whether an entity meets all conditions of a query; links lead to `linked`, which may be filled later.

    The function raises TooComplexQuery where a pattern is to be looked for in too long a string.
    """
    parts: list[Predicate] = []
    if query.among is not None:
        among = query.among
        parts.append(lambda entity: entity.id in among)
    if query.selectors:
        selected = tuple(map(_selector, query.selectors))
        parts.append(selected[0] if len(selected) == 1 else lambda entity: any(each(entity) for each in selected))
    if query.attributes:
        parts.append(_has_any(query.attributes))
    if query.scopes is not None:
        parts.append(in_scopes(query.scopes))
    if query.q is not None:
        parts.append(linking(query.q, linked) if follows(query.q) else condition(query.q))
    if query.geo is not None:
        parts.append(located(query.geo))
    if len(parts) == 1:
        return parts[0]
    conditions = tuple(parts)
    return lambda entity: all(part(entity) for part in conditions)


def may_match(query: Query) -> Callable[[str], bool] | None:
    """Whether an entity may match, by its id alone; None if ids have no say."""
    if not query.selectors or not all(each.ids or each.id_pattern for each in query.selectors):
        return None
    found = tuple(_by_id(each) for each in query.selectors)
    return lambda entity_id: any(each(entity_id) for each in found)


def _by_id(selector: Selector) -> Callable[[str], bool]:
    if selector.ids or selector.id_pattern is None:
        return frozenset(selector.ids).__contains__
    return patterns.searching(selector.id_pattern.text)


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


def _selector(selector: Selector) -> Predicate:
    types, ids = selector.types, frozenset(selector.ids)
    pattern = None if ids or selector.id_pattern is None else patterns.searching(selector.id_pattern.text)

    def holds(entity: Entity) -> bool:
        if types is not None and not selects(types, entity.types):
            return False
        if ids and entity.id not in ids:
            return False
        return pattern is None or pattern(entity.id)

    return holds


def _has_any(names: frozenset[str]) -> Predicate:
    if SCOPE in names:
        return lambda entity: bool(entity.scopes) or not names.isdisjoint(entity.attributes)
    return lambda entity: not names.isdisjoint(entity.attributes)


# Scopes.


def in_scopes(condition: ScopeCondition) -> Predicate:
    """Whether the scopes of an entity meet a condition."""
    match condition:
        case InScope(levels, below):
            return lambda entity: any(_in_scope(scope, levels, below) for scope in entity.scopes)
        case AllScopes(operands):
            parts = tuple(map(in_scopes, operands))
            return lambda entity: all(part(entity) for part in parts)
        case AnyScope(operands):
            parts = tuple(map(in_scopes, operands))
            return lambda entity: any(part(entity) for part in parts)
        case _:
            assert_never(condition)


def _in_scope(scope: str, levels: tuple[str | None, ...], below: bool) -> bool:
    found = scope.removeprefix("/").split("/")
    if len(found) < len(levels) or (len(found) > len(levels) and not below):
        return False
    return all(level is None or level == each for level, each in zip(levels, found, strict=False))


# q.


@lru_cache(maxsize=1024)
def condition(node: Condition) -> Predicate:
    """Whether an entity meets a condition of `q` that follows no links."""
    return linking(node, _NOTHING)


def linking(node: Condition, linked: Linked) -> Predicate:
    """As `condition`; links lead to the entities in `linked`, which may be filled later."""
    match node:
        case And(operands):
            parts = tuple(linking(operand, linked) for operand in operands)
            return lambda entity: all(part(entity) for part in parts)
        case Or(operands):
            parts = tuple(linking(operand, linked) for operand in operands)
            return lambda entity: any(part(entity) for part in parts)
        case Exists(path):
            return _exists(path, linked)
        case Comparison(path, operator, operands):
            equality = operator in (Operator.EQUAL, Operator.UNEQUAL)
            test = test_of(operator, operands)
            holds = _none(test) if operator is Operator.UNEQUAL else _any(test)
            return _holding(path, holds, linked, ordered=not equality)
        case Matches(path, pattern, negated):
            test = _searching(pattern.text)
            return _holding(path, _no_string(test) if negated else _any(test), linked, ordered=True)
        case LinksTo(names, ids):
            return lambda entity: not ids.isdisjoint(linked_ids(entity, names))
        case _:
            assert_never(node)


Holds: TypeAlias = Callable[[Elements], bool]
"""Whether the elements of one target meet a condition."""


def _exists(path: Path, linked: Linked) -> Predicate:
    if len(path.names) == 1 and path.member is None and path.inside is None and path.link is None:
        (name,) = path.names
        return lambda entity: name in entity.attributes
    found = targets(path, ordered=False, linked=linked)
    return lambda entity: next(found(entity), None) is not None


def _holding(path: Path, holds: Holds, linked: Linked, *, ordered: bool) -> Predicate:
    if len(path.names) == 1 and path.member is None and path.inside is None and path.link is None:
        return _of_attribute(path.names[0], holds, ordered=ordered)
    found = targets(path, ordered=ordered, linked=linked)
    return lambda entity: any(holds(elements) for elements in found(entity))


def _of_attribute(name: str, holds: Holds, *, ordered: bool) -> Predicate:
    """The common case, written for speed."""

    def meets(entity: Entity) -> bool:
        instances = entity.attributes.get(name)
        if instances is None:
            return False
        for instance in instances:
            kind = instance["type"]
            if kind == "Property" and (value := instance["value"]).__class__ in _SCALARS:
                if holds((value,)):
                    return True
            elif (not ordered or kind not in RELATIONSHIPS) and holds(value_elements(instance)):
                return True
        return False

    return meets


def _any(test: Test) -> Holds:
    def holds(elements: Elements) -> bool:
        for element in elements:  # noqa: SIM110  any() makes a generator, at half a microsecond
            if test(element):
                return True
        return False

    return holds


def _none(test: Test) -> Holds:
    def holds(elements: Elements) -> bool:
        for element in elements:  # noqa: SIM110
            if test(element):
                return False
        return True

    return holds


def _no_string(test: Test) -> Holds:
    def holds(elements: Elements) -> bool:
        strings = [element for element in elements if element.__class__ is str]
        return bool(strings) and not any(map(test, strings))

    return holds


def _searching(text: str) -> Test:
    found = patterns.searching(text)
    return lambda element: element.__class__ is str and found(element)
