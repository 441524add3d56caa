"""Errors as answers: GS CIM 009 §6.3.2 and its Table 6.3.2-1, RFC 7807 §3.1."""

import orjson
import pytest

from broker import errors
from broker.api import problems
from broker.errors import BrokerError

TABLE = {
    "InvalidRequest": 400,
    "BadRequestData": 400,
    "AlreadyExists": 409,
    "Conflict": 409,
    "OperationNotSupported": 422,
    "ResourceNotFound": 404,
    "InternalError": 500,
    "TooComplexQuery": 403,
    "TooManyResults": 403,
    "LdContextNotAvailable": 504,
    "NoMultiTenantSupport": 501,
    "NonexistentTenant": 404,
}
"""Problem type to status, as the standard has them."""


@pytest.mark.parametrize(("name", "status"), TABLE.items())
def test_an_error_is_a_problem_document_of_its_type(name: str, status: int) -> None:
    error: BrokerError = getattr(errors, name)('Attribute "speed": \r\n\u2028 no DateTime.')
    response = problems.response(error)
    assert response.status == status
    assert dict(response.headers)[b"content-type"] == b"application/json"
    document = orjson.loads(response.body)
    assert document == {
        "type": f"https://uri.etsi.org/ngsi-ld/errors/{name}",
        "title": error.title,
        "detail": error.detail,
        "status": status,
    }
    assert document["title"]


def test_a_database_that_is_away_is_worth_another_try() -> None:
    response = problems.response(errors.StoreUnavailable("The database does not answer."))
    assert response.status == 503
    assert int(dict(response.headers)[b"retry-after"]) > 0


@pytest.mark.parametrize(
    ("refusal", "status", "lines"),
    [
        (problems.MethodNotAllowed("GET, HEAD"), 405, {b"allow": b"GET, HEAD"}),
        (problems.LengthRequired(), 411, {}),
        (problems.ContentTooLarge(), 413, {}),
        (problems.UnsupportedMediaType(), 415, {}),
        (problems.BodyOverdue(), 408, {b"connection": b"close"}),
    ],
)
def test_bare_statuses_have_no_body(refusal: problems.BareStatus, status: int, lines: dict[bytes, bytes]) -> None:
    response = refusal.response()
    assert (response.status, response.body) == (status, b"")
    assert dict(response.headers) == {b"content-length": b"0", **lines}


def test_406_lists_what_there_is() -> None:
    response = problems.NotAcceptable(("application/json", "application/ld+json")).response()
    assert response.status == 406
    assert orjson.loads(response.body)["available"] == ["application/json", "application/ld+json"]
