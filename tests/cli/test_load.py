"""`broker load`: what it reads, what it sends, what it makes of every answer, and the living city in a real broker.

The remote broker of most tests is a stand-in that records requests and answers as the standard's table has it
(GS CIM 009 §6.15.3.1); it is the client that is tested.
"""

import asyncio
import shlex
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import orjson
import pytest
import pytest_asyncio
from aiohttp import web
from typer.testing import CliRunner, Result

from broker.cli import app
from broker.cli.city.fleet import SIZES
from broker.cli.documents import Source, from_feature
from broker.cli.load import Rejects, batches
from broker.cli.transfer import api_root, parsed_headers
from broker.errors import StartError
from broker.names import API_ROOT, CORE_CONTEXT
from tests.conftest import RunningBroker, free_port, new_tenant

Entity = dict[str, Any]

CONTEXT: Final = "https://raw.githubusercontent.com/smart-data-models/dataModel.Weather/master/context.jsonld"
POINT: Final = {"type": "Point", "coordinates": [5.6, 52.4]}


def thing(number: int, **members: Any) -> Entity:
    return {"id": f"urn:ngsi-ld:Thing:{number}", "type": "Thing", "n": {"type": "Property", "value": number}} | members


class Remote:
    """A stand-in for a broker: `answer` decides, `requests` records."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[web.Request] = []
        self.batches: list[list[Entity]] = []
        self.answer: Callable[[list[Entity]], web.Response] = lambda batch: created(batch)

    async def handle(self, request: web.Request) -> web.Response:
        batch = orjson.loads(await request.read())
        self.requests.append(request)
        self.batches.append(batch)
        return self.answer(batch)

    @property
    def taken(self) -> list[Entity]:
        return [entity for batch in self.batches for entity in batch]


def created(batch: list[Entity]) -> web.Response:
    return web.json_response([entity["id"] for entity in batch], status=201)


def problem(status: int, detail: str) -> web.Response:
    body = {"type": "https://uri.etsi.org/ngsi-ld/errors/BadRequestData", "title": "Bad request data", "detail": detail}
    return web.json_response(body, status=status)


@pytest_asyncio.fixture
async def remote() -> AsyncIterator[Remote]:
    stand_in = Remote()
    application = web.Application(client_max_size=2**26)
    application.router.add_post(f"{API_ROOT}/entityOperations/upsert", stand_in.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await runner.cleanup()


async def run(*arguments: str, given: bytes | None = None) -> Result:
    """The command line, in a thread, so that the stand-in goes on."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), input=given)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def file_of(name: str, content: Any) -> str:
    """Write a file: NDJSON of a list if the name says so, bytes as they are, else JSON."""
    if isinstance(content, bytes):
        data = content
    elif name.endswith(".ndjson"):
        data = b"\n".join(orjson.dumps(entity) for entity in content)
    else:
        data = orjson.dumps(content, option=orjson.OPT_INDENT_2)
    Path(name).write_bytes(data)
    return name


def rejected() -> list[Entity]:
    return [orjson.loads(line) for line in Path("rejects.ndjson").read_bytes().splitlines()]


# --- files --------------------------------------------------------------------------------------------------------

FEATURE: Final = {
    "type": "Feature",
    "id": "urn:ngsi-ld:Thing:1",
    "geometry": POINT,
    "properties": {"type": "Thing", "n": {"type": "Property", "value": 1}},
}
LOCATED: Final = thing(1, location={"type": "GeoProperty", "value": POINT})


@pytest.mark.parametrize(
    ("name", "content", "entities"),
    [
        ("one.json", thing(1), [thing(1)]),
        ("several.json", [thing(1), thing(2)], [thing(1), thing(2)]),
        ("linked.jsonld", thing(1) | {"@context": CONTEXT}, [thing(1) | {"@context": CONTEXT}]),
        ("lines.ndjson", [thing(1), thing(2)], [thing(1), thing(2)]),
        ("lines.txt", orjson.dumps(thing(1)) + b"\r\n\n" + orjson.dumps(thing(2)), [thing(1), thing(2)]),
        ("lines.jsonl", orjson.dumps([thing(1), thing(2)]) + b"\n", [thing(1), thing(2)]),
        ("marked.json", b"\xef\xbb\xbf" + orjson.dumps(thing(1)), [thing(1)]),
        ("sequence.geojsonl", b"\x1e" + orjson.dumps(FEATURE) + b"\n\x1e" + orjson.dumps(FEATURE), [LOCATED] * 2),
        ("blank.json", b" \n\n", []),
        ("empty.json", b"", []),
        ("none.json", [], []),
        ("place.geojson", FEATURE, [LOCATED]),
        ("places.geojson", {"type": "FeatureCollection", "features": [FEATURE, FEATURE]}, [LOCATED] * 2),
        (
            "linked.geojson",
            {"type": "FeatureCollection", "@context": CONTEXT, "features": [FEATURE]},
            [LOCATED | {"@context": CONTEXT}],
        ),
    ],
)
def test_every_format_gives_its_entities(name: str, content: Any, entities: list[Entity]) -> None:
    source = Source(file_of(name, content))
    try:
        documents = list(source.documents())
    finally:
        source.close()
    assert [document.entity for document in documents] == entities
    assert all(document.problem is None for document in documents)


