import asyncio
from typing import Any

import pytest
from aiohttp import web as aioweb

from broker.errors import BadRequestData, BrokerError, LdContextNotAvailable
from broker.hosting.contexts import Contexts
from broker.hosting.fetch import FAILURE_SECONDS, HEURISTIC_SECONDS, RETRY_SECONDS
from broker.names import CORE_CONTEXT
from broker.outbound.client import Client
from broker.outbound.guard import Guard
from broker.settings import load
from tests.hosting.conftest import Clock
from tests.web import Web

WEATHER = "https://smart-data-models.github.io/dataModel.Weather/context.jsonld"
UNKNOWN_CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v9.9.jsonld"


def one(iri: str) -> dict[str, Any]:
    """A document whose term `speed` has this IRI."""
    return {"@context": {"speed": iri}}


async def until(condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen")


async def test_no_context_is_the_core(contexts: Contexts) -> None:
    assert await contexts.resolve(None) is contexts.core is contexts.known(None)
    assert (contexts.core.source, contexts.core.link) == (CORE_CONTEXT, CORE_CONTEXT)


async def test_the_default_context_may_be_another(client: Client) -> None:
    contexts = Contexts(load(default_context=WEATHER), client)
    assert contexts.known(None) is None
    assert await contexts.resolve(None) is contexts.known(None) is contexts.known(WEATHER)
    await contexts.close()


async def test_bundled_contexts_need_no_network(contexts: Contexts) -> None:
    context = await contexts.resolve([WEATHER, CORE_CONTEXT])
    assert context.expand("WeatherObserved") == "https://smartdatamodels.org/dataModel.Weather/WeatherObserved"


async def test_a_url_is_known_once_resolved(contexts: Contexts) -> None:
    assert contexts.known(WEATHER) is None
    assert await contexts.resolve(WEATHER) is contexts.known(WEATHER)


async def test_equal_inline_contexts_are_compiled_once(contexts: Contexts) -> None:
    first = await contexts.resolve({"speed": "https://a.example/speed"})
    assert await contexts.resolve({"speed": "https://a.example/speed"}) is first


async def test_a_remote_context_is_fetched_once(contexts: Contexts, web: Web) -> None:
    url = web.serves("/c", one("https://a.example/speed"))
    for _ in range(2):
        assert (await contexts.resolve(url)).expand("speed") == "https://a.example/speed"
    await contexts.resolve([url, {"x": "https://a.example/x"}])
    assert web.requests == {"/c": 1}


async def test_nested_remote_contexts_are_gathered_relative_to_where_they_stand(contexts: Contexts, web: Web) -> None:
    web.serves("/deep/b", {"@context": ["c", {"b": "https://a.example/b"}]})
    web.serves("/deep/c", {"@context": {"@import": "../d", "c": "https://a.example/c"}})
    web.serves("/d", {"@context": {"d": "https://a.example/d"}})
    context = await contexts.resolve(web.serves("/a", {"@context": [{"a": "https://a.example/a"}, "deep/b"]}))
    assert [context.expand(name) for name in "abcd"] == [f"https://a.example/{name}" for name in "abcd"]


async def test_concurrent_requests_share_one_fetch(contexts: Contexts, web: Web) -> None:
    go = asyncio.Event()

    async def slow(_: aioweb.Request) -> aioweb.Response:
        await go.wait()
        return aioweb.json_response(one("https://a.example/speed"))

    url = web.answers("/c", slow)
    sources: list[Any] = [url, url, [url], [url, {"x": "https://a.example/x"}], url]
    waiting = [asyncio.create_task(contexts.resolve(source)) for source in sources]
    await until(lambda: web.requests)
    waiting[0].cancel()
    go.set()
    cancelled, *others = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(cancelled, asyncio.CancelledError)
    for other in others:
        assert not isinstance(other, BaseException)
        assert other.expand("speed") == "https://a.example/speed"
    assert web.requests == {"/c": 1}


async def test_a_cancelled_request_leaves_its_fetch_to_the_next(contexts: Contexts, web: Web) -> None:
    url = web.serves("/c", one("https://a.example/speed"))
    alone = asyncio.create_task(contexts.resolve(url))
    await asyncio.sleep(0)
    alone.cancel()
    await until(lambda: contexts.known(url) is not None)
    assert web.requests == {"/c": 1}


@pytest.mark.parametrize("status", [301, 404, 500, 204])
async def test_a_status_without_a_document_is_not_available(contexts: Contexts, web: Web, status: int) -> None:
    url = web.serves("/c", b"", status=status)
    with pytest.raises(LdContextNotAvailable, match=f"{url} can't be fetched: the status is {status}"):
        await contexts.resolve(url)


async def test_an_unknown_version_of_the_core_is_not_available(contexts: Contexts) -> None:
    with pytest.raises(LdContextNotAvailable, match=UNKNOWN_CORE):
        await contexts.resolve([UNKNOWN_CORE, {"speed": "https://a.example/speed"}])


async def test_an_address_that_is_not_allowed_is_not_available_and_says_what_the_operator_can_do(web: Web) -> None:
    client = Client(Guard())
    contexts = Contexts(load(), client)
    with pytest.raises(LdContextNotAvailable, match="NGSILD_ALLOWED_NETWORKS"):
        await contexts.resolve(web.serves("/c", one("https://a.example/speed")))
    assert not web.requests
    await contexts.close()
    await client.close()


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"<html></html>", "is no JSON"),
        (b"", "is no JSON"),
        ([], "no JSON object with an @context"),
        ({"speed": "https://a.example/speed"}, "no JSON object with an @context"),
        ({"@context": {"speed": 5}}, "invalid at 'speed'"),
        (
            {"@context": {"speed": {"@id": "https://a.example/speed", "@context": {}}}},
            "scoped @context in its term 'speed'",
        ),
        ({"@context": ["ftp://a.example/"]}, "'ftp://a.example/', which is no absolute http or https URL"),
        ({"@context": "self"}, "includes itself"),
    ],
)
async def test_a_document_that_is_no_context_is_bad_data(
    contexts: Contexts, web: Web, document: Any, reason: str
) -> None:
    url = web.serves("/self", document)
    with pytest.raises(BadRequestData, match=reason) as refused:
        await contexts.resolve(url)
    assert url in refused.value.detail


