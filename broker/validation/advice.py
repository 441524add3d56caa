"""What to do about what is wrong: the traps that domain systems fall into, as tables."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

from broker.errors import Violation

_REFUSALS: Final = (
    (r"latitude .* is outside|longitude .* is outside", "GeoJSON writes the longitude first: [longitude, latitude]."),
    (r"coordinates is an array, not a position", "A Point has one position: [longitude, latitude], no more brackets."),
    (r"not a DateTime", "Write the instant in UTC, with Z: 2025-07-01T12:00:00Z."),
    (r"^Name .* is not allowed", "Take letters, digits and underscores, and map that name to the IRI in the @context."),
    (r"id is .*, not a URI", "Make it a URI that stays: urn:ngsi-ld:<Type>:<number of yours>, without spaces."),
    (r"type is .*, which is none of", "`type` is one of Property, GeoProperty, Relationship …, in just this spelling."),
    (r"object is missing", "A Relationship has its target in `object`, neither in `value` nor in `Object`."),
    (r"not a URI", "A Relationship points to the id of an entity, a URI."),
    (r"means @\w+ in JSON-LD|to null", "The @context keeps that word for something else: take the name of yours."),
)  # fmt: skip
"""Words of a refusal to advice."""

_NUMBER: Final = re.compile(r"\s*-?\d+(?:[.,]\d+)?\s*")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def on_refusal(says: str) -> str:
    """What to do about a refusal of the parser; nothing if there is no advice."""
    return next((advice for words, advice in _REFUSALS if re.search(words, says)), "")


def on_violation(violation: Violation, options: Iterable[str] = ()) -> str:
    """What to do about a violation of a data model. `options`: the terms of the enumeration, if there is one."""
    value, expectation = violation.value, violation.expectation
    if isinstance(value, str):
        return _on_text(value, expectation, options)
    if isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        if "at most 1" in expectation.split() or expectation.endswith("at most 1"):
            return "The model counts from 0 to 1: divide a percentage by 100." if 1 < value <= 100 else ""
        if "a text" in expectation:
            return "The model has a text there: put it in quotes."
        if "a whole number" in expectation:
            return "The model has whole numbers there: round it."
    if "/location" in violation.pointer:
        return "Send GeoJSON: {type, coordinates}, the longitude first."
    if isinstance(value, list) and "array" not in expectation:
        return "The model has one value there, not an array."
    return ""


def _on_text(value: str, expectation: str, options: Iterable[str]) -> str:
    if "number" in expectation and _NUMBER.fullmatch(value):
        return "Send a JSON number: without quotes, with a point."
    if "date and time" in expectation and _INSTANT.match(value):
        return "Say the zone: in UTC, with Z at the end."
    near = nearest(value, options)
    if near is not None:
        return f"Is it {near!r}?"
    if "true or false" in expectation:
        return "Send true or false, without quotes."
    return ""


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of some words that is most like a word, if any is."""
    by_case = {each.casefold().replace("_", "").replace("-", ""): each for each in words}
    found = get_close_matches(word.casefold().replace("_", "").replace("-", ""), by_case, n=1, cutoff=0.75)
    return by_case[found[0]] if found else None


def on_dates(attributes: dict[str, Any]) -> str:
    """What to do where an observation says its time only as a Property; nothing where it is well."""
    observed = [name for name in attributes if name in {"dateObserved", "observationDateTime"}]
    dated = any(
        isinstance(each, dict) and "observedAt" in each
        for content in attributes.values()
        for each in (content if isinstance(content, list) else [content])
    )
    if observed and not dated:
        return (
            f"{observed[0]} alone is a value like others: history and temporal queries go by `observedAt`, "
            "a member of each measured attribute. Send both."
        )
    return ""
