"""Batches of entities to any NGSI-LD broker: sent, tried again, taken apart until every refusal has its entity.

What an answer of `POST /entityOperations/upsert` means (GS CIM 009 §6.15.3.1):

    201         the ids in the body were created, the others existed
    204, 200    all existed
    207         BatchOperationResult: `errors` name the refused entities
    400 …       the batch is refused: its halves are sent, down to the entities that are to blame
    429, 5xx    the broker can't now: again after a while, `Retry-After` if it says so
    401, 404 …  nothing of the kind will ever be taken: StartError
"""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
import orjson

from broker import names
from broker.errors import StartError

Mode = Literal["replace", "update"]

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the next try: after the first failure, the second …"""
TRIES: Final = 3
"""So often a batch is sent that the broker fails at (500), or that needs an @context that can't be had (504)."""
TIMEOUT: Final = 120.0
"""Seconds until a request is given up."""

_LATER: Final = frozenset({408, 425, 429, 502, 503})
_NEVER: Final = frozenset({401, 403, 404, 405, 406, 407, 411, 415, 501})
_REFUSED_SHOWN: Final = 300
"""Characters of an answer that is no problem document."""


class Item(NamedTuple):
    """An entity to send: its id, its JSON, where it comes from."""

    id: str
    body: bytes
    source: str = ""


class Batch(NamedTuple):
    """Entities that are sent together: with the @context of a Link header, or each with its own (`embedded`)."""

    items: Sequence[Item]
    context: str | None = None
    embedded: bool = False

    def halves(self) -> "tuple[Batch, Batch]":
        """The two halves of a batch of several."""
        middle = len(self.items) // 2
        return self._replace(items=self.items[:middle]), self._replace(items=self.items[middle:])


class Refusal(NamedTuple):
    """An entity that was not taken: the status of its own answer, the reason in the broker's words."""

    item: Item
    status: int
    reason: str


@dataclass(slots=True)
class Outcome:
    """What became of entities. `written`: created or updated, the broker did not say which."""

    created: int = 0
    updated: int = 0
    written: int = 0
    refused: list[Refusal] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """How many the broker has now."""
        return self.created + self.updated + self.written

    def add(self, other: "Outcome") -> None:
        """Count another outcome in."""
        self.created += other.created
        self.updated += other.updated
        self.written += other.written
        self.refused += other.refused


class _Unanswered(Exception):
    """No usable answer, for now; `pause`: what the broker asks to wait, seconds."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def api_root(url: str) -> str:
    """The root of the API at a URL given with or without it. Raises StartError when it is no URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StartError(f"--url {url} is no address of a broker.", "Write it as in http://localhost:1026.")
    return url.rstrip("/").removesuffix(names.API_ROOT) + names.API_ROOT


def link(context: str) -> str:
    """The value of a Link header that names an @context (GS CIM 009 §6.3.5)."""
    return f'<{context}>; rel="{names.CONTEXT_REL}"; type="{names.JSON_LD}"'


