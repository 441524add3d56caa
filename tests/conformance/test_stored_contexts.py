"""Rows CX-15 to CX-18 of docs/conformance.md: `/jsonldContexts` (GS CIM 009 §5.13, §6.29, §6.30)."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from broker.names import CORE_CONTEXT
from tests.conformance.documents import Documents, serving
from tests.conformance.exchange import BAD_REQUEST_DATA, INVALID_REQUEST, NOT_FOUND, Json, context_link, done, refusal
from tests.conftest import RunningBroker, new_tenant, tenant_client

pytestmark = pytest.mark.http

PATH = "/jsonldContexts"
TERMS: Json = {"Vehicle": "https://example.org/Vehicle", "speed": "https://example.org/speed"}
LAG = 10
"""Seconds until all workers surely know what one of them counted or deleted."""


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    with serving() as documents:
        yield documents


def host(api: httpx2.Client, context: Any = TERMS) -> str:
    """Host a context; its local id."""
    answer = api.post(PATH, json={"@context": context})
    assert (answer.status_code, answer.content) == (201, b""), answer.text
    root, _, local_id = answer.headers["location"].rpartition("/")
    assert root == "/ngsi-ld/v1/jsonldContexts"
    return local_id


def address(api: httpx2.Client, local_id: str) -> str:
    """The URL of a context that the broker serves."""
    return f"{api.base_url}{PATH.removeprefix('/')}/{local_id}"


def of(context_id: str) -> str:
    """The resource of a context, by its local id or its URL."""
    return f"{PATH}/{quote(context_id, safe='')}"


def detail(api: httpx2.Client, context_id: str) -> Json:
    answer = api.get(f"{of(context_id)}?details=true")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def use(api: httpx2.Client, url: str) -> httpx2.Response:
    """A request that is read with the context at a URL."""
    return api.get("/entities?type=Vehicle", headers=context_link(url))


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LAG
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


# CX-15


def test_a_hosted_context_is_served_as_it_was_given(api: httpx2.Client) -> None:
    """CX-15, §5.13.2.4, §5.13.4.4; of the body no more than the @context is kept."""
    answer = api.post(PATH, json={"@context": [TERMS, CORE_CONTEXT], "comment": "dropped"})
    served = api.get(of(answer.headers["location"].rpartition("/")[2]))
    assert served.json() == {"@context": [TERMS, CORE_CONTEXT]}
    assert served.headers["content-type"] == "application/json"


def test_a_hosted_context_may_come_and_go_as_json_ld(api: httpx2.Client) -> None:
    """CX-15, §6.3.4: the media type says nothing of where this @context belongs."""
    answer = api.post(PATH, json={"@context": TERMS}, headers={"Content-Type": "application/ld+json"})
    path = of(answer.headers["location"].rpartition("/")[2])
    served = api.get(path, headers={"Accept": "application/ld+json"})
    assert (served.json(), served.headers["content-type"]) == ({"@context": TERMS}, "application/ld+json")


def test_every_worker_reads_requests_with_a_hosted_context_at_once(api: httpx2.Client, new_id: str) -> None:
    """CX-15: its URL works like any other in a Link header, with each connection, whatever host the URL names."""
    url = address(api, host(api))
    body = {"id": new_id, "type": "Vehicle", "speed": 5}
    assert api.post("/entities", json=body, headers=context_link(url)).status_code == 201
    local_id = url.rpartition("/")[2]
    for named in (url, f"https://broker.city.example/iot/ngsi-ld/v1/jsonldContexts/{local_id}"):
        for _ in range(8):
            with httpx2.Client(base_url=api.base_url, headers=api.headers) as another:
                answer = another.get(f"/entities/{new_id}?format=simplified", headers=context_link(named))
                assert answer.json() == {"id": new_id, "type": "Vehicle", "speed": 5}
    assert api.get(f"/entities/{new_id}?format=simplified").json()["type"] == "https://example.org/Vehicle"


def test_a_hosted_context_may_be_made_of_others(api: httpx2.Client, new_id: str, documents: Documents) -> None:
    """CX-15, §5.13.2: of hosted ones, of remote ones, which are Cached then, and of its own terms."""
    remote = documents.serve("/colours", {"red": "https://example.org/red"})
    url = address(api, host(api, [address(api, host(api)), remote, {"loud": "https://example.org/loud"}]))
    body = {"id": new_id, "type": "Vehicle", "speed": 1, "red": 2, "loud": 3}
    assert api.post("/entities", json=body, headers=context_link(url)).status_code == 201
    assert api.get(f"/entities/{new_id}?format=simplified").json() == {
        "id": new_id, "type": "https://example.org/Vehicle", "https://example.org/speed": 1,
        "https://example.org/red": 2, "https://example.org/loud": 3,
    }  # fmt: skip
    assert detail(api, remote)["kind"] == "Cached"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"speed": "https://example.org/speed"}', INVALID_REQUEST),
        (b'{"@context": ', INVALID_REQUEST),
        (b"[]", INVALID_REQUEST),
        (b'{"@context": 42}', BAD_REQUEST_DATA),
        (b'{"@context": null}', BAD_REQUEST_DATA),
        (b'{"@context": ["http://127.0.0.1:9/c", 7]}', BAD_REQUEST_DATA),
        (b'{"@context": {"speed": 5}}', BAD_REQUEST_DATA),
        (b'{"@context": "/relative"}', BAD_REQUEST_DATA),
        (b'{"@context": {"speed": {"@id": "https://a.example/s", "@context": {}}}}', BAD_REQUEST_DATA),
        (b'{"@context": "http://127.0.0.1:9/nobody"}', (504, "LdContextNotAvailable")),
    ],
)
def test_what_is_no_usable_context_is_not_hosted(api: httpx2.Client, body: bytes, expected: tuple[int, str]) -> None:
    """CX-15, §5.13.2.4, §5.5.4."""
    before = api.get(f"{PATH}?kind=Hosted").json()
    assert refusal(api.post(PATH, content=body)) == expected
    assert api.get(f"{PATH}?kind=Hosted").json() == before


# CX-16


def test_contexts_are_listed_by_kind(fresh: httpx2.Client, documents: Documents) -> None:
    """CX-16, §5.13.3.4: their URLs; the core context is among the Cached ones."""
    remote = documents.serve("/listed", TERMS)
    assert use(fresh, remote).status_code in (200, 404)
    hosted = [address(fresh, host(fresh)) for _ in range(2)]
    assert fresh.get(f"{PATH}?kind=Hosted").json() == hosted
    cached = fresh.get(f"{PATH}?kind=Cached").json()
    assert {CORE_CONTEXT, remote} <= set(cached)
    assert fresh.get(f"{PATH}?kind=ImplicitlyCreated").json() == []
    assert fresh.get(PATH).json() == fresh.get(f"{PATH}?details=false").json()
    assert {*hosted, *cached} <= set(fresh.get(PATH).json())


def test_details_tell_what_is_known_of_each(fresh: httpx2.Client, documents: Documents) -> None:
    """CX-16, §5.13.3.5."""
    local_id = host(fresh)
    (info,) = fresh.get(f"{PATH}?kind=Hosted&details=true").json()
    assert (info["URL"], info["localId"], info["kind"]) == (address(fresh, local_id), local_id, "Hosted")
    assert datetime.fromisoformat(info["createdAt"])
    assert "expiresAt" not in info
    remote = documents.serve("/fresh", TERMS, **{"Cache-Control": "max-age=600"})
    use(fresh, remote)
    info = detail(fresh, remote)
    assert (info["URL"], info["kind"]) == (remote, "Cached")
    seconds = datetime.fromisoformat(info["expiresAt"]) - datetime.fromisoformat(info["createdAt"])
    assert 590 < seconds.total_seconds() <= 601


def test_uses_are_counted(api: httpx2.Client, documents: Documents) -> None:
    """CX-16, §5.13.3.5: by requests that name it, or a context that it is a part of; and by who asks for it."""
    remote = documents.serve("/counted", TERMS)
    url = address(api, host(api, [remote]))
    for _ in range(3):
        use(api, url)
    asked = 0

    def counted(context_id: str, times: int) -> bool:
        nonlocal asked
        asked += 1
        return bool(detail(api, context_id)["numberOfHits"] == times + asked - 1)

    assert eventually(lambda: counted(url.rpartition("/")[2], 3))
    asked = 0
    assert eventually(lambda: counted(remote, 3 + 1))  # and the check when it was added
    assert datetime.fromisoformat(detail(api, remote)["lastUsage"])


@pytest.mark.parametrize("query", ["kind=other", "kind=hosted", "details=other", "details=true&kind=other"])
def test_a_list_of_no_kind_is_refused(api: httpx2.Client, query: str) -> None:
    """CX-16, §5.13.3.4."""
    assert refusal(api.get(f"{PATH}?{query}")) == BAD_REQUEST_DATA


# CX-17


def test_the_content_of_a_cached_context_is_not_served(api: httpx2.Client, documents: Documents) -> None:
    """CX-17, §5.13.4.4."""
    remote = documents.serve("/copied", TERMS)
    use(api, remote)
    for url in (remote, CORE_CONTEXT):
        assert refusal(api.get(of(url))) == (422, "OperationNotSupported")
        assert detail(api, url)["kind"] == "Cached"


@pytest.mark.parametrize("query", ["", "?details=true", "?details=false"])
@pytest.mark.parametrize("context_id", ["unknown", "0" * 32, "https://example.org/unknown"])
def test_an_unknown_context_is_not_found(api: httpx2.Client, context_id: str, query: str) -> None:
    """CX-17, §5.13.4.4."""
    assert refusal(api.get(of(context_id) + query)) == NOT_FOUND


def test_a_tenants_contexts_are_its_own(running_broker: RunningBroker, api: httpx2.Client) -> None:
    """CX-17, §5.5.10: another tenant can neither see nor delete them; the address alone is enough to follow a link."""
    local_id = host(api)
    with tenant_client(running_broker, new_tenant()) as other:
        host(other)
        assert refusal(other.get(of(local_id))) == NOT_FOUND
        assert refusal(other.get(f"{of(local_id)}?details=true")) == NOT_FOUND
        assert refusal(other.delete(of(local_id))) == NOT_FOUND
        assert local_id not in other.get(PATH).text
    nobody = httpx2.get(address(api, local_id), timeout=10)
    assert nobody.json() == {"@context": TERMS}
    assert httpx2.get(f"{address(api, local_id)}?details=true", timeout=10).status_code == 404
    assert api.get(of(local_id)).status_code == 200


# CX-18


def test_a_deleted_context_is_gone(api: httpx2.Client) -> None:
    """CX-18, §5.13.5.4: it is neither served nor listed, and soon no worker reads requests with it."""
    local_id = host(api)
    url = address(api, local_id)
    use(api, url)
    done(api.delete(of(local_id)))
    assert refusal(api.get(of(local_id))) == NOT_FOUND
    assert refusal(api.delete(of(local_id))) == NOT_FOUND
    assert url not in api.get(PATH).json()

    def refused() -> bool:
        answers = []
        for _ in range(4):
            with httpx2.Client(base_url=api.base_url, headers=api.headers) as another:
                answers.append(use(another, url).status_code)
        return answers == [504] * 4

    assert eventually(refused)


def test_what_refers_to_a_deleted_context_goes_on(api: httpx2.Client, new_id: str) -> None:
    """CX-18: deletion never breaks a context that is made of the deleted one."""
    part = host(api)
    whole = address(api, host(api, [address(api, part), {"loud": "https://example.org/loud"}]))
    done(api.delete(of(part)))
    body = {"id": new_id, "type": "Vehicle", "speed": 1, "loud": 2}
    assert api.post("/entities", json=body, headers=context_link(whole)).status_code == 201
    assert api.get(f"/entities/{new_id}?pick=id,type").json()["type"] == "https://example.org/Vehicle"


def test_a_deleted_copy_is_fetched_again(api: httpx2.Client, documents: Documents) -> None:
    """CX-18, §5.13.5.4."""
    remote = documents.serve("/again", TERMS)
    use(api, remote)
    done(api.delete(of(remote)))
    assert refusal(api.get(f"{of(remote)}?details=true")) == NOT_FOUND
    assert eventually(lambda: use(api, remote).is_success and documents.fetched["/again"] >= 2)
    assert detail(api, remote)["kind"] == "Cached"


def test_a_reloaded_copy_is_the_new_one_for_every_worker(api: httpx2.Client, new_id: str, documents: Documents) -> None:
    """CX-18, §5.13.5.4."""
    remote = documents.serve("/changed", TERMS)
    body = {"id": new_id, "type": "Vehicle", "https://example.org/speed": 5, "https://example.org/pace": 6}
    assert api.post("/entities", json=body, headers=context_link(remote)).status_code == 201
    documents.serve("/changed", TERMS | {"speed": "https://example.org/pace"})

    def speeds() -> set[int]:
        found = set()
        for _ in range(4):
            with httpx2.Client(base_url=api.base_url, headers=api.headers) as another:
                path = f"/entities/{new_id}?format=simplified"
                found.add(another.get(path, headers=context_link(remote)).json()["speed"])
        return found

    assert speeds() == {5}
    done(api.delete(f"{of(remote)}?reload=true"))
    assert eventually(lambda: speeds() == {6})


def test_a_failed_reload_leaves_the_old_copy(api: httpx2.Client, documents: Documents) -> None:
    """CX-18, §5.13.5.4: whether it can't be had, or is no context any more."""
    remote = documents.serve("/spoilt", TERMS)
    use(api, remote)
    documents.serve("/spoilt", {"speed": 5})
    assert refusal(api.delete(f"{of(remote)}?reload=true")) == (504, "LdContextNotAvailable")
    assert detail(api, remote)["kind"] == "Cached"
    assert use(api, remote).status_code in (200, 404)


@pytest.mark.parametrize("query", ["reload=true", "reload=xxx", "reload="])
def test_only_a_copy_can_be_reloaded(api: httpx2.Client, query: str) -> None:
    """CX-18, §5.13.5.4."""
    for context_id in (host(api), "unknown"):
        assert refusal(api.delete(f"{of(context_id)}?{query}")) == BAD_REQUEST_DATA


def test_the_core_context_stays(api: httpx2.Client) -> None:
    """CX-18, §5.13.5.4; it ships with the broker, so that there is nothing to reload."""
    assert refusal(api.delete(of(CORE_CONTEXT))) == BAD_REQUEST_DATA
    done(api.delete(f"{of(CORE_CONTEXT)}?reload=true"))
    assert detail(api, CORE_CONTEXT)["kind"] == "Cached"
