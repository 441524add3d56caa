"""Bytes that are hardly HTTP: what is answered is a refusal in our own words, the connection ends with the client's."""

import asyncio
import logging
import random
from collections import Counter
from typing import Final

import orjson
import pytest

from broker.names import API_ROOT
from tests.conftest import RunningBroker
from tests.drills.verdicts import BODYLESS, judge_problem
from tests.drills.wire import Address, Answer, Connection, read_answer

pytestmark = pytest.mark.http

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 0.5
"""How long an answer is waited for: many of these bytes are the beginning of something."""
END_SECONDS: Final = 5.0
"""Until the broker closes the connection after the client has."""
AT_ONCE: Final = 20

_BODY: Final = b'{"id":"urn:ngsi-ld:T:1","type":"T"}'
_LENGTH: Final = b"Content-Length: %d\r\n" % len(_BODY)
_POST: Final = b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
_GET: Final = b"GET /ngsi-ld/v1/entities?type=T HTTP/1.1\r\nHost: x\r\n"

SOUND: Final = [_GET + b"\r\n", _POST + _LENGTH + b"\r\n" + _BODY]

ODD: Final = [
    b"",
    b"\r\n" * 100,
    b"\x00" * 100,
    bytes(range(256)),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /ready\r\n\r\n",
    b"GET /ready HTTP/1.0\r\n\r\n",
    b"GET /ready HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET  /ready  HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://x/ready HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"get /ready HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /ready HTTP/1.1\nHost: x\n\n",
    b"GET ready HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /ready HTTP/1.1\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    _GET + b"No colon\r\n\r\n",
    _GET + b": no name\r\n\r\n",
    _GET + b"Accept : */*\r\n\r\n",
    _GET + b"Accept: a\r\n b\r\n\r\n",
    _GET + b"Accept: \x00\r\n\r\n",
    _GET + b"X: y\r\n" * 5000 + b"\r\n",
    _GET + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    b"GET /" + b"y" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    _GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    _GET + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    _GET + b"Content-Length: 5\r\n\r\nhello",
    (_GET + b"\r\n") * 50,
    _POST + b"Content-Length: 1000\r\n\r\n" + _BODY,
    _POST + b"Content-Length: 5\r\n\r\n" + _BODY,
    *(
        _POST + b"Content-Length: %b\r\n\r\n" % value + _BODY
        for value in (b"-1", b"+35", b"0x23", b"35, 35", b"", b"9" * 99)
    ),
    _POST + _LENGTH + b"Content-Length: 1\r\n\r\n" + _BODY,
    _POST + _LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /ready HTTP/1.1\r\nHost: x\r\n\r\n",
    _POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(_BODY) + _BODY + b"\r\n0\r\n\r\n",
    _POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + _BODY,
    _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    _POST + b"Transfer-Encoding: identity\r\n" + _LENGTH + b"\r\n" + _BODY,
    _POST + b"Content-Encoding: gzip\r\n" + _LENGTH + b"\r\n" + _BODY,
    _POST + b"Expect: 100-continue\r\n" + _LENGTH + b"\r\n" + _BODY,
    _POST + b"Expect: 200-maybe\r\n" + _LENGTH + b"\r\n" + _BODY,
]


def spoilt(generator: random.Random) -> bytes:
    """A sound request with some bytes changed."""
    request = bytearray(generator.choice(SOUND) * generator.randint(1, 2))
    for _ in range(generator.randint(1, 4)):
        at = generator.randrange(len(request))
        match generator.randrange(4):
            case 0:
                request[at] = generator.randrange(256)
            case 1:
                del request[at : at + generator.randint(1, 20)]
            case 2:
                request[at:at] = generator.choice([b"\r\n", b"\x00", b" ", b"\r", b"\n", b":", b"\xff", b"%", b"\t"])
            case 3:
                request[at:at] = generator.randbytes(generator.randint(1, 20))
        if not request:
            break
    return bytes(request)


async def test_odd_bytes_are_refused_or_dropped(running_broker: RunningBroker) -> None:
    await _send_all(running_broker, ODD + [spoilt(random.Random(number)) for number in range(200)])


@pytest.mark.drill
@pytest.mark.timeout(900)
async def test_many_odd_bytes_are_refused_or_dropped(running_broker: RunningBroker) -> None:
    generator = random.Random()
    await _send_all(running_broker, [spoilt(generator) for _ in range(3000)])


async def _send_all(broker: RunningBroker, messages: list[bytes]) -> None:
    address = Address("127.0.0.1", int(broker.url.rpartition(":")[2]))
    room = asyncio.Semaphore(AT_ONCE)
    statuses: Counter[str] = Counter()

    async def one(message: bytes) -> None:
        async with room:
            answers = await _answers(address, message)
        statuses.update([str(answer.status) for answer in answers] or ["none"])
        for answer in answers:
            _judge(message, answer)

    await asyncio.gather(*(one(message) for message in messages))
    log.info("%d connections: %s", len(messages), sorted(statuses.items()))
    async with Connection(address) as connection:
        assert (await connection.ask("GET", "/ready")).status == 200
        assert (await connection.ask("GET", f"{API_ROOT}/entities?type=T")).status == 200


async def _answers(address: Address, message: bytes) -> list[Answer]:
    """What is answered to bytes on a connection of their own, which the client then closes on its side."""
    answers: list[Answer] = []
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(message)
        try:
            while True:
                answers.append(await asyncio.wait_for(read_answer(reader, message[:4].rstrip()), ANSWER_SECONDS))
        except TimeoutError:
            writer.write_eof()
            async with asyncio.timeout(END_SECONDS):
                await reader.read()
    except TimeoutError:
        pytest.fail(f"The broker keeps the connection of {message[:300]!r}")
    except OSError:  # closed, as it may be
        pass
    finally:
        writer.close()
    return answers


def _judge(message: bytes, answer: Answer) -> None:
    told = f"{message[:500]!r}\n{answer}"
    assert answer.status < 500 or answer.status in (501, 504), told
    if answer.status in BODYLESS:
        assert answer.body == b"", told
    elif answer.status >= 400 and answer.body:
        judge_problem(orjson.loads(answer.body), answer.status, told)
