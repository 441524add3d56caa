"""All 56 Smart Data Models under strict rules: the published examples, defects and all, and our own.

The manifest lists the defects that were found without this broker. `LEGAL` says of each that is accepted why; whatever
it does not name is refused by the parser, for the reasons of `tests.model.test_smart_data_models`.
"""

import re
from typing import Any, Final

import httpx2
import jsonschema
import orjson
import pytest
import referencing
import referencing.jsonschema

from broker.hosting.bundled import Bundled, folder
from broker.jsonld.compiler import Compiler
from broker.model.entity import Entity
from broker.model.parse import parse_entity
from broker.names import CORE_CONTEXT
from broker.validation.bundle import bundle
from broker.validation.engine import Validator
from broker.validation.schemas import attributes
from tests.model.test_smart_data_models import FOLDER, MANIFEST, MODELS, reasons

Json = dict[str, Any]

LEGAL: Final = {
    r"looks like lat/lon swapped|latitude before longitude": "both orders are in range: one entity does not tell",
    r"object is an array of URIs": "legal since NGSI-LD 1.8",
    r"terms not in the context": "legal: they are in the default vocabulary",
    r"normalized and simplified differ": "only one of the two is sent",
    r"type not in its context": "the example names another vocabulary: the data model is none of this type",
    r"\(Date-Time\)": "its type is not the standard's DateTime, and to the schema an offset is a zone",
    r"modifiedAt \(a core term\)": "the system's own, ignored when sent",
    r"simplified example fails its schema": "its formats exclude each other, and formats are looked at",
    r"example.jsonld is not JSON|no simplified example": "the normalized example is JSON",
}
"""Defect to the reason why it is accepted."""

VIOLATIONS: Final = {
    "Environment/AirQualityObserved": {
        "/dateObserved": "has no zone, and is a text: with a DateTime's type the parser refuses it",
        "/windDirection": "the schema has 180 for its maximum",
        "/tsp": "the schema has a whole number",
    },
    "KeyPerformanceIndicator/KeyPerformanceIndicator": {"/dateNextCalculation": "a date and time, where a date is due"},
}
"""What the data models refuse besides, in examples that the manifest does not call clean: pointer to reason."""

CLEAN: Final = [model["path"] for models in MANIFEST["domains"].values() for model in models if model.get("clean")]
OWN: Final = sorted(folder().glob("*/examples/*.json"))
_BUNDLED: Final = Bundled()
_DOCUMENTS: Final = {url: _BUNDLED[url] for url in _BUNDLED.urls}
_COMPILER: Final = Compiler(_BUNDLED[CORE_CONTEXT])


def published(path: str) -> Json:
    example: Json = orjson.loads((FOLDER / path / "example-normalized.jsonld").read_bytes())
    return example


def parsed(example: Json) -> Entity:
    content = {name: each for name, each in example.items() if name != "@context"}
    return parse_entity(content, _COMPILER.compile(example["@context"], _DOCUMENTS))


@pytest.mark.http
def test_under_strict_rules_the_published_examples_fare_as_the_table_says(strict: httpx2.Client) -> None:
    batch = orjson.dumps([published(path) for path in MODELS])
    answer = strict.post(
        "/entityOperations/upsert", content=batch, headers={"Content-Type": "application/ld+json"}
    ).json()
    errors = {error["entityId"]: error["error"] for error in answer["errors"]}
    for path in MODELS:
        error = errors.get(published(path)["id"])
        if reasons(path):
            assert error is not None, path
            assert any(re.search(reason, error["detail"]) for reason in reasons(path)), (path, error)
        elif path in VIOLATIONS:
            assert error is not None, path
            assert {each["pointer"] for each in error["violations"]} == VIOLATIONS[path].keys()
        else:
            assert error is None, (path, error)


def test_every_defect_of_the_manifest_is_in_a_table() -> None:
    for path, defects in MODELS.items():
        for defect in defects:
            assert reasons(path) or any(re.search(words, defect) for words in LEGAL), (path, defect)
    assert not set(CLEAN) & {path for path in MODELS if reasons(path)}
    assert not set(CLEAN) & VIOLATIONS.keys()
    assert len(CLEAN) == 19


@pytest.mark.http
def test_our_own_examples_of_all_types_pass_strict_rules(strict: httpx2.Client) -> None:
    assert len(OWN) == 56
    batch = b"[" + b",".join(path.read_bytes() for path in OWN) + b"]"
    answer = strict.post(
        "/entityOperations/upsert?options=update", content=batch, headers={"Content-Type": "application/ld+json"}
    )
    assert answer.status_code in {201, 204}, answer.text


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_what_an_independent_validator_says_of_wrong_values_is_said(path: Any) -> None:
    """Each attribute in turn has a value of another kind; jsonschema judges the simplified form."""
    example = orjson.loads(path.read_bytes())
    entity = parsed(example)
    model = bundle()[entity.types[0]]
    validator = Validator(model, bundle().retrieve)
    oracle = jsonschema.Draft202012Validator(model.schema, registry=referencing.Registry(retrieve=_retrieved))  # type: ignore[call-arg]
    simplified = {name: simple(content) for name, content in example.items() if name not in {"@context", "scope"}}
    said = attributes(model.schema, bundle().retrieve)
    for iri, (instance, *_) in entity.attributes.items():
        name = model.names.get(iri, iri)
        if instance["type"] != "Property" or name in FORMATS or said.get(name, {}).get("type") == "array":
            continue  # one value for an array is an array of it, to us
        for wrong in (True, -7e9, {"x": True}):
            other = entity._replace(attributes={**entity.attributes, iri: [{"type": "Property", "value": wrong}]})
            expected = {error.path[0] for error in oracle.iter_errors({**simplified, name: wrong}) if error.path}
            found = {violation.pointer.split("/")[1] for violation in validator.violations(other)}
            assert (name in found) == (name in expected), (name, wrong)


FORMATS: Final = {"ipAddress"}
"""Alternatives of formats: jsonschema does not look at them."""


def _retrieved(url: str) -> Any:
    return referencing.Resource.from_contents(
        bundle().retrieve(url), default_specification=referencing.jsonschema.DRAFT202012
    )


def simple(content: Any) -> Any:
    """§4.5.4, without the wrappers of typed values and languages."""
    if isinstance(content, list):
        return [simple(each) for each in content]
    if not isinstance(content, dict):
        return content
    value = next((content[member] for member in ("value", "object") if member in content), content)
    return value["@value"] if isinstance(value, dict) and "@value" in value else value
