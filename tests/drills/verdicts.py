"""What any answer must be."""

from typing import Any, Final

import orjson

from broker.api.openapi import bare_statuses, errors_of
from broker.names import ERRORS
from tests.api.wire import Reply
from tests.drills.mutations import Case

BODYLESS: Final = {405, 408, 411, 413, 414, 415, 431}
HTTPS_OWN: Final = {401, 406}
"""Statuses that HTTP defines, and NGSI-LD has no type for."""
ALWAYS: Final = {400, 404, *BODYLESS}
"""Statuses that any request may be answered with: of the way to an operation."""


def judge(case: Case, reply: Reply) -> None:
    """Raise AssertionError if the answer is not what it should be."""
    sketch, operation = case.sketch, case.sketch.operation
    told = f"{sketch.method!r} {sketch.target!r} {sketch.headers} {case.body!r}\nnames {case.names}\n{reply}"
    declared = {success.status for success in operation.success} | {error.status for error in errors_of(operation)}
    declared |= bare_statuses(operation).keys() | ALWAYS
    assert reply.status in declared - {500, 503} or sketch.method != operation.method.encode(), told
    assert reply.status < 500 or reply.status in (501, 504), told
    assert not case.refused or reply.status >= 400 or reply.status == 207, told
    if reply.status < 400:
        _judge_success(case, reply, told)
    elif reply.status in BODYLESS:
        assert reply.body == b"", told
    elif sketch.method != b"HEAD":
        judge_problem(orjson.loads(reply.body), reply.status, told)
        if reply.status == 400:
            _judge_cause(case, reply.body, told)


def _judge_success(case: Case, reply: Reply, told: str) -> None:
    if reply.status == 207:
        result = orjson.loads(reply.body)
        for error in result.get("errors", ()):
            judge_problem(error["error"], error["error"]["status"], told)
        for attribute in result.get("notUpdated", ()):
            assert attribute["attributeName"], told
            assert len(attribute["reason"]) > 10, told
    elif reply.body and reply.headers["content-type"].partition(";")[0].endswith("json"):
        orjson.loads(reply.body)


def judge_problem(problem: dict[str, Any], status: int, told: str) -> None:
    assert problem["type"] == "about:blank" if status in HTTPS_OWN else problem["type"].startswith(ERRORS), told
    assert problem["title"], told
    assert problem["status"] == status, told
    assert len(problem["detail"]) > 10, told
    assert problem["detail"] != problem["title"], told
    assert status != 500, told


def _judge_cause(case: Case, body: bytes, told: str) -> None:
    detail = orjson.loads(body)["detail"]
    assert not case.names or any(name in detail for name in case.names), told