async def test_a_context_larger_than_the_limit_is_refused(contexts: Contexts, web: Web) -> None:
    large = {"@context": {"speed": "https://a.example/" + "x" * 20_000}}
    with pytest.raises(LdContextNotAvailable, match="larger than 20000 bytes"):
        await contexts.resolve(web.serves("/c", large))
    with pytest.raises(BadRequestData, match="larger than 20000 bytes"):
        await contexts.resolve(large["@context"])


async def test_a_context_that_takes_too_long_is_not_available(web: Web, client: Client) -> None:
    async def never(_: aioweb.Request) -> aioweb.Response:
        await asyncio.sleep(60)
        return aioweb.Response()

    contexts = Contexts(load(context_timeout=0.1), client)
    with pytest.raises(LdContextNotAvailable, match=r"within 0\.1 s"):
        await contexts.resolve(web.answers("/c", never))
    await contexts.close()


async def test_references_deeper_than_the_limit_are_refused(contexts: Contexts, web: Web) -> None:
    for depth in range(5):
        web.serves(f"/{depth}", {"@context": f"{depth + 1}"})
    web.serves("/5", one("https://a.example/speed"))
    assert await contexts.resolve(web.url("/2"))
    with pytest.raises(BadRequestData, match="more than 4 steps"):
        await contexts.resolve(web.url("/1"))


async def test_more_documents_than_the_limit_are_refused(contexts: Contexts, web: Web) -> None:
    with pytest.raises(BadRequestData, match="more than 50 remote documents"):
        await contexts.resolve([web.url(f"/{number}") for number in range(51)])
    assert not web.requests


