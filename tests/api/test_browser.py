"""The pages of docs/live-feed.md in a real browser: what they show is what the broker has."""

import asyncio
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import orjson
from aiohttp import web

from tests import web as pages
from tests.api.test_live import free, garage, made
from tests.conftest import free_port, new_tenant, serving, tenant_client, wait_for
from tests.docs.pages import ROOT

_HTML, _SCRIPT = (
    re.search(rf"^```{language}\n(.*?)^```", (ROOT / "docs" / "live-feed.md").read_text(), re.DOTALL | re.MULTILINE)
    for language in ("html", "js")
)
_ADDRESS = "http://localhost:1026"
_TELL = """
<script>
const tell = said => fetch('/told', {method: 'POST', body: JSON.stringify(said)})
new MutationObserver(() => tell(document.getElementById('list').innerText))
  .observe(document.getElementById('list'), {childList: true})
feed.addEventListener('ready', () => tell('ready'))
feed.addEventListener('reset', () => tell('reset'))
</script>
"""
_FOLLOW = """<!doctype html>
<script>
const tell = said => fetch('/told', {method: 'POST', body: JSON.stringify(said)})
%s
follow('%s', {'NGSILD-Tenant': '%s'}, (kind, data) => tell([kind, data]))
</script>
"""


class Screen:
    """What a page in a browser has told, in its order."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self._news = asyncio.Event()

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.told.append(orjson.loads(await request.read()))
        self._news.set()
        return web.Response()

    async def shows(self, expected: Callable[[Any], bool]) -> None:
        """Wait until the page tells what is expected, and forget what it told before."""
        deadline = monotonic() + 60
        while True:
            for number, said in enumerate(self.told):
                if expected(said):
                    del self.told[: number + 1]
                    return
            self._news.clear()
            assert monotonic() < deadline, self.told[-5:]
            try:
                await asyncio.wait_for(self._news.wait(), 5)
            except TimeoutError:
                continue


@contextmanager
def browser(url: str, profile: Path) -> Iterator[None]:
    """Chromium on a page."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing: apt-get install chromium"
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"]
    with (profile / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *options, *quiet, f"--user-data-dir={profile / 'profile'}", url],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@asynccontextmanager
async def looking(page: str, profile: Path) -> AsyncIterator[Screen]:
    """A browser on a page of a server of its own."""
    screen = Screen()

    async def serve(_: web.Request) -> web.StreamResponse:
        return web.Response(text=page, content_type="text/html", charset="utf-8")

    async with pages.serving() as server:
        server.answers("/told", screen.take)
        with browser(server.answers("/", serve), profile):
            yield screen


def lines(*garages: str) -> Callable[[Any], bool]:
    """Whether the page lists these."""
    return lambda said: (
        isinstance(said, str) and sorted(said.split("\n")) == sorted(f"urn:ngsi-ld:Garage:{each}" for each in garages)
    )


async def test_a_page_shows_what_there_is_while_it_changes_and_the_broker_restarts(tmp_path: Path) -> None:
    assert _HTML is not None
    port = str(free_port())
    page = _HTML[1].replace(_ADDRESS, f"http://127.0.0.1:{port}") + _TELL
    with serving(tmp_path, workers=2, cors_origins="*", port=port) as first:
        wait_for(first, "/ready")
        api = httpx2.Client(base_url=f"http://127.0.0.1:{port}/ngsi-ld/v1")
        await asyncio.to_thread(made, api, garage(1), garage(2, free=1))
        async with looking(page, tmp_path) as screen:
            await screen.shows(lines("1: 9"))
            await asyncio.to_thread(free, api, 2, 5)
            await screen.shows(lines("1: 9", "2: 5"))
            await asyncio.to_thread(free, api, 1, 0)
            await screen.shows(lines("2: 5"))
            await asyncio.to_thread(made, api, garage(3, free=33))
            await screen.shows(lines("2: 5", "3: 33"))
            await asyncio.to_thread(api.delete, "/entities/urn:ngsi-ld:Garage:2")
            await screen.shows(lines("3: 33"))
            first.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(first.process.wait, 60)
            with serving(tmp_path, workers=2, cors_origins="*", port=port) as second:
                await asyncio.to_thread(wait_for, second, "/ready")
                await asyncio.to_thread(made, api, garage(4, free=44))
                await screen.shows(lines("3: 33", "4: 44"))
                assert "ready" not in screen.told
                assert "reset" not in screen.told
        api.close()


async def test_a_page_follows_a_tenant_by_fetch(tmp_path: Path) -> None:
    assert _SCRIPT is not None
    with serving(tmp_path, cors_origins="*") as broker:
        wait_for(broker, "/ready")
        tenant = new_tenant()
        with tenant_client(broker, tenant) as api:
            await asyncio.to_thread(made, api, garage(1))
            url = f"{broker.url}/ngsi-ld/v1/entities?type=Garage&format=simplified"
            async with looking(_FOLLOW % (_SCRIPT[1], url, tenant), tmp_path) as screen:
                await screen.shows(lambda said: said == ["ready", {}])
                await asyncio.to_thread(free, api, 1, 7)
                expected = {"id": "urn:ngsi-ld:Garage:1", "type": "Garage", "free": 7}
                await screen.shows(lambda said: said == ["entity", expected])