def parsed_headers(lines: Sequence[str]) -> dict[str, str]:
    """Headers from lines `Name: value`. Raises StartError for a line that is none."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise StartError(f"--header {line!r} is no header.", "Write it as in 'Authorization: Bearer …'.")
        headers[name.strip()] = value.strip()
    return headers


class Remote:
    """A broker at a URL, as an asynchronous context manager.

    `patience`: seconds that it may be away, once it has answered; then StartError. Without a limit it is waited for
    from the first request on. `told` hears when it goes away (the reason) and comes back (None).
    `certificate`: the only one that is trusted then, whatever host it names.
    """

    def __init__(
        self,
        url: str,
        *,
        tenant: str | None = None,
        headers: Mapping[str, str] | None = None,
        mode: Mode = "replace",
        patience: float = 60.0,
        told: Callable[[str | None], None] = lambda _reason: None,
        certificate: Path | None = None,
    ) -> None:
        self.root = api_root(url)
        self.headers = dict(headers or {}) | ({names.TENANT_HEADER: tenant} if tenant else {})
        self._mode = mode
        self._patience = patience
        self._told = told
        self._certificate = certificate
        self._session: aiohttp.ClientSession | None = None
        self._answered = patience == float("inf")
        self._away_since: float | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self.headers,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            connector=aiohttp.TCPConnector(limit=0, ssl=_pinned(self._certificate) if self._certificate else True),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def upsert(self, batch: Batch, tries: int = TRIES) -> Outcome:
        """Create or change all entities of a batch; `tries`: how often when the broker fails at it.

        Raises StartError when the broker isn't there, isn't back in time, or will never take such a request.
        """
        failures = 0
        while True:
            try:
                status, body = await self._post(batch)
            except _Unanswered as error:
                await self._wait(failures, str(error), error.pause)
                failures += 1
                continue
            self._back()
            tries -= 1
            if status in (500, 504) and tries > 0:
                await asyncio.sleep(PAUSES[0])
                continue
            return await self._settle(batch, status, body)

    async def get(self, path: str, parameters: Mapping[str, str], context: str | None = None) -> tuple[Any, int | None]:
        """The answer to a GET and the number of all results, if asked to count; None when there is no such thing.

        Raises StartError when the broker isn't there or refuses.
        """
        body, headers = await self.ask(path, parameters, context)
        count = headers.get(names.COUNT_HEADER, "")
        return body, int(count) if count.isdigit() else None

    async def ask(
        self, path: str, parameters: Mapping[str, str], context: str | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        """The same with the headers of the answer, which may be a part of the whole (206). Raises StartError."""
        headers = {"Link": link(context)} if context else {}
        failures = 0
        while True:
            try:
                status, body, answer = await self._exchange("GET", path, headers, parameters, None)
            except _Unanswered as error:
                await self._wait(failures, str(error), error.pause)
                failures += 1
                continue
            self._back()
            if status == 404:
                return None, {}
            if status not in (200, 206):
                raise self._unfit(status, body)
            return _json(body), answer

    async def _post(self, batch: Batch) -> tuple[int, bytes]:
        headers = {"Content-Type": names.JSON_LD if batch.embedded else names.JSON}
        if batch.context is not None and not batch.embedded:
            headers["Link"] = link(batch.context)
        parameters = {"options": "update"} if self._mode == "update" else {}
        data = b"[" + b",".join([item.body for item in batch.items]) + b"]"
        status, body, _ = await self._exchange("POST", "/entityOperations/upsert", headers, parameters, data)
        return status, body

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], parameters: Mapping[str, str], data: bytes | None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """One request. Raises _Unanswered when trying again can help."""
        if self._session is None:
            raise RuntimeError("Remote is a context manager")
        try:
            async with self._session.request(
                method, self.root + path, headers=headers, params=parameters, data=data, allow_redirects=False
            ) as answer:
                body = await answer.read()
        except TimeoutError:
            raise _Unanswered(f"no answer within {TIMEOUT:.0f} s") from None
        except aiohttp.InvalidURL as error:
            raise StartError(f"{error} is no URL.", "Write it as in http://localhost:1026.") from None
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise StartError(
                f"The certificate at {self.root} is not trusted: {_distrust(error)}.",
                "Name the broker as its certificate does, and its authority by SSL_CERT_FILE.",
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _Unanswered(_plain(error)) from None
        self._answered = True
        if answer.status in _LATER:
            pause = answer.headers.get("Retry-After", "")
            raise _Unanswered(
                f"it answers {answer.status}: {_reason(body)}", min(float(pause), 60.0) if pause.isdigit() else None
            )
        return answer.status, body, answer.headers

    async def _settle(self, batch: Batch, status: int, body: bytes) -> Outcome:
        """What an answer means for each entity; a refused batch is taken apart."""
        count = len(batch.items)
        if status == 201:
            created = _json(body)
            if isinstance(created, list):
                new = min(len(created), count)
                return Outcome(created=new, updated=count - new)
            return Outcome(written=count)
        if status == 207 or (status == 200 and isinstance(_json(body), dict)):
            return _partly(batch, _json(body))
        if status in (200, 204):
            return Outcome(updated=count)
        if status in _NEVER or status < 400:
            raise self._unfit(status, body)
        if count == 1 or status == 504:
            return Outcome(refused=[Refusal(item, status, _reason(body)) for item in batch.items])
        outcome = Outcome()
        for half in batch.halves():
            outcome.add(await self.upsert(half, tries=1))
        return outcome

    async def _wait(self, failures: int, reason: str, pause: float | None) -> None:
        """Wait for a broker that is away. Raises StartError when it never answered, or patience is over."""
        if not self._answered:
            raise StartError(
                f"No broker answers at {self.root}: {reason}.", "Start it, or correct the address with --url."
            )
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            self._told(reason)
        if now - self._away_since > self._patience:
            raise StartError(
                f"The broker at {self.root} has been away for {self._patience:.0f} s: {reason}.",
                "Nothing that it acknowledged is lost: run the command again when it is back.",
            )
        await asyncio.sleep(pause if pause is not None else PAUSES[min(failures, len(PAUSES) - 1)])

    def _back(self) -> None:
        if self._away_since is not None:
            self._away_since = None
            self._told(None)

    def _unfit(self, status: int, body: bytes) -> StartError:
        return StartError(
            f"The broker at {self.root} answers {status}: {_reason(body)}.",
            "Check the address, the tenant, and whether it wants a token (--header).",
        )


async def send_all(
    remote: Remote, batches: Iterator[Batch], connections: int, heard: Callable[[Batch, Outcome], None]
) -> None:
    """Send batches over so many connections; a batch is made when one of them is free.

    `heard` learns what became of each. Batches overtake each other: one connection keeps their order.
    Raises StartError as `Remote.upsert` and whatever the iterator raises.
    """
    turn = asyncio.Lock()

    async def worker() -> None:
        while True:
            async with turn:
                batch = await asyncio.to_thread(next, batches, None)
            if batch is None:
                return
            heard(batch, await remote.upsert(batch))

    workers = [asyncio.create_task(worker()) for _ in range(connections)]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def _partly(batch: Batch, result: Any) -> Outcome:
    """The outcome of a batch of which a part was refused."""
    errors = result.get("errors") if isinstance(result, dict) else None
    reasons: dict[str, tuple[int, str]] = {}
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            problem = error.get("error")
            status = problem.get("status") if isinstance(problem, dict) else None
            reasons[str(error.get("entityId"))] = (status if isinstance(status, int) else 207, _words(problem))
    refused = [Refusal(item, *reasons[item.id]) for item in batch.items if item.id in reasons]
    return Outcome(written=len(batch.items) - len(refused), refused=refused)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _reason(body: bytes) -> str:
    """The reason in an answer: of a problem document its detail, else the beginning of the text."""
    document = _json(body)
    if isinstance(document, dict):
        return _words(document)
    return body[:_REFUSED_SHOWN].decode(errors="replace").strip() or "without a reason"


def _words(problem: Any) -> str:
    """What a problem document says, in its most telling member."""
    if isinstance(problem, dict):
        for member in ("detail", "title", "type"):
            if isinstance(problem.get(member), str) and problem[member]:
                return str(problem[member]).rstrip(".")
        return orjson.dumps(problem).decode()[:_REFUSED_SHOWN]
    return str(problem) if problem else "without a reason"


def _pinned(certificate: Path) -> ssl.SSLContext:
    """TLS with the holder of this certificate, whatever host it names. Raises StartError if it can't be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(certificate)
    except OSError as error:
        raise StartError(f"{certificate} holds no certificate: {error.strerror}.", "Give a PEM file.") from None
    return context


def _distrust(error: Exception) -> str:
    """Why a certificate is not trusted, or why there is no TLS at all."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    return str(getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or cause).rstrip(".")


def _plain(error: Exception) -> str:
    """What is wrong with a connection, in words."""
    system = getattr(error, "os_error", None) or error
    if isinstance(system, OSError) and system.errno is not None and system.errno > 0:
        return os.strerror(system.errno)
    return str(error) or type(error).__name__
