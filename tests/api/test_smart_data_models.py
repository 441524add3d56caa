"""The published examples of 56 data models over HTTP, each with its own @context, which the broker has inside.

Accepted, and shown in every representation as GS CIM 009 §4.5 says; or refused for the reason that the manifest gives:
it was made without this broker.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import orjson
import pytest

from tests.api.test_entities import assert_problem
from tests.conftest import RunningBroker, new_tenant, tenant_client
from tests.model.test_smart_data_models import FOLDER, MODELS, reasons

pytestmark = pytest.mark.http

Json = dict[str, Any]

ACCEPTED: Final = [path for path in MODELS if not reasons(path)]
REFUSED: Final = [path for path in MODELS if reasons(path)]
JSON_LD: Final = {"Content-Type": "application/ld+json"}
IGNORED: Final = {"modifiedAt"}
"""The system's own, ignored when sent (§4.8): KeyPerformanceIndicator."""
NO_JSON: Final = "example.jsonld is not JSON"


def example(path: str) -> Json:
    """The normalized example as it is published."""
    published: Json = orjson.loads((FOLDER / path / "example-normalized.jsonld").read_bytes())
    return published


@pytest.fixture(scope="module")
def models(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client of a tenant that holds every example that is accepted."""
    with tenant_client(running_broker, new_tenant()) as client:
        for path in ACCEPTED:
            answer = client.post("/entities", content=orjson.dumps(example(path)), headers=JSON_LD)
            assert answer.status_code == 201, (path, answer.text)
        yield client


def asked(client: httpx2.Client, path: str, query: str = "", accept: str = "application/json") -> Json:
    """The entity of an example, in the vocabulary of its data model."""
    published = example(path)
    link = f'<{published["@context"][-1]}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    answer = client.get(f"/entities/{published['id']}{query}", headers={"Link": link, "Accept": accept})
    assert answer.status_code == 200, answer.text
    shown: Json = answer.json()
    return shown


def normalized(path: str) -> Json:
    """What the example says, in the normalized form."""
    return {name: content for name, content in example(path).items() if name not in {"@context", *IGNORED}}


def concise(attribute: Any) -> Any:
    """§4.5.2.3: no `type`, and nothing but the value where that is all and is not read as something else."""
    if not isinstance(attribute, dict) or attribute.get("type") not in {"Property", "GeoProperty", "Relationship"}:
        return attribute
    value = attribute.get("value")
    rest = {name: each if name == "value" else concise(each) for name, each in attribute.items() if name != "type"}
    if isinstance(value, dict) and "coordinates" in value and attribute["type"] == "Property":
        return {"type": "Property", **rest}
    is_typed = isinstance(value, dict) and "type" in value and "coordinates" not in value
    return value if rest.keys() == {"value"} and not is_typed else rest


def simplified(attribute: Any) -> Any:
    """§4.5.4: the value alone."""
    return next((attribute[member] for member in ("value", "object") if member in attribute), attribute)


@pytest.mark.parametrize("path", ACCEPTED)
def test_normalized_it_is_what_was_sent(models: httpx2.Client, path: str) -> None:
    assert asked(models, path) == normalized(path)
    jsonld = asked(models, path, accept="application/ld+json")
    assert jsonld.pop("@context") == example(path)["@context"][-1]
    assert jsonld == normalized(path)


@pytest.mark.parametrize("path", ACCEPTED)
def test_concise_it_says_the_same_with_less(models: httpx2.Client, path: str) -> None:
    expected = {
        name: content if name in {"id", "type"} else concise(content) for name, content in normalized(path).items()
    }
    assert asked(models, path, "?format=concise") == expected


@pytest.mark.parametrize("path", ACCEPTED)
def test_simplified_it_is_its_values(models: httpx2.Client, path: str) -> None:
    expected = {
        name: content if name in {"id", "type"} else simplified(content) for name, content in normalized(path).items()
    }
    assert asked(models, path, "?format=simplified") == expected


@pytest.mark.parametrize("path", ACCEPTED)
def test_as_geojson_it_is_a_feature_at_its_location(models: httpx2.Client, path: str) -> None:
    shown = asked(models, path, accept="application/geo+json")
    payload = normalized(path)
    location = payload.get("location", {})
    assert shown == {
        "id": payload.pop("id"),
        "type": "Feature",
        "geometry": location["value"] if location.get("type") == "GeoProperty" else None,
        "properties": payload,
        "@context": example(path)["@context"][-1],
    }


def published_key_values(path: str) -> Json:
    """The attributes of the published simplified example whose values are those of the normalized one.

    Publishers made the two by hand: they often differ, and a DateTime has its type in the normalized one only.
    """
    if any(defect.startswith(NO_JSON) for defect in MODELS[path]):
        return {}
    published = orjson.loads((FOLDER / path / "example.jsonld").read_bytes())
    ours = {
        name: simplified(content) if isinstance(content, dict) else content for name, content in example(path).items()
    }
    return {
        name: content
        for name, content in published.items()
        if name not in {"@context", *IGNORED} and name in ours and content == untyped(ours[name])
    }


def untyped(value: Any) -> Any:
    return value["@value"] if isinstance(value, dict) and value.keys() == {"@type", "@value"} else value


@pytest.mark.parametrize("path", ACCEPTED)
def test_simplified_it_is_as_published_where_the_two_examples_agree(models: httpx2.Client, path: str) -> None:
    expected = published_key_values(path)
    shown = asked(models, path, "?options=keyValues")
    assert {name: untyped(shown.get(name)) for name in expected} == expected


def test_the_published_examples_agree_mostly() -> None:
    """Or the test above would say little: 35 models, all but one with a simplified example."""
    agreeing = [len(published_key_values(path)) for path in ACCEPTED]
    attributes = [len(normalized(path)) for path in ACCEPTED]
    assert sum(agreeing) > 0.9 * sum(attributes)
    assert sum(count > 4 for count in agreeing) >= len(ACCEPTED) - 1


@pytest.mark.parametrize("path", REFUSED)
def test_refused_for_the_reason_that_is_known(api: httpx2.Client, path: str) -> None:
    answer = api.post("/entities", content=orjson.dumps(example(path)), headers=JSON_LD)
    detail = assert_problem(answer, 400, "BadRequestData")
    assert any(re.search(reason, detail) for reason in reasons(path)), detail


def test_a_batch_takes_the_good_ones_and_names_the_others(fresh: httpx2.Client) -> None:
    payloads = [example(path) for path in MODELS]
    answer = fresh.post("/entityOperations/create", content=orjson.dumps(payloads), headers=JSON_LD)
    assert answer.status_code == 207
    outcome = answer.json()
    assert sorted(outcome["success"]) == sorted(example(path)["id"] for path in ACCEPTED)
    assert {error["entityId"] for error in outcome["errors"]} == {example(path)["id"] for path in REFUSED}
