"""What validation costs: `python -m benchmarks.decisions.validation`.

The engines, in microseconds an entity, on the 56 examples that ship; then batch upserts over HTTP into two tenants
of one broker, one without rules and one that is strict, in interleaved pairs.
"""

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import jsonschema
import orjson
import referencing
import referencing.jsonschema
import uvloop

from benchmarks.intervals import interval
from broker.hosting.bundled import Bundled, folder
from broker.jsonld.compiler import Compiler
from broker.model.entity import Entity
from broker.model.parse import parse_entity
from broker.names import API_ROOT, CORE_CONTEXT
from broker.store import embedded
from broker.store.client import connect
from broker.validation.bundle import bundle
from broker.validation.engine import Validator
from broker.validation.registry import Registry
from broker.validation.rules import Mode

TYPES: Final = ("WeatherObserved", "Streetlight", "Vehicle", "OnStreetParking")
ROUNDS: Final = 200


def examples() -> dict[str, dict[str, Any]]:
    """The example of each type, by name."""
    return {path.stem: orjson.loads(path.read_bytes()) for path in sorted(folder().glob("*/examples/*.json"))}


def engines() -> None:
    """The time that an entity takes each engine, simplified already, and the whole check."""
    bundled = Bundled()
    compiler = Compiler(bundled[CORE_CONTEXT])
    documents = {url: bundled[url] for url in bundled.urls}
    entities = [
        parse_entity(
            {name: each for name, each in example.items() if name != "@context"},
            compiler.compile(example["@context"], documents),
        )
        for example in examples().values()
    ]
    validators = {type_: Validator(bundle()[type_], bundle().retrieve, bundle().by_name) for type_ in bundle().types}
    registry: Any = referencing.Registry(retrieve=_resource)  # type: ignore[call-arg]
    slow = {
        type_: jsonschema.Draft202012Validator(bundle()[type_].schema, registry=registry) for type_ in bundle().types
    }
    forms = [(entity, validators[entity.types[0]].documents(entity)[0]) for entity in entities]
    told(
        "jsonschema, an entity simplified already", forms, lambda entity, form: slow[entity.types[0]].is_valid(form), 2
    )
    told("jsonschema-rs, the same", forms, lambda entity, form: validators[entity.types[0]].is_valid(form), ROUNDS)
    told("the whole check", forms, lambda entity, form: validators[entity.types[0]].violations(entity), ROUNDS)


def told(name: str, forms: list[tuple[Entity, Any]], work: Callable[[Entity, Any], Any], rounds: int) -> None:
    """Print the mean processor time of some work on an entity."""
    started = time.process_time()
    for _ in range(rounds):
        for entity, form in forms:
            work(entity, form)
    print(f"{name:45} {(time.process_time() - started) / rounds / len(forms) * 1e6:8.1f} µs")


def _resource(url: str) -> Any:
    return referencing.Resource.from_contents(
        bundle().retrieve(url), default_specification=referencing.jsonschema.DRAFT202012
    )


@contextmanager
def broker(data: Path) -> Iterator[int]:
    """`broker serve` with one worker; its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NGSILD_")}
    environment |= {"NGSILD_DATA_DIR": str(data), "NGSILD_PORT": str(port), "NGSILD_MONGODB_CACHE_MB": "512"}
    process = subprocess.Popen([sys.executable, "-m", "broker", "serve"], env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                if post(port, "", "/ready", b"", method="GET")[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def post(port: int, tenant: str, path: str, body: bytes, method: str = "POST") -> tuple[int, bytes]:
    """One request; status and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, {"Content-Type": "application/ld+json", "NGSILD-Tenant": tenant})
    answer = connection.getresponse()
    return answer.status, answer.read()


def batch(name: str, number: int, size: int) -> bytes:
    """A batch of entities of a type, which differ in their values from batch to batch."""
    example = examples()[name]
    return orjson.dumps(
        [
            example | {"id": f"urn:ngsi-ld:{name}:{index}", "dataProvider": {"type": "Property", "value": f"{number}"}}
            for index in range(size)
        ]
    )


async def rule(data: Path) -> None:
    """Be strict about all types in the tenant `strict`."""
    uri = embedded.running(data)
    assert uri is not None
    async with connect(uri) as client:
        for type_ in bundle().types:
            await Registry(client, "ngsild", bundle()).set_mode("strict", type_, Mode.STRICT)


def upserts(pairs: int, size: int) -> None:
    """Batch upserts per second with strict rules and without any, by type."""
    with tempfile.TemporaryDirectory() as folder_, broker(Path(folder_, "data")) as port:
        url = f"{API_ROOT}/entityOperations/upsert"
        for tenant in ("none", "strict"):
            post(port, tenant, url, batch("Alert", 0, 1))
        uvloop.run(rule(Path(folder_, "data")))
        for name in TYPES:
            ratios, rates = [], []
            for number in range(-2, pairs):
                body = batch(name, number, size)
                took = {}
                for tenant in ("none", "strict") if number % 2 else ("strict", "none"):
                    started = time.perf_counter()
                    status, said = post(port, tenant, url, body)
                    took[tenant] = time.perf_counter() - started
                    assert status in {201, 204}, said[:500]
                if number >= 0:
                    ratios.append(took["none"] / took["strict"])
                    rates.append((size / took["none"], size / took["strict"]))
            low, middle, high = interval(ratios)
            none, strict = median(each[0] for each in rates), median(each[1] for each in rates)
            print(f"{name:20} {none:8.0f}/s  strict {strict:8.0f}/s  ratio {middle:.2f} ({low:.2f}–{high:.2f})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--size", type=int, default=500)
    arguments = parser.parse_args()
    engines()
    upserts(arguments.pairs, arguments.size)