@pytest.mark.parametrize(
    ("properties", "geometry", "location"),
    [
        ({"type": "Thing"}, POINT, {"type": "GeoProperty", "value": POINT}),
        ({"type": "Thing"}, None, None),
        ({"type": "Thing", "location": {"type": "GeoProperty", "value": POINT}}, POINT, "kept"),
        ({"type": "Thing", "observationSpace": {"type": "GeoProperty", "value": POINT}}, POINT, None),
        ({"type": "Thing", "place": POINT}, POINT, None),
        (None, POINT, {"type": "GeoProperty", "value": POINT}),
    ],
)
def test_a_geometry_becomes_the_location_unless_the_feature_says_otherwise(
    properties: Entity | None, geometry: Entity | None, location: Any
) -> None:
    entity = from_feature({"type": "Feature", "id": "urn:x:1", "geometry": geometry, "properties": properties})
    assert entity["id"] == "urn:x:1"
    assert entity.get("location") == (properties["location"] if location == "kept" and properties else location)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cut.json", b'[\n{"id": "urn:x:1"},\n{"id": \n', ["cut.json", "line 4"]),
        ("text.json", b"hello", ["text.json", "line 1", "column 1"]),
        ("binary.json", b"\x00\x01\xff\xfe", ["binary.json", "line 1"]),
    ],
)
async def test_a_broken_file_is_named_with_its_line(
    remote: Remote, name: str, content: bytes, words: list[str]
) -> None:
    result = await run("load", file_of(name, content), "--url", remote.url)
    assert result.exit_code == 2
    assert all(word in result.stderr for word in words)
    assert "Traceback" not in result.output
    assert remote.requests == []


async def test_a_broken_line_is_refused_and_the_others_go_on(remote: Remote) -> None:
    content = orjson.dumps(thing(1)) + b'\n{"id": \n[1]\n{"type": "Thing"}\n{"id": 7}\n' + orjson.dumps(thing(2))
    result = await run("load", file_of("some.ndjson", content), "--url", remote.url)
    assert result.exit_code == 1
    assert remote.taken == [thing(1), thing(2)]
    found = [(line["source"], line["reason"]) for line in rejected()]
    assert [source for source, _ in found] == [f"some.ndjson, line {number}" for number in (2, 3, 4, 5)]
    for (_, reason), word in zip(found, ("no JSON", "no JSON object", "no id", "no string"), strict=True):
        assert word in reason


async def test_a_broken_first_line_of_ndjson_is_refused_too(remote: Remote) -> None:
    content = b'{"id": \n' + orjson.dumps(thing(1))
    result = await run("load", file_of("some.ndjson", content), "--url", remote.url)
    assert (result.exit_code, remote.taken) == (1, [thing(1)])


@pytest.mark.parametrize("name", ["absent.json", "."])
async def test_a_file_that_cannot_be_read_is_named(remote: Remote, name: str) -> None:
    result = await run("load", name, "--url", remote.url)
    assert result.exit_code == 2
    assert f"{name} cannot be read" in result.stderr