async def test_redirects_are_followed(contexts: Contexts, web: Web) -> None:
    web.serves("/new", one("https://a.example/speed"))
    url = web.serves("/old", b"", status=302, headers={"Location": "/new"})
    assert (await contexts.resolve(url)).link == url


async def test_a_failure_is_remembered_briefly(contexts: Contexts, web: Web, clock: Clock) -> None:
    url = web.url("/c")
    for _ in range(3):
        with pytest.raises(LdContextNotAvailable):
            await contexts.resolve(url)
    assert web.requests == {"/c": 1}
    web.serves("/c", one("https://a.example/speed"))
    clock.now += FAILURE_SECONDS + 1
    assert await contexts.resolve(url)


async def test_an_outdated_context_is_used_while_it_is_renewed(contexts: Contexts, web: Web, clock: Clock) -> None:
    url = web.serves("/c", one("https://a.example/old"), headers={"Cache-Control": "max-age=60"})
    await contexts.resolve(url)
    web.serves("/c", one("https://a.example/new"))
    clock.now += 59
    assert contexts.known(url) is not None
    clock.now += 1
    assert contexts.known(url) is None
    assert (await contexts.resolve(url)).expand("speed") == "https://a.example/old"
    await until(lambda: contexts.known(url) is not None)
    assert (await contexts.resolve(url)).expand("speed") == "https://a.example/new"


async def test_a_context_outdated_for_long_is_renewed_first(contexts: Contexts, web: Web, clock: Clock) -> None:
    url = web.serves("/c", one("https://a.example/old"))
    await contexts.resolve(url)
    web.serves("/c", one("https://a.example/new"))
    clock.now += HEURISTIC_SECONDS + 1000
    assert (await contexts.resolve(url)).expand("speed") == "https://a.example/new"


async def test_a_context_that_did_not_change_is_not_compiled_again(contexts: Contexts, web: Web, clock: Clock) -> None:
    url = web.serves("/c", one("https://a.example/speed"))
    first = await contexts.resolve(url)
    clock.now += HEURISTIC_SECONDS + 1000
    assert await contexts.resolve(url) is first
    assert web.requests == {"/c": 2}


@pytest.mark.parametrize("failure", [(b"", 500), (b"junk", 200), (b'{"@context": {"speed": 5}}', 200)])
async def test_the_old_context_stays_in_use_when_its_address_fails(
    contexts: Contexts, web: Web, clock: Clock, failure: tuple[bytes, int]
) -> None:
    url = web.serves("/c", one("https://a.example/old"))
    await contexts.resolve(url)
    body, status = failure
    web.serves("/c", body, status=status)
    for _ in range(2):
        clock.now += HEURISTIC_SECONDS + 1000
        assert (await contexts.resolve(url)).expand("speed") == "https://a.example/old"
    web.serves("/c", one("https://a.example/new"))
    clock.now += HEURISTIC_SECONDS + RETRY_SECONDS + 1000
    assert (await contexts.resolve(url)).expand("speed") == "https://a.example/new"


async def test_the_cache_is_bounded(contexts: Contexts) -> None:
    first = {"speed": "https://a.example/0"}
    context = await contexts.resolve(first)
    for number in range(1, 9):
        await contexts.resolve({"speed": f"https://a.example/{number}"})
    assert await contexts.resolve(first) is not context


@pytest.mark.parametrize(
    "source", [5, True, 1.5, "", "context.jsonld", ["/a"], [5], {"@import": "a"}, "\ud800", ["\ud800"]]
)
async def test_what_can_be_no_context_is_bad_data(contexts: Contexts, source: Any) -> None:
    with pytest.raises(BadRequestData):
        await contexts.resolve(source)


async def test_a_digest_is_no_address(contexts: Contexts) -> None:
    await contexts.resolve({"speed": "https://a.example/speed"})
    with pytest.raises(BrokerError):
        await contexts.resolve("0" * 32)
