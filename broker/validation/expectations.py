"""What a schema expected, in words: from the errors of jsonschema-rs to violations."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from jsonschema_rs import ValidationError

from broker.errors import Violation
from broker.model.grammar import shown

MAX_LISTED: Final = 12
"""Terms of an enumeration that are told."""
MAX_VALUE: Final = 200
"""Characters of a text that is told as it is."""
_TYPES: Final = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "nothing",
}
_FORMATS: Final = {
    "date-time": "a date and time with its zone (2025-06-02T11:00:00Z)",
    "date": "a date (2025-06-02)",
    "time": "a time of the day (11:00:00)",
    "duration": "an ISO 8601 duration (PT5M)",
    "uri": "a URI",
    "email": "an e-mail address",
    "idn-email": "an e-mail address",
}
_LIMITS: Final = {
    "minimum": "a number of at least {}",
    "maximum": "a number of at most {}",
    "exclusiveMinimum": "a number greater than {}",
    "exclusiveMaximum": "a number less than {}",
    "minLength": "a text of at least {} characters",
    "maxLength": "a text of at most {} characters",
    "minItems": "an array of at least {} elements",
    "maxItems": "an array of at most {} elements",
    "minProperties": "an object of at least {} members",
    "maxProperties": "an object of at most {} members",
}


def pointer(path: Sequence[str | int]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def explained(errors: Iterable[ValidationError]) -> Iterator[Violation]:
    """A violation for each error; of alternatives what each of them expected."""
    for error in errors:
        path = list(error.instance_path)
        facts: dict[str, Any] = error.kind.as_dict()
        if error.kind.name == "required":
            yield Violation(pointer([*path, facts["property"]]), "a value, as the model requires", None)
        elif error.kind.name == "additionalProperties":
            members: dict[str, Any] = error.instance  # type: ignore[assignment]  # an array has no members
            for name in facts["unexpected"]:
                yield Violation(pointer([*path, name]), "no such member", _told(members[name]))
        else:
            yield from _explained(error, path)


def _explained(error: ValidationError, path: list[str | int]) -> Iterator[Violation]:
    """A violation of one value; of alternatives the one that comes nearest, if one sees the fault deeper inside."""
    if error.kind.name in {"anyOf", "oneOf"}:
        deeper = [branch for branch in _branches(error) if all(len(each.instance_path) > len(path) for each in branch)]
        if len(deeper) == 1:
            yield from explained(deeper[0])
            return
    yield Violation(pointer(path), expectation(error), _told(error.instance))


def expectation(error: ValidationError) -> str:
    """What was expected instead: a noun."""
    name, facts = error.kind.name, error.kind.as_dict()
    if name == "type":
        return " or ".join(_TYPES.get(each, each) for each in facts["types"])
    if name == "enum":
        return _one_of(facts["options"])
    if name == "const":
        return shown(facts["expected_value"])
    if name == "format":
        return _FORMATS.get(facts["format"], f"the format {facts['format']}")
    if name == "pattern":
        return f"a text that matches {facts['pattern']}"
    if name in _LIMITS:
        return _LIMITS[name].format(facts["limit"])
    if name == "multipleOf":
        return f"a multiple of {facts['multiple_of']}"
    if name in {"anyOf", "oneOf"}:
        expected = [expectation(branch[0]) for branch in _branches(error) if branch]
        return " or ".join(dict.fromkeys(expected)) or "one of the alternatives"
    return f"something else ({error.message})"


def _branches(error: ValidationError) -> list[list[ValidationError]]:
    return error.kind.as_dict().get("context") or []


def _one_of(options: Sequence[Any]) -> str:
    listed = ", ".join(map(shown, options[:MAX_LISTED]))
    if len(options) == 1:
        return listed
    return f"one of {listed}" + (f" and {len(options) - MAX_LISTED} more" if len(options) > MAX_LISTED else "")


def _told(value: Any) -> Any:
    """A value as it is, if it is short."""
    if isinstance(value, dict | list):
        return value if len(str(value)) <= MAX_VALUE else shown(value)
    return value[:MAX_VALUE] + "…" if isinstance(value, str) and len(value) > MAX_VALUE else value
