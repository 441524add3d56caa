"""The published examples of 56 data models: accepted and shown as they came, or refused for the right reason.

The manifest lists the defects that were found without this broker; `REASONS` says what each means for one.
"""

import re
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from broker.errors import BadRequestData
from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.model.entity import Names, decode, encode
from broker.model.parse import parse_entity
from broker.model.render import Representation, renderer
from broker.names import CORE_CONTEXT

FOLDER: Final = Path(__file__).parent.parent / "data" / "smart-data-models"
MANIFEST: Final = orjson.loads((FOLDER / "manifest.json").read_bytes())
MODELS: Final[dict[str, list[str]]] = {
    model["path"]: model.get("defects", []) for models in MANIFEST["domains"].values() for model in models
}
REASONS: Final = {
    r"latitude out of range": r"^Attribute location: value: coordinates: latitude .* is outside -90 to 90",
    r"Point with nested coordinates": r"^Attribute location: value: coordinates is an array, not a position",
    r"\(DateTime\) is not in the Z form": r"^Attribute \w+: value is .*, not a DateTime",
    r"observedAt: .* is not in the Z form": r"^Attribute battery: observedAt is .*, not a DateTime",
    r"names outside the NGSI-LD grammar": r"^Name 'N-TOT' is not allowed",
    r"is not a normalized attribute|Impacted: not an attribute": r"^Attribute [\w.]+: type is '.*', which is none of",
    r"object not a URI \(None\)": r"^Attribute \w+: object is missing",
    r"id not a URI": r"^Entity: id is .*, not a URI",
}
"""Defect to refusal. The others are legal: unknown terms, arrays of URIs, exchanged coordinates, other schemas."""
VALUE_MEMBERS: Final = ("value", "object")


def loaded(path: str) -> tuple[dict[str, Any], Names]:
    """An example without its @context, and the context."""
    payload = orjson.loads((FOLDER / path / "example-normalized.jsonld").read_bytes())
    bundled = Bundled()
    documents = {url: bundled[url] for url in bundled.urls}
    return payload, Compiler(bundled[CORE_CONTEXT]).compile(payload.pop("@context"), documents)


def reasons(path: str) -> list[str]:
    return [reason for defect in MODELS[path] for words, reason in REASONS.items() if re.search(words, defect)]


@pytest.mark.parametrize("path", [path for path in MODELS if reasons(path)])
def test_refused_for_the_right_reason(path: str) -> None:
    payload, names = loaded(path)
    with pytest.raises(BadRequestData, match="|".join(reasons(path))):
        parse_entity(payload, names)


@pytest.mark.parametrize("path", [path for path in MODELS if not reasons(path)])
def test_accepted_and_shown_as_it_came(path: str) -> None:
    payload, names = loaded(path)
    entity = decode(encode(parse_entity(payload, names)))
    payload.pop("modifiedAt", None)  # the system's own, ignored when sent: the manifest's KeyPerformanceIndicator

    assert renderer(names, Representation())(entity) == payload
    assert parse_entity(renderer(names, Representation("concise"))(entity), names) == entity
    assert renderer(names, Representation("simplified"))(entity) == {
        name: content if name in {"id", "type"} else next(content[each] for each in VALUE_MEMBERS if each in content)
        for name, content in payload.items()
    }


def test_every_model_is_there() -> None:
    assert len(MODELS) == 56
    assert sum(bool(reasons(path)) for path in MODELS) == 21
