"""The sample city in two vocabularies: written with the subjects' contexts, read with a vendor's over the same IRIs."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import httpx2
import orjson
import pytest

from broker.cli.city.domains import FLEETS
from broker.cli.city.fleet import SIZES, Fleet
from broker.cli.city.generate import City
from broker.hosting.bundled import Bundled
from broker.names import CORE_CONTEXT

pytestmark = pytest.mark.http

Json = dict[str, Any]
Words = dict[str, str]

_BUNDLED: Final = Bundled()
_CORE: Final = frozenset(_BUNDLED[CORE_CONTEXT]["@context"])
_AS_THEY_ARE: Final = frozenset({"languageMap", "coordinates"})


def words_of(fleet: Fleet) -> Words:
    """Word to IRI, as the subject's document says it: no code of the broker's reads it."""
    defined: Json = _BUNDLED[fleet.context]["@context"]
    iris = {word: each["@id"] if isinstance(each, dict) else each for word, each in defined.items()}
    return {word: iri for word, iri in iris.items() if word not in _CORE}


IRIS: Final = sorted({iri for fleet in FLEETS for iri in words_of(fleet).values()})
VENDOR: Final[Words] = {iri: f"acme_{number}" for number, iri in enumerate(IRIS)}
"""IRI to what the vendor calls it."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    """The address of the vendor's @context."""
    body = orjson.dumps({"@context": {name: iri for iri, name in VENDOR.items()}})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/ld+json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/context"
        server.shutdown()


def in_the_vendors_words(content: Any, words: Words) -> Any:
    """What was sent, each word as the vendor has it."""
    if isinstance(content, list):
        return [in_the_vendors_words(each, words) for each in content]
    if not isinstance(content, dict):
        return content
    return {
        VENDOR[words[name]] if name in words else name: each
        if name in _AS_THEY_ARE
        else in_the_vendors_words(each, words)
        for name, each in content.items()
    }


def link(url: str) -> dict[str, str]:
    return {"Link": f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}


def test_what_one_domain_writes_another_vendor_reads(fresh: httpx2.Client, vendor: str) -> None:
    city = City(SIZES["hamlet"], 1)
    for fleet in FLEETS:
        words = words_of(fleet)
        sent = {entity["id"]: entity for entity in city.entities(fleet)}
        body = orjson.dumps(list(sent.values()))
        headers = {"Content-Type": "application/json", **link(fleet.context)}
        assert fresh.post("/entityOperations/upsert", content=body, headers=headers).status_code == 201
        type_ = VENDOR[words[fleet.type]]
        read = fresh.get("/entities", params={"type": type_, "limit": 1000}, headers=link(vendor)).json()
        found = {entity["id"]: entity for entity in read if entity["id"] in sent}
        assert found == {
            entity_id: in_the_vendors_words(entity, words) | {"type": type_} for entity_id, entity in sent.items()
        }
