"""The pass around every operation, with operations of its own and no database."""

import asyncio
import io

import orjson
import pytest
from starlette.types import Message

from broker import telemetry
from broker.api import responses
from broker.api.deadlines import PERIOD
from broker.api.middleware import Border
from broker.api.operation import Body
from broker.api.requests import Request
from broker.api.responses import Response
from broker.api.services import Services
from tests.api.border import ask, border_of, operation

TIME_OUT = 0.2


async def fine(request: Request, _services: Services) -> Response:
    return responses.json(200, {"payload": request.payload})


async def faulty(_request: Request, _services: Services) -> Response:
    raise RuntimeError("secret")


async def slow(_request: Request, _services: Services) -> Response:
    await asyncio.sleep(30)
    raise AssertionError


OPERATIONS = (
    operation("fine", "GET", fine),
    operation("faulty", "GET", faulty),
    operation("slow", "GET", slow),
    operation("body", "POST", fine, Body("Entity")),
)


@pytest.fixture
def border() -> Border:
    return border_of(OPERATIONS, request_timeout=TIME_OUT, max_body=1024)


async def test_a_sane_request_id_is_kept(border: Border) -> None:
    answer = await ask(border, "GET", "/fine", {b"x-request-id": b"4bf92f35-77b3.4da6"})
    assert answer.headers[b"x-request-id"] == b"4bf92f35-77b3.4da6"


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 129, b"a\r\nSet-Cookie: b", b'"', "ä".encode(), b"-a"])
async def test_another_request_id_is_replaced(border: Border, given: bytes) -> None:
    first = await ask(border, "GET", "/fine", {b"x-request-id": given})
    second = await ask(border, "GET", "/fine", {b"x-request-id": given})
    ids = {first.headers[b"x-request-id"], second.headers[b"x-request-id"]}
    assert len(ids) == 2
    assert all(each.replace(b"-", b"").isalnum() for each in ids)


async def test_a_tenant_is_echoed_with_errors_too(border: Border) -> None:
    answer = await ask(border, "GET", "/nowhere", {b"ngsild-tenant": b"city"})
    assert (answer.status, answer.headers[b"ngsild-tenant"]) == (404, b"city")


async def test_what_is_no_tenant_is_not_echoed(border: Border) -> None:
    answer = await ask(border, "GET", "/fine", {b"ngsild-tenant": b"a\r\nX: y"})
    assert b"ngsild-tenant" not in answer.headers


async def test_a_fault_is_logged_and_not_told(border: Border, log_stream: io.StringIO) -> None:
    telemetry.configure_logging("info", "json", log_stream)
    answer = await ask(border, "GET", "/faulty", {b"x-request-id": b"trace-me"})
    problem = orjson.loads(answer.body)
    assert answer.status == 500
    assert problem["type"] == "https://uri.etsi.org/ngsi-ld/errors/InternalError"
    assert "trace-me" in problem["detail"]
    assert b"secret" not in answer.body
    logged = [orjson.loads(line) for line in log_stream.getvalue().splitlines()]
    assert any(line["request_id"] == "trace-me" and "secret" in str(line.get("exception")) for line in logged)


async def test_head_is_get_without_the_body(border: Border) -> None:
    get, head = await ask(border, "GET", "/fine"), await ask(border, "HEAD", "/fine")
    assert head.body == b""
    assert head.headers[b"content-length"] == b"%d" % len(get.body)


async def test_an_answer_that_takes_too_long_is_503(border: Border) -> None:
    answer = await asyncio.wait_for(ask(border, "GET", "/slow"), TIME_OUT + 2 * PERIOD + 1)
    assert answer.status == 503
    assert b"retry-after" in answer.headers


async def test_a_body_that_takes_too_long_is_408(border: Border) -> None:
    headers = {b"content-type": b"application/json", b"content-length": b"10"}
    answer = await asyncio.wait_for(ask(border, "POST", "/body", headers), TIME_OUT + 2 * PERIOD + 1)
    assert (answer.status, answer.body, answer.headers[b"connection"]) == (408, b"", b"close")


async def test_a_time_out_leaves_the_task_as_it_was(border: Border) -> None:
    await ask(border, "GET", "/slow")
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert (await ask(border, "GET", "/fine")).status == 200


async def test_a_server_that_ends_cancels_its_requests(border: Border) -> None:
    task = asyncio.create_task(ask(border, "GET", "/slow"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_client_that_went_away_is_sent_nothing(border: Border) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"10")]
    scope = {"type": "http", "method": "POST", "path": "/body", "raw_path": b"/body", "query_string": b""}
    await border(scope | {"headers": headers}, receive, send)
    assert sent == []


async def test_requests_are_counted_by_operation_and_status(border: Border) -> None:
    for _ in range(3):
        await ask(border, "GET", "/fine")
    await ask(border, "GET", "/nowhere")
    lines = telemetry.exposition().decode().splitlines()
    assert 'ngsild_requests_total{operation="none",status="404"}' in "\n".join(lines)
    count = next(line for line in lines if line.startswith('ngsild_requests_total{operation="fine",status="200"}'))
    assert float(count.split()[-1]) >= 3
