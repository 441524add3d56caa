"""Pages of lists: limit, offset, count, and the links from page to page (GS CIM 009 §5.5.9, §6.3.10, §6.3.13).

Links carry a position in the order of ids, so that pages have neither gaps nor doubles while others write, and the
last page costs what the first does. A list in another order has offsets in its links.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from broker.api.parameters import AFTER, BEFORE, COUNT, COUNT_LIMIT, LIMIT, OFFSET, position_text
from broker.api.requests import Request
from broker.api.responses import HeaderLine, count_lines
from broker.errors import InvalidRequest, TooManyResults
from broker.jsonld.links import escaped
from broker.settings import Settings

T = TypeVar("T")

PAGING: Final = (LIMIT, OFFSET, AFTER, BEFORE, COUNT, COUNT_LIMIT)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    offset: int
    count: bool
    after: str = ""
    before: str = ""
    count_limit: int | None = None

    @property
    def fetched(self) -> int:
        """How many to ask for: one more than the page holds tells whether another page follows."""
        return self.limit + 1 if self.limit else 0

    def shown(self, found: Sequence[T]) -> Sequence[T]:
        """Of those that were asked for, those on the page. Backwards, the first is the one more."""
        return found[-self.limit :] if self.before and self.limit else found[: self.limit]


def page_of(request: Request, settings: Settings) -> Page:
    """The page that the request asks for.

    Raises TooManyResults beyond this deployment's limits, InvalidRequest for a limit of 0 without a count.
    """
    limit, offset, count = request.get(LIMIT), request.get(OFFSET) or 0, bool(request.get(COUNT))
    if limit is None:
        limit = settings.default_limit
    if limit == 0 and not count:
        raise InvalidRequest("Parameter limit: 0 asks for the count alone and needs count=true.")
    if limit > settings.max_limit:
        raise TooManyResults(f"Parameter limit: at most {settings.max_limit}, found {limit}.")
    if offset > settings.max_offset:
        raise TooManyResults(f"Parameter offset: at most {settings.max_offset}, found {offset}.")
    after, before = request.get(AFTER) or "", request.get(BEFORE) or ""
    if (after and before) or (offset and (after or before)):
        raise InvalidRequest("Parameters after, before and offset exclude each other.")
    return Page(limit, offset, count, after, before, request.get(COUNT_LIMIT))


def page_lines(
    request: Request, page: Page, found: Sequence[str], count: int | None, *, ordered: bool = False
) -> Iterator[HeaderLine]:
    """The count if it was asked for, the links to the next and the previous page; none on the last and the first.

    `found` are the ids of what was asked for, `ordered` if they are not in the order of ids. The links carry all of the
    query but the page.
    """
    if count is not None:
        yield from count_lines(count, page.count_limit)
    if not page.limit:
        return
    links = dict(_by_offset(page, len(found)) if ordered else _by_position(page, found))
    if not links:
        return
    paging = (LIMIT.name, OFFSET.name, AFTER.name, BEFORE.name)
    target, query = request.target.decode("ascii").rstrip("/"), request.query.decode("ascii")
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in paging]
    for rel, place in links.items():
        url = escaped(f"{target}?{'&'.join([*kept, f'limit={page.limit}', place])}")
        yield (b"link", f'<{url}>; rel="{rel}"; type="{request.media}"'.encode("ascii"))


def _by_offset(page: Page, found: int) -> Iterator[tuple[str, str]]:
    if found > page.limit:
        yield "next", f"{OFFSET.name}={page.offset + page.limit}"
    if page.offset:
        yield "prev", f"{OFFSET.name}={max(page.offset - page.limit, 0)}"


def _by_position(page: Page, found: Sequence[str]) -> Iterator[tuple[str, str]]:
    ids = page.shown(found)
    more = len(found) > page.limit
    if ids and (more or page.before):
        yield "next", f"{AFTER.name}={position_text(ids[-1])}"
    if ids and (page.after or (page.before and more)):
        yield "prev", f"{BEFORE.name}={position_text(ids[0])}"
    elif page.offset:
        yield from ((rel, place) for rel, place in _by_offset(page, 0) if rel == "prev")
