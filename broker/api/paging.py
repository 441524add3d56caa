"""Pages of lists: limit, offset, count, and the links from page to page (GS CIM 009 §5.5.9, §6.3.10, §6.3.13)."""

from collections.abc import Iterator
from dataclasses import dataclass

from broker.api.parameters import COUNT, LIMIT, OFFSET
from broker.api.requests import Request
from broker.api.responses import HeaderLine, count_line, escaped
from broker.errors import InvalidRequest, TooManyResults
from broker.settings import Settings


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    offset: int
    count: bool

    @property
    def fetched(self) -> int:
        """How many to ask for: one more than the page holds tells whether another page follows."""
        return self.limit + 1 if self.limit else 0


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
    return Page(limit, offset, count)


def page_lines(request: Request, page: Page, found: int, count: int | None) -> Iterator[HeaderLine]:
    """The count if it was asked for, the links to the next and the previous page; none on the last and the first.

    The links carry all of the query but the page.
    """
    if count is not None:
        yield count_line(count)
    following = [("next", page.offset + page.limit)] if found > page.limit > 0 else []
    preceding = [("prev", max(page.offset - page.limit, 0))] if page.offset and page.limit else []
    if not (following or preceding):
        return
    target, query = request.target.decode("ascii"), request.query.decode("ascii")
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in (LIMIT.name, OFFSET.name)]
    for rel, offset in following + preceding:
        url = escaped(f"{target}?{'&'.join([*kept, f'limit={page.limit}', f'offset={offset}'])}")
        yield (b"link", f'<{url}>; rel="{rel}"; type="{request.media}"'.encode("ascii"))
