"""The one ASGI pass around every operation: request id, routing, limits, tenant, time-out, problems, telemetry.

What is added to every answer, CORS and compression among it, is added in `_send`.
"""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from contextlib import aclosing
from itertools import count
from time import perf_counter
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from broker.api import admin, parameters, problems
from broker.api.compression import Compression
from broker.api.cors import Cors
from broker.api.deadlines import Deadlines, Task
from broker.api.departures import Departure
from broker.api.negotiation import accepted
from broker.api.operation import Action, Operation
from broker.api.requests import (
    ClientGone,
    Headers,
    Request,
    check_body_headers,
    headers_of,
    link_context,
    read_json,
    refuse_link_beside_body,
    split_context,
    tenant_of,
)
from broker.api.responses import Response, Stream, warning_lines
from broker.api.router import Route, Router
from broker.api.services import Services
from broker.call import DEFAULT_TENANT, Call
from broker.errors import BrokerError
from broker.names import JSON_LD
from broker.telemetry import REQUEST_ID, Observe, log, observer

_SANE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")

_log = log(__name__)

NO_OPERATION: Final = "none"
"""Label of requests that no operation takes."""
CLIENT_GONE: Final = 499
"""Status in the metrics of a request whose client went away before it was whole, or answered."""
BROKEN_OFF: Final = 599
"""Status in the metrics of an answer that broke off after its status was sent."""


