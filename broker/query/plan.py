"""A query as one value: what to match, in which order, which page."""

from dataclasses import dataclass

from broker.query.ast import TypeSelection


@dataclass(frozen=True, slots=True)
class Query:
    """What GET /entities asks (GS CIM 009 §5.7.2). Entities come in the order of their ids.

    `limit` entities after the first `offset` of those whose id is greater than `after`; `limit` 0 asks for the count
    alone.
    """

    types: TypeSelection | None = None
    ids: tuple[str, ...] = ()
    limit: int = 20
    offset: int = 0
    after: str = ""
    count: bool = False