def test_memory_does_not_grow_with_ndjson() -> None:
    line = orjson.dumps(thing(1, text={"type": "Property", "value": "x" * 1_000})) + b"\n"
    Path("large.ndjson").write_bytes(line * 20_000)
    source = Source("large.ndjson")
    tracemalloc.start()
    number = sum(len(batch.items) for batch in batches(source.documents(), 100, None, Rejects(Path("rejects"))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    source.close()
    assert number == 20_000
    assert peak < source.position / 4


# --- requests -----------------------------------------------------------------------------------------------------


async def test_batches_are_as_large_as_asked_and_everything_is_sent(remote: Remote) -> None:
    name = file_of("some.ndjson", [thing(number) for number in range(25)])
    result = await run("load", name, "--url", remote.url, "--batch", "10")
    assert result.exit_code == 0
    assert sorted(len(batch) for batch in remote.batches) == [5, 10, 10]
    assert {entity["id"] for entity in remote.taken} == {f"urn:ngsi-ld:Thing:{number}" for number in range(25)}
    assert "25 entities" in result.stdout
    assert "25 created, 0 updated, 0 refused" in result.stdout
    assert "rejects.ndjson" not in result.output


async def test_one_connection_keeps_the_order(remote: Remote) -> None:
    name = file_of("some.ndjson", [thing(number) for number in range(50)])
    await run("load", name, "--url", remote.url, "--batch", "7", "--connections", "1")
    assert remote.taken == [thing(number) for number in range(50)]


async def test_standard_input_is_a_file(remote: Remote) -> None:
    result = await run("load", "-", "--url", remote.url, given=orjson.dumps(thing(1)))
    assert (result.exit_code, remote.taken) == (0, [thing(1)])


@pytest.mark.parametrize(
    ("entity", "option", "media_type", "link", "sent"),
    [
        (thing(1), None, "application/json", None, thing(1)),
        (thing(1), CONTEXT, "application/json", CONTEXT, thing(1)),
        (thing(1) | {"@context": CONTEXT}, None, "application/json", CONTEXT, thing(1)),
        (thing(1) | {"@context": CONTEXT}, CORE_CONTEXT, "application/json", CONTEXT, thing(1)),
        (thing(1) | {"@context": [CONTEXT]}, None, "application/ld+json", None, thing(1) | {"@context": [CONTEXT]}),
        (thing(1) | {"@context": {"n": "urn:n"}}, None, "application/ld+json", None, None),
    ],
)
async def test_a_context_goes_where_the_standard_wants_it(
    remote: Remote, entity: Entity, option: str | None, media_type: str, link: str | None, sent: Entity | None
) -> None:
    """GS CIM 009 §6.3.5: JSON with a Link header, or JSON-LD with @context in each entity; never both."""
    options = ["--context", option] if option else []
    await run("load", file_of("one.json", entity), "--url", remote.url, *options)
    request = remote.requests[0]
    expected = (
        None if link is None else f'<{link}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    )
    assert (request.content_type, request.headers.get("Link")) == (media_type, expected)
    assert remote.taken == [entity if sent is None else sent]


async def test_entities_of_different_contexts_travel_apart(remote: Remote) -> None:
    entities = [thing(1), thing(2) | {"@context": CONTEXT}, thing(3) | {"@context": [CONTEXT]}, thing(4)]
    await run("load", file_of("some.ndjson", entities), "--url", remote.url)
    assert sorted([entity["id"][-1] for entity in batch] for batch in remote.batches) == [["1", "4"], ["2"], ["3"]]


async def test_tenant_mode_and_headers_are_sent(remote: Remote) -> None:
    name = file_of("one.json", thing(1))
    options = ("--tenant", "water", "--mode", "update", "--header", "Authorization: Bearer x")
    await run("load", name, "--url", remote.url + API_ROOT + "/", *options)
    request = remote.requests[0]
    assert request.headers["NGSILD-Tenant"] == "water"
    assert request.headers["Authorization"] == "Bearer x"
    assert request.query_string == "options=update"


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda batch: created(batch[:1]), "1 created, 2 updated, 0 refused"),
        (lambda _batch: web.Response(status=204), "0 created, 3 updated, 0 refused"),
        (lambda _batch: web.Response(status=201), "3 created or updated"),
        (lambda _batch: web.json_response({"success": ["urn:x"], "errors": []}, status=207), "3 created or updated"),
    ],
)
async def test_a_good_answer_is_counted(
    remote: Remote, answer: Callable[[list[Entity]], web.Response], words: str
) -> None:
    remote.answer = answer
    result = await run("load", file_of("some.ndjson", [thing(1), thing(2), thing(3)]), "--url", remote.url)
    assert result.exit_code == 0
    assert words in result.stdout


async def test_a_batch_of_which_a_part_is_refused_names_the_part(remote: Remote) -> None:
    error = {"entityId": "urn:ngsi-ld:Thing:2", "error": {"title": "Bad request data", "status": 400, "detail": "No."}}
    remote.answer = lambda _batch: web.json_response({"success": [], "errors": [error]}, status=207)
    result = await run("load", file_of("some.ndjson", [thing(1), thing(2), thing(3)]), "--url", remote.url)
    assert result.exit_code == 1
    expected = {"source": "some.ndjson, line 2", "id": "urn:ngsi-ld:Thing:2", "status": 400, "reason": "No"}
    assert rejected() == [expected | {"entity": thing(2)}]
    assert "rejects.ndjson" in result.stderr


