"""The AST as a MongoDB filter over the documents of `broker.store.shapes`.

A filter that the index cannot answer whole is a necessary condition: every entity that matches passes it, and the
predicate of `broker.query.to_predicate` decides on those that pass. That is what `Filter.exact` tells. No query negates
another condition, so that necessary conditions combine to one.

Every condition on attributes is an `$elemMatch` of its own on `a`: that keeps the bounds of the index tight.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, assert_never

from broker.model.grammar import is_language
from broker.query import keys, likeness, patterns
from broker.query.ast import (
    AllScopes,
    AllTypes,
    And,
    AnyScope,
    AnyType,
    Boolean,
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
    Pattern,
    Range,
    ScopeCondition,
    TypeSelection,
)
from broker.query.bounds import Bound, beyond, equal
from broker.query.geo_filter import region_filter
from broker.query.plan import Query, Selector

Mongo: TypeAlias = dict[str, Any]

_HAS_MORE: Final[Mongo] = {"a": {"$elemMatch": {"k": keys.MORE}}}
_MOST_TYPES: Final = 20
_SEGMENT: Final = "[^/]+"


class Filter(NamedTuple):
    """A MongoDB filter. `exact`: it passes what matches and nothing else; if not, it passes more.

    `keyed`: it asks for attribute keys, of which an entity can have more than are indexed.
    """

    mongo: Mongo
    exact: bool = True
    keyed: bool = False


EVERYTHING: Final = Filter({})


def entity_filter(query: Query, *, overflowing: bool = True) -> Filter:
    """The filter of all conditions of a query; that of attributes also passes entities with more keys than fit.

    Those must be looked at, even if the filter is exact: they have the mark `o`. Without `overflowing` they are left
    to chance.
    """
    conditions = [_selectors(query.selectors)] if query.selectors else []
    if query.among is not None:
        conditions.append(Filter({"_id": {"$in": sorted(query.among)}}))
    if query.after:
        conditions.append(Filter({"_id": {"$gt": query.after}}))
    if query.before:
        conditions.append(Filter({"_id": {"$lt": query.before}}))
    region = _region(query)
    if region is not None:
        conditions.append(Filter(region, exact=False))
    keyed = _keyed(query)
    if keyed is not None:
        if overflowing and keyed.keyed:
            keyed = keyed._replace(mongo={"$or": [keyed.mongo, _HAS_MORE]})
        conditions.append(keyed)
    mark = likeness.mark(query)
    if mark and conditions:
        conditions.append(Filter({f"~{mark}": {"$exists": False}}))  # no document has such a field
    return _all_of(conditions)


def of_places_alone(query: Query) -> bool:
    """Whether the index of geometries finds all that matches, and little else."""
    plain = query.q is None and query.scopes is None and not query.attributes
    chosen = any(selector.ids or selector.id_pattern is not None for selector in query.selectors)
    typed = not any(selector.types is not None for selector in query.selectors) or bool(_types(query.selectors))
    return plain and not chosen and typed and _region(query) is not None


def overflow_filter(query: Query) -> Mongo:
    """The filter of the entities that may match and have more keys than are indexed."""
    selected = _selectors(query.selectors) if query.selectors else EVERYTHING
    return _all_of([Filter(_HAS_MORE), selected]).mongo


def type_filter(selection: TypeSelection) -> Mongo:
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


def _keyed(query: Query) -> Filter | None:
    """The conditions that look at attribute keys."""
    conditions = []
    if query.attributes:
        conditions.append(_key_in(sorted(query.attributes)))
    if query.scopes is not None:
        conditions.append(scope_filter(query.scopes))
    if query.q is not None:
        conditions.append(condition_filter(query.q))
    if query.geo is not None and _region(query) is None:
        conditions.append(_key_in([query.geo.name])._replace(exact=False))
    return _all_of(conditions) if conditions else None


def _region(query: Query) -> Mongo | None:
    return None if query.geo is None else region_filter(query.geo, _types(query.selectors))


def _types(selectors: Sequence[Selector]) -> tuple[str, ...]:
    """Types of which each match has one; none if it may be of any, or of too many to look up one by one."""
    if not all(selector.types is not None for selector in selectors):
        return ()
    found = {name for selector in selectors if selector.types is not None for name in _alternatives(selector.types)}
    return tuple(sorted(found)) if len(found) <= _MOST_TYPES else ()


def _alternatives(selection: TypeSelection) -> set[str]:
    match selection:
        case HasType(name):
            return {name}
        case AnyType(operands):
            return set().union(*map(_alternatives, operands))
        case AllTypes(operands):
            return min(map(_alternatives, operands), key=len)
        case _:
            assert_never(selection)


def _all_of(filters: Iterable[Filter]) -> Filter:
    given = [each for each in filters if each.mongo or not each.exact]
    conditions = [each.mongo for each in given if each.mongo]
    mongo = {} if not conditions else conditions[0] if len(conditions) == 1 else {"$and": conditions}
    return Filter(mongo, all(each.exact for each in given), any(each.keyed for each in given))


def _any_of(filters: Sequence[Filter]) -> Filter:
    if len(filters) == 1:
        return filters[0]
    exact = all(each.exact for each in filters)
    if not all(each.mongo for each in filters):
        return Filter({}, exact)
    return Filter({"$or": [each.mongo for each in filters]}, exact, any(each.keyed for each in filters))


# Selectors.


def _selectors(selectors: Sequence[Selector]) -> Filter:
    return _any_of([_selector(each) for each in selectors])


def _selector(selector: Selector) -> Filter:
    conditions = []
    if selector.ids:
        conditions.append(Filter({"_id": {"$in": list(selector.ids)}}))
    elif selector.id_pattern is not None:
        conditions.append(_id_pattern(selector.id_pattern))
    if selector.types is not None:
        conditions.append(Filter(type_filter(selector.types)))
    return _all_of(conditions)


def _id_pattern(pattern: Pattern) -> Filter:
    plain = patterns.literal(pattern.text)
    if plain.anchored:
        return Filter({"_id": _beginning(plain.text)} if plain.text else {}, exact=plain.whole)
    if plain.whole:
        return Filter({"_id": {"$regex": re.escape(plain.text)}} if plain.text else {})
    return Filter({}, exact=False)


def _beginning(prefix: str) -> Mongo:
    """The bounds of the strings that begin with a text."""
    following = patterns.successor(prefix)
    return {"$gte": prefix, "$lt": following} if following else {"$gte": prefix}


# Scopes.


def scope_filter(condition: ScopeCondition) -> Filter:
    """The filter of a scope condition: always exact."""
    match condition:
        case InScope(levels, below):
            return _key_value(keys.SCOPE, _scope_value(levels, below)) if levels else _key_in([keys.SCOPE])
        case AllScopes(operands):
            return _all_of(map(scope_filter, operands))
        case AnyScope(operands):
            return _any_of([scope_filter(operand) for operand in operands])
        case _:
            assert_never(condition)


def _scope_value(levels: tuple[str | None, ...], below: bool) -> Any:
    if None not in levels:
        text = keys.scope("/".join(level or "" for level in levels))
        return _beginning(text) if below else text
    expression = "/".join(_SEGMENT if level is None else re.escape(level) for level in levels)
    return {"$regex": f"^/{expression}/" if below else f"^/{expression}/$"}


# q.


def condition_filter(node: Condition) -> Filter:
    """The filter of a condition of `q`."""
    match node:
        case And(operands):
            return _all_of(map(condition_filter, operands))
        case Or(operands):
            return _any_of([condition_filter(operand) for operand in operands])
        case Exists(path):
            return _place(path).existence()
        case Comparison(path, Operator.EQUAL, operands):
            return _place(path).any_of([equal(operand) for operand in operands])
        case Comparison(path, Operator.UNEQUAL, operands):
            return _place(path).none_of([equal(operand) for operand in operands])
        case Comparison(path, operator, (operand,)) if not isinstance(operand, Boolean | Range):
            return _place(path).any_of([beyond(operator, operand)])
        case Matches(path, pattern, negated):
            prefix = patterns.literal(pattern.text)
            text = "" if negated or not prefix.anchored else prefix.text
            return _place(path).any_of([Bound(_beginning(text), exact=False)])
        case LinksTo(names, ids):
            bound = Bound({"$in": sorted(each for each in ids if len(each) < keys.MAX_LENGTH)}, exact=False)
            whole = all(len(each) < keys.MAX_LENGTH for each in ids)
            return _place(Path(names)).any_of([bound]) if whole else _place(Path(names)).existence()
        case Comparison():
            raise AssertionError(f"{node.operator} has one operand")
        case _:
            assert_never(node)


class _Place(NamedTuple):
    """Where the index holds what a path leads to. `exact`: there and nowhere else, and nothing else there.

    Not `exact`: the entity has one of these keys if the path leads anywhere; no keys: nothing is known.
    """

    keys: tuple[str, ...]
    exact: bool

    def existence(self) -> Filter:
        if not self.keys:
            return Filter({}, exact=False)
        return _key_in(self.keys)._replace(exact=self.exact)

    def any_of(self, bounds: Sequence[Bound]) -> Filter:
        """One of the elements is within one of the bounds."""
        if not self.exact:
            return self.existence()
        values = [bound.condition["$eq"] for bound in bounds if "$eq" in bound.condition]
        found = [bound.condition for bound in bounds if "$eq" not in bound.condition]
        if values:
            found.append({"$eq": values[0]} if len(values) == 1 else {"$in": values})
        filters = [_keyed_value(self.keys, condition) for condition in found]
        return _any_of(filters)._replace(exact=all(bound.exact for bound in bounds))

    def none_of(self, bounds: Sequence[Bound]) -> Filter:
        """There are elements, and none within the bounds: the index knows that of each element alone."""
        values = [bound.condition["$eq"] for bound in bounds if bound.exact and "$eq" in bound.condition]
        if not self.exact or not values:
            return self.existence()._replace(exact=False)
        return _keyed_value(self.keys, {"$nin": values})._replace(exact=False)


def _place(path: Path) -> _Place:
    if not path.names:
        return _Place((), exact=False)
    name, inside = path.names[0], path.inside
    if len(path.names) > 1 or path.member is not None or path.link is not None:
        return _Place((name,), exact=False)
    if inside is None:
        return _Place((name,), exact=True)
    first = inside.keys[0]
    if first == "*":
        return _Place((name,), exact=False)
    found = [keys.member(name, inside.names[0]), keys.raw_member(name, first)]
    if is_language(first):
        found.append(keys.language(name, first))
    return _Place(tuple(found), exact=len(inside.keys) == 1)


# Keys.


def _key_in(names: Sequence[str]) -> Filter:
    key = names[0] if len(names) == 1 else {"$in": list(names)}
    return Filter({"a": {"$elemMatch": {"k": key}}}, keyed=True)


def _keyed_value(names: Sequence[str], value: Any) -> Filter:
    return _key_value(names[0] if len(names) == 1 else {"$in": list(names)}, value)


def _key_value(key: Any, value: Any) -> Filter:
    return Filter({"a": {"$elemMatch": {"k": key, "v": value}}}, keyed=True)
