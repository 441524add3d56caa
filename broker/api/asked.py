"""What a URL asks for, read once: dashboards ask for the same pages again and again, many clients for one page at once.

It depends on nothing but the query string, what the @context means, and the settings.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from broker.api.paging import Page, page_of
from broker.api.querying import query_of
from broker.api.requests import Request
from broker.query.plan import Query
from broker.settings import Settings

KEPT: Final = 500
"""Query strings that are kept; those that are asked for again are kept longer."""
LONGEST: Final = 500
"""Bytes of a query string that is worth keeping."""


class Asked(NamedTuple):
    """A page, and the query whose matches it shows."""

    page: Page
    query: Query


_Key: TypeAlias = tuple[bytes, str]
"""Query string, key of the @context."""
_NONE: Final[Mapping[_Key, Asked]] = {}


class Readings:
    """One per worker. Two generations bound it: the old one is dropped when the young one is full."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._young: dict[_Key, Asked] = {}
        self._old: Mapping[_Key, Asked] = _NONE

    def of(self, request: Request) -> Asked:
        """What GET /entities, or the body of POST /entityOperations/query, asks for.

        Raises as `page_of` and `query_of` do.
        """
        if request.payload is not None or len(request.query) > LONGEST:
            return self._read(request)
        key = (request.query, request.call.context.key)
        asked = self._young.get(key)
        if asked is None:
            asked = self._old.get(key) or self._read(request)
            if len(self._young) >= KEPT:
                self._old, self._young = self._young, {}
            self._young[key] = asked
        return asked

    def _read(self, request: Request) -> Asked:
        page = page_of(request, self._settings)
        return Asked(page, query_of(request, page))