async def test_a_refused_batch_is_taken_apart_until_the_culprits_are_alone(remote: Remote) -> None:
    culprits = {"urn:ngsi-ld:Thing:7", "urn:ngsi-ld:Thing:91"}

    def answer(batch: list[Entity]) -> web.Response:
        guilty = [entity["id"] for entity in batch if entity["id"] in culprits]
        return problem(400, f"Entity {guilty[0]} is bad.") if guilty else created(batch)

    remote.answer = answer
    result = await run("load", file_of("some.ndjson", [thing(number) for number in range(100)]), "--url", remote.url)
    assert result.exit_code == 1
    assert "98 created, 0 updated, 2 refused" in result.stdout
    assert {line["id"] for line in rejected()} == culprits
    assert all(line["reason"] == f"Entity {line['id']} is bad" for line in rejected())
    assert len(remote.requests) < 40


async def test_a_batch_that_is_too_large_is_sent_in_parts(remote: Remote) -> None:
    remote.answer = lambda batch: problem(413, "Too large.") if len(batch) > 10 else created(batch)
    result = await run("load", file_of("some.ndjson", [thing(number) for number in range(100)]), "--url", remote.url)
    assert result.exit_code == 0
    assert "100 created" in result.stdout


async def test_a_context_that_cannot_be_had_refuses_the_batch_as_a_whole(remote: Remote) -> None:
    remote.answer = lambda _batch: problem(504, "No context.")
    name = file_of("some.ndjson", [thing(number) for number in range(20)])
    result = await run("load", name, "--url", remote.url, "--context", "https://example.invalid/context.jsonld")
    assert result.exit_code == 1
    assert {line["status"] for line in rejected()} == {504}
    assert len(rejected()) == 20
    assert len(remote.requests) == 3


@pytest.mark.parametrize("status", [401, 404, 405, 501])
async def test_an_answer_that_will_never_change_ends_the_load(remote: Remote, status: int) -> None:
    remote.answer = lambda _batch: problem(status, "Not here.")
    result = await run("load", file_of("some.ndjson", [thing(1), thing(2)]), "--url", remote.url)
    assert result.exit_code == 2
    assert f"answers {status}: Not here" in result.stderr


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_broker_that_cannot_just_now_is_asked_again(remote: Remote, status: int) -> None:
    def answer(batch: list[Entity]) -> web.Response:
        if len(remote.requests) > 1:
            return created(batch)
        return web.json_response({"title": "Busy"}, status=status, headers={"Retry-After": "0"})

    remote.answer = answer
    result = await run("load", file_of("one.json", thing(1)), "--url", remote.url)
    assert result.exit_code == 0
    assert len(remote.requests) == 2
    assert "1 created" in result.stdout


async def test_a_broker_that_stays_away_ends_the_load_when_patience_is_over(remote: Remote) -> None:
    def answer(batch: list[Entity]) -> web.Response:
        return created(batch) if len(remote.requests) == 1 else web.Response(status=503, headers={"Retry-After": "0"})

    remote.answer = answer
    name = file_of("some.ndjson", [thing(1), thing(2)])
    options = ("--batch", "1", "--connections", "1", "--patience", "0.2")
    result = await run("load", name, "--url", remote.url, *options)
    assert result.exit_code == 2
    assert "has been away" in result.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:{port}", "No broker answers at http://127.0.0.1:{port}/ngsi-ld/v1: Connection refused"),
        ("localhost:1026", "is no address of a broker"),
        ("http://", "is no address of a broker"),
        ("ftp://localhost", "is no address of a broker"),
    ],
)
async def test_a_broker_that_is_not_there_is_said_in_a_sentence(url: str, words: str) -> None:
    port = free_port()
    result = await run("load", file_of("one.json", thing(1)), "--url", url.format(port=port))
    assert result.exit_code == 2
    assert words.format(port=port) in result.stderr
    assert "Traceback" not in result.output


def test_a_url_may_name_the_root_of_the_api() -> None:
    assert {api_root(f"http://a:1{end}") for end in ("", "/", API_ROOT, API_ROOT + "/")} == {f"http://a:1{API_ROOT}"}


def test_a_header_needs_a_name_and_a_colon() -> None:
    assert parsed_headers(["A: b:c", "D:"]) == {"A": "b:c", "D": ""}
    for line in ("nothing", ": value"):
        with pytest.raises(StartError, match="is no header"):
            parsed_headers([line])


# --- a real broker ------------------------------------------------------------------------------------------------