class Border:
    """The ASGI application behind the lifespan: requests in, answers out, whatever happens between."""

    def __init__(self, router: Router, services: Services) -> None:
        self._router = router
        self._services = services
        self._settings = services.settings
        self._deadlines = Deadlines(services.settings.request_timeout)
        self._compression = Compression()
        self._compressed_from = services.settings.gzip_min_size or sys.maxsize
        origins = services.settings.cors_origins
        self._cors = Cors(origins) if origins else None
        self._observers: dict[str, Observe] = {}
        self._new_id = _request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = perf_counter()
        headers = headers_of(scope["headers"])
        given = headers.get(b"x-request-id")
        request_id = given if given is not None and _SANE_ID.fullmatch(given) else self._new_id()
        REQUEST_ID.set(request_id.decode("ascii"))
        operation = NO_OPERATION
        try:
            route, path = self._router.find(scope["method"], scope["raw_path"])
            operation = route.operation.name
            response = await self._timed(route, path, scope, headers, receive)
        except BrokerError as error:
            response = problems.response(error)
        except problems.BareStatus as refusal:
            response = refusal.response()
        except ClientGone:
            self._observe(operation, CLIENT_GONE, scope, started)
            return
        except Exception:  # noqa: BLE001  the border: nothing gets past it, nothing leaks
            _log.exception("request failed", operation=operation)
            response = problems.unexpected(request_id.decode("ascii"))
        if response.lasting:  # how long it lasts is no time that anybody waits
            self._observe(operation, response.status, scope, started)
        sent = await self._send(response, request_id, scope["method"], headers, receive, send)
        if not response.lasting:
            self._observe(operation, response.status if sent else BROKEN_OFF, scope, started)

    async def _timed(
        self, route: Route, path: dict[str, str], scope: Scope, headers: Headers, receive: Receive
    ) -> Response:
        """The handler's answer; a 408 or a 503 when its time is over."""
        task: Task = asyncio.current_task()  # type: ignore[assignment]  # a server runs each request in a task
        deadline = self._deadlines.start(task)
        operation = route.operation
        reading = operation.body is not None
        departure: Departure | None = None
        try:
            request = self._read_head(route, path, scope, headers)
            if reading:
                limits = self._settings
                request.payload, request.size = await read_json(receive, limits.max_body, limits.max_depth)
                reading = False
            if operation.abandoned:
                departure = Departure(task, receive)
            if operation.ngsi_ld:
                await self._enter(request, operation, deadline)
            response = await operation.handler(request, self._services)
            if operation.ngsi_ld and request.call.cautions:
                response.headers.extend(warning_lines(request.call.cautions))
            return response
        except asyncio.CancelledError:
            if departure is not None and departure.left():
                raise ClientGone from None
            if not self._deadlines.stopped(task):
                raise
            return problems.BodyOverdue().response() if reading else problems.response(problems.TIMED_OUT)
        finally:
            self._deadlines.end(task)
            if departure is not None:
                departure.end()

    def _read_head(self, route: Route, path: dict[str, str], scope: Scope, headers: Headers) -> Request:
        """The request without its body. What HTTP alone refuses comes first: 411, 413, 415, 406."""
        operation = route.operation
        if operation.action is Action.ADMINISTER:
            admin.authorize(headers, self._settings.admin_token)
        query = scope["query_string"]
        media = ""
        if operation.body is not None:
            media = check_body_headers(headers, operation.body.media, self._settings.max_body)
        produced = accepted(headers.get(b"accept"), operation.produces)
        if produced is None:
            raise problems.NotAcceptable(operation.produces)
        known = route.parameters
        values = parameters.read(query, known, operation.title) if query and known is not None else {}
        return Request(scope["raw_path"], path, query, values, headers, produced, media == JSON_LD)

    async def _enter(self, request: Request, operation: Operation, deadline: float) -> None:
        """Find out on whose behalf the request comes, and in which vocabulary."""
        tenant = request.headers.get(b"ngsild-tenant")
        link = link_context(request.headers)
        source: Any = link
        if request.context_in_body:
            refuse_link_beside_body(link)
        if operation.body is not None and not (operation.body.array or operation.body.of_context):
            request.payload, source = split_context(request.payload, request.context_in_body, link)
        contexts = self._services.contexts
        context = contexts.known(source) or await contexts.resolve(source)
        request.call = Call(
            tenant_of(tenant) if tenant else DEFAULT_TENANT, context, deadline, local=bool(request.values.get("local"))
        )

    async def _send(
        self, response: Response, request_id: bytes, method: str, headers: Headers, receive: Receive, send: Send
    ) -> bool:
        """Send an answer with the lines that every one has: the request's id, and its tenant (GS CIM 009 §6.3.14).

        Whether it was sent whole.
        """
        lines = response.headers
        lines.append((b"x-request-id", request_id))
        tenant = headers.get(b"ngsild-tenant")
        if tenant:
            try:
                tenant_of(tenant)
            except BrokerError:  # what is no tenant is not repeated
                pass
            else:
                lines.append((b"ngsild-tenant", tenant))
        if self._cors is not None:
            self._cors.tell(response, method, headers)
        if response.stream is not None:
            return await self._send_stream(response, response.stream, method, headers, receive, send)
        if len(response.body) >= self._compressed_from:
            await self._compression.encode(response, headers)
            lines = response.headers
        await send({"type": "http.response.start", "status": response.status, "headers": lines})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else response.body})
        return True

    async def _send_stream(
        self,
        response: Response,
        stream: Stream,
        method: str,
        headers: Headers,
        receive: Receive,
        send: Send,
    ) -> bool:
        """Send an answer as it is made. What fails then cannot be told any more: the answer breaks off without an end.

        Nothing is made before the client has taken what was made before it; each part has the time of a request.
        """
        if self._compressed_from < sys.maxsize and not response.lasting:
            stream = self._compression.encode_stream(response, stream, headers)
        async with aclosing(stream):
            await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
            if method != "HEAD":
                try:
                    await self._send_parts(stream, receive, send)
                except (BrokerError, TimeoutError, ClientGone) as error:
                    if not response.lasting:
                        _log.warning("answer broken off", reason=str(error) or type(error).__name__)
                    return False
                except Exception:  # noqa: BLE001  the border
                    _log.exception("answer broken off")
                    return False
        await send({"type": "http.response.body", "body": b""})
        return True

    async def _send_parts(self, stream: Stream, receive: Receive, send: Send) -> None:
        """Send all parts. Raises ClientGone once the client has left, TimeoutError."""
        task: Task = asyncio.current_task()  # type: ignore[assignment]  # a server runs each request in a task
        departure = Departure(task, receive)
        try:
            while True:
                async with asyncio.timeout(self._settings.request_timeout):
                    part = await anext(stream, None)
                    if part is None:
                        return
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        except asyncio.CancelledError:
            if departure.left():
                raise ClientGone from None
            raise
        finally:
            departure.end()

    def close(self) -> None:
        """Let go of what it holds."""
        self._compression.close()

    def _observe(self, operation: str, status: int, scope: Scope, started: float) -> None:
        took = perf_counter() - started
        observe = self._observers.get(operation)
        if observe is None:
            observe = self._observers[operation] = observer(operation)
        observe(status, took)
        logged = self._settings.access_log
        if logged == "all" or (status >= 500 and logged == "errors"):
            _log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                operation=operation,
                status=status,
                milliseconds=round(took * 1000, 2),
            )


def _request_ids() -> Callable[[], bytes]:
    """Makes ids: a random start for each worker, then a number."""
    start = os.urandom(6).hex().encode()
    numbers = count(1)
    return lambda: b"%b-%x" % (start, next(numbers))
