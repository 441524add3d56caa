"""docs/api.md, made of the operations table: `python -m broker.api.page > docs/api.md`."""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from broker.api.openapi import TAGS, bare_statuses, errors_of, name_of, tag_of
from broker.api.operation import Operation
from broker.api.operations import OPERATIONS
from broker.api.parameters import Parameter

_HEAD = """\
# The API

The operations that the broker has, made from its operations table by `python -m broker.api.page > docs/api.md`;
the running broker tells the same at `/openapi.json`. Clauses (§) are those of ETSI GS CIM 009 V1.9.1.

- Every path takes `OPTIONS`, and `HEAD` where it takes `GET`; a trailing slash makes no difference.
- A parameter that an operation does not take is refused, and so is one that is given twice.
- Errors are problem documents (`type`, `title`, `detail`, `status`) of type `application/json`; 405, 408, 411, 413,
  414, 415 and 431 have no body, 406 lists what is available.
- Every answer has `X-Request-Id`: the request's own, if it had a sane one. The log has it, too.
- Answers of 1 KiB and more are sent in gzip to who accepts it (`NGSILD_GZIP_MIN_SIZE`); bodies of requests may not be
  compressed. Pages of other origins are served if `NGSILD_CORS_ORIGINS` names them.
- Operations of NGSI-LD take `NGSILD-Tenant`, and the @context in a `Link` header or in a JSON-LD body.
"""


def markdown(operations: Iterable[Operation]) -> str:
    """The page."""
    operations = list(operations)
    parts = [_HEAD]
    for tag, of_tag in groupby(sorted(operations, key=_place), tag_of):
        parts += [f"## {tag}\n", *map(_section, of_tag)]
    return "\n".join(parts)


def _place(operation: Operation) -> int:
    return TAGS.index(tag_of(operation))


def _section(operation: Operation) -> str:
    return "\n".join(
        [
            f"### {operation.title}\n",
            f"`{operation.method} {operation.path}`" + _clause(operation),
            "",
            *_lines(operation),
        ]
    )


def _clause(operation: Operation) -> str:
    return f" (§{operation.clause})" if operation.clause else ""


def _lines(operation: Operation) -> Iterator[str]:
    yield f"{operation.summary}\n"
    if operation.body is not None:
        yield f"Body: {operation.body.schema}, as {_codes(operation.body.media)}."
    yield f"Answers as {_codes(operation.produces)}.\n"
    if operation.parameters:
        yield "| Parameter | |\n|---|---|"
        yield from (f"| `{each.name}` | {each.description}{_choices(each)} |" for each in operation.parameters)
        yield ""
    yield "| Status | |\n|---|---|"
    yield from (f"| {success.status} | {_capital(success.when)}. |" for success in operation.success)
    by_status: dict[int, list[str]] = {}
    for error in errors_of(operation):
        by_status.setdefault(error.status, []).append(name_of(error))
    refusals = {status: ", ".join(names) for status, names in by_status.items()} | bare_statuses(operation)
    yield from (f"| {status} | {refusals[status]} |" for status in sorted(refusals))
    yield ""


def _choices(parameter: Parameter[Any]) -> str:
    """The words that the parameter takes, if they are fixed."""
    schema = parameter.schema.get("items", parameter.schema)
    return f" {_codes(schema['enum'])}." if "enum" in schema else ""


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    sys.stdout.write(markdown(OPERATIONS))
