"""Whether a document that has passed a query's filter matches: its entity is decoded only if nothing else tells.

- Where the filter is exact, all that pass it match.
- Where it is exact but for a geo-query, the geometries in the field `g` decide, if they are all there.
- An entity that holds something with an expiry is decided on as what is left of it now; an expired one is not there.
- Otherwise, and where there is more than the index has keys for, the entity decides.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias

from broker.query.geo_predicate import placed
from broker.query.plan import Query
from broker.query.targets import Linked
from broker.query.to_mongo import entity_filter
from broker.query.to_predicate import matches
from broker.store.found import Found, found_in

Document: TypeAlias = dict[str, Any]

_MARKED: Final = {"j": 1, "x": 1, "o": 1}
_PLACED: Final = {**_MARKED, "g": 1}


def projection(query: Query) -> dict[str, int]:
    """The fields that `deciding` looks at."""
    return _MARKED if query.geo is None else _PLACED


def deciding(query: Query, linked: Linked) -> Callable[[Document], Found | None]:
    """The function from a document to what was found: None if it does not match. Links of `q` lead to `linked`."""
    exact = entity_filter(query).exact
    meets = matches(query, linked)
    by_places = None
    if query.geo is not None and entity_filter(replace(query, geo=None)).exact:
        by_places = placed(query.geo)

    def decide(document: Document) -> Found | None:
        found = found_in(document)
        if found is None:
            return None
        if found.lasting and "o" not in document:
            known = True if exact else by_places(document.get("g", ())) if by_places is not None else None
            if known is not None:
                return found if known else None
        return found if meets(found.entity) else None

    return decide
