"""The OpenAPI document and docs/api.md say what the operations table says."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.core.result import Ok

from broker.api import openapi, page, schemas
from broker.api.operation import Operation
from broker.api.operations import OPERATIONS
from tests.api.table import name_of

DOCUMENT = openapi.document(OPERATIONS)


def test_an_openapi_reader_finds_every_operation() -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    read = [result for result in schema.get_all_operations() if isinstance(result, Ok)]
    found = {(result.ok().method.upper(), result.ok().path) for result in read}
    assert found >= {(operation.method, operation.path) for operation in OPERATIONS}


def test_the_document_is_openapi_3_1() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_an_operation_refers_to_schemas_that_exist(operation: Operation) -> None:
    named = [success.schema for success in operation.success]
    if operation.body is not None:
        named.append(operation.body.schema)
    assert {schema for schema in named if schema is not None} <= set(schemas.SCHEMAS)


def test_names_and_places_are_unique() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(OPERATIONS)


def test_path_variables_are_described() -> None:
    variables = [part for operation in OPERATIONS for part in operation.path.split("/") if part.startswith("{")]
    assert {variable[1:-1] for variable in variables} == set(openapi.PATH_VARIABLES)


def test_head_is_where_get_is() -> None:
    for path in DOCUMENT["paths"].values():
        assert ("head" in path) == ("get" in path)


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_every_status_has_a_description(operation: Operation) -> None:
    described: dict[str, Any] = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
    assert all(answer["description"] for answer in described.values())


def test_the_page_of_the_docs_is_up_to_date() -> None:
    written = Path(__file__).parents[2] / "docs" / "api.md"
    assert written.read_text() == page.markdown(OPERATIONS), "run `python -m broker.api.page > docs/api.md`"
