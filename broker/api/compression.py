"""Answers in gzip, for clients that accept it (RFC 9110 §8.4.1.3, §12.5.3)."""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import lru_cache
from typing import Final

from broker.api.negotiation import weights
from broker.api.requests import Headers
from broker.api.responses import Response, Stream

LEVEL: Final = 3
"""Pages of entities shrink to a fifth at 130 MB/s; level 6 makes them a tenth smaller in thrice the time."""
IN_PLACE: Final = 32 * 1024
"""Bytes up to which the event loop waits for it, some 0.2 ms; more is left to a thread."""

_WORTH_KEEPING: Final = 256
_VARY: Final = (b"vary", b"Accept-Encoding")
_GZIP: Final = (b"content-encoding", b"gzip")


class Compression:
    """One per worker. It takes one thread at most, or large pages would take the time of all other requests."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "gzip")

    async def encode(self, response: Response, headers: Headers) -> None:
        """Compress the body of an answer if the request accepts that."""
        response.headers.append(_VARY)
        accepted = headers.get(b"accept-encoding")
        if accepted is None or not takes_gzip(accepted):
            return
        if len(response.body) <= IN_PLACE:
            response.body = gzip(response.body)
        else:
            loop = asyncio.get_running_loop()
            response.body = await loop.run_in_executor(self._executor, gzip, response.body)
        length = (b"content-length", b"%d" % len(response.body))
        response.headers = [line for line in response.headers if line[0] != b"content-length"] + [length, _GZIP]

    def encode_stream(self, response: Response, stream: Stream, headers: Headers) -> Stream:
        """The body of an answer that is made while it is sent, compressed if the request accepts that."""
        response.headers.append(_VARY)
        accepted = headers.get(b"accept-encoding")
        if accepted is None or not takes_gzip(accepted):
            return stream
        response.headers.append(_GZIP)
        return self._compressed(stream)

    async def _compressed(self, chunks: Stream) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        compressor = zlib.compressobj(LEVEL, wbits=31)
        async with aclosing(chunks):
            while (chunk := await anext(chunks, None)) is not None:
                compressed = await loop.run_in_executor(self._executor, compressor.compress, chunk)
                if compressed:
                    yield compressed
        yield compressor.flush()

    def close(self) -> None:
        """Let the thread go."""
        self._executor.shutdown(wait=False)


def gzip(body: bytes) -> bytes:
    """The body in gzip; the same for the same body."""
    return zlib.compress(body, LEVEL, wbits=31)


def takes_gzip(accept_encoding: bytes) -> bool:
    """Whether gzip is acceptable, and not less so than no coding at all."""
    if len(accept_encoding) > _WORTH_KEEPING:
        return _takes_gzip(accept_encoding)
    return _remembered(accept_encoding)


def _takes_gzip(accept_encoding: bytes) -> bool:
    found = weights(accept_encoding.decode("latin-1"))
    others = found.get("*", 0.0)
    gzip_weight = found.get("gzip", found.get("x-gzip", others))
    return gzip_weight > 0 and gzip_weight >= found.get("identity", 0.0)


_remembered = lru_cache(maxsize=256)(_takes_gzip)