@pytest.mark.http
async def test_a_file_of_the_city_arrives_in_the_broker(running_broker: RunningBroker, fresh: httpx2.Client) -> None:
    tenant = fresh.headers["NGSILD-Tenant"]
    await run("city", "hamlet", "--out", "hamlet.ndjson")
    result = await run("load", "hamlet.ndjson", "--url", running_broker.url, "--tenant", tenant)
    assert result.exit_code == 0, result.output
    assert "1,000 created" in result.stdout
    result = await run("load", "hamlet.ndjson", "--url", running_broker.url, "--tenant", tenant)
    assert "0 created, 1,000 updated, 0 refused" in result.stdout


@pytest.mark.http
async def test_the_broker_s_refusals_are_told_one_by_one(running_broker: RunningBroker, fresh: httpx2.Client) -> None:
    bad = [thing(2, type="not a name"), thing(3, n={"type": "Property"}), {"id": "no uri", "type": "Thing"}]
    name = file_of("some.ndjson", [thing(1), *bad, thing(4)])
    result = await run("load", name, "--url", running_broker.url, "--tenant", fresh.headers["NGSILD-Tenant"])
    assert result.exit_code == 1, result.output
    assert [line["id"] for line in rejected()] == [entity["id"] for entity in bad]
    assert all(line["reason"] for line in rejected())
    assert fresh.get("/entities/urn:ngsi-ld:Thing:4").status_code == 200


@pytest.fixture(scope="module")
def living(running_broker: RunningBroker) -> Iterator[tuple[str, list[str], subprocess.Popen[str]]]:
    """A hamlet that lives in a tenant of its own: the tenant, what the command said until it was live, the process."""
    tenant = new_tenant()
    options = ["--url", running_broker.url, "--tenant", tenant, "--if-empty", "--live", "--speed", "2"]
    command = [sys.executable, "-m", "broker", "city", "hamlet", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        while not said or "live" not in said[-1]:
            said.append(process.stdout.readline())
            assert said[-1], process.communicate()
        yield tenant, said, process
        process.kill()


Living = tuple[str, list[str], "subprocess.Popen[str]"]


@pytest.mark.http
def test_a_loaded_city_is_counted_by_domain(living: Living) -> None:
    _, said, _ = living
    rows = {line.rsplit(maxsplit=1)[0]: line.split()[-1] for line in said if line.strip()[-1:].isdigit()}
    assert rows["All"] == f"{SIZES['hamlet']:,}"
    assert sum(int(number.replace(",", "")) for domain, number in rows.items() if domain != "All") == SIZES["hamlet"]
    assert len(rows) == 9


@pytest.mark.http
def test_the_curl_lines_work_as_printed(living: Living) -> None:
    _, said, _ = living
    commands = [line.strip() for line in said if line.strip().startswith("curl ")]
    vehicles, lamps, station = [
        subprocess.run(shlex.split(command), capture_output=True, check=True).stdout for command in commands
    ]
    assert [vehicle["type"] for vehicle in orjson.loads(vehicles)] == ["Vehicle"] * 5
    assert all(vehicle["location"]["type"] == "Point" for vehicle in orjson.loads(vehicles))
    assert b"ngsild-results-count: 41" in lamps.lower()
    assert orjson.loads(station)["type"] == "EVChargingStation"


@pytest.mark.http
async def test_the_map_changes_while_one_looks(living: Living, running_broker: RunningBroker) -> None:
    tenant, _, _ = living
    link = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    transport = CONTEXT.replace("Weather", "Transportation")
    headers = {"NGSILD-Tenant": tenant, "Link": link.format(transport)}
    parameters = {"type": "Vehicle", "limit": "100", "format": "simplified"}
    async with httpx2.AsyncClient(base_url=running_broker.url + API_ROOT, headers=headers) as client:
        before = (await client.get("/entities", params=parameters)).json()
        await asyncio.sleep(6)
        after = (await client.get("/entities", params=parameters)).json()
    moved = [a["id"] for a, b in zip(before, after, strict=True) if a["location"] != b["location"]]
    assert len(moved) >= 2


@pytest.mark.http
def test_a_city_that_is_there_is_not_loaded_again_and_sigterm_ends_it(
    living: Living, running_broker: RunningBroker
) -> None:
    tenant, _, process = living
    command = [sys.executable, "-m", "broker", "city", "hamlet", "--url", running_broker.url, "--tenant", tenant]
    again = subprocess.run([*command, "--if-empty"], capture_output=True, text=True, check=True)
    assert "Loaded" not in again.stderr
    assert "1,000" in again.stdout
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "updates in" in told
    assert "0 refused" in told
