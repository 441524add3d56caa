"""A query as one value: what to match, in which order, which page."""

from dataclasses import dataclass

from broker.query.ast import Condition, GeoCondition, OrderKey, Pattern, ScopeCondition, TypeSelection


@dataclass(frozen=True, slots=True)
class Selector:
    """Entities by what they are: all that is given holds (GS CIM 009 §5.2.33). `ids` prevail over `id_pattern`."""

    types: TypeSelection | None = None
    ids: tuple[str, ...] = ()
    id_pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Ordering:
    """By what the results are ordered (GS CIM 009 §4.23); equal ones by id.

    `collation` is that of strings, a language tag (RFC 6067).
    """

    keys: tuple[OrderKey, ...]
    collation: str = "und"


@dataclass(frozen=True, slots=True)
class Query:
    """What GET /entities asks (GS CIM 009 §5.7.2).

    One of the `selectors` holds, if there are any, one of the `attributes` exists, and the conditions hold; the id is
    one of `among`, unless that is None.
    Entities come in the order of their ids unless there is an `ordering`. `limit` entities after the first `offset` of
    those whose id is greater than `after` (less than `before`: the last of them); `limit` 0 asks for the count alone.
    Nobody wants to know how far the count is beyond `count_limit`.
    """

    selectors: tuple[Selector, ...] = ()
    attributes: frozenset[str] = frozenset()
    q: Condition | None = None
    scopes: ScopeCondition | None = None
    geo: GeoCondition | None = None
    among: frozenset[str] | None = None
    ordering: Ordering | None = None
    limit: int = 20
    offset: int = 0
    after: str = ""
    before: str = ""
    count: bool = False
    count_limit: int | None = None

    @property
    def of_types_alone(self) -> bool:
        """Whether the types of an entity decide whether it matches."""
        conditions = (self.q, self.scopes, self.geo, self.among)
        if self.attributes or any(condition is not None for condition in conditions):
            return False
        return all(not selector.ids and selector.id_pattern is None for selector in self.selectors)
