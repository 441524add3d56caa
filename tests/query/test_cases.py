"""The cases in `cases/*.json`: answered by the predicate and by mongod."""

from typing import Any

import pytest
from pymongo.asynchronous.collection import AsyncCollection

from broker.model.merge import create
from broker.model.parse import parse_entity
from broker.query import scope
from broker.query.plan import Query
from broker.query.q import parse
from broker.query.to_predicate import matches
from broker.store.queries import Limits, count, find
from broker.store.shapes import document
from tests.query.cases import CASES, ENTITIES, Case, name_of
from tests.query.context import CONTEXT

NOW = "2026-11-21T08:00:00Z"
PARSED = {
    file: [create(parse_entity(payload, CONTEXT), NOW) for payload in payloads] for file, payloads in ENTITIES.items()
}


def query_of(case: Case) -> Query:
    given = case.parameters
    expanded = {name: frozenset(map(CONTEXT.expand, given.get(name, ()))) for name in ("expandValues", "jsonKeys")}
    q = (
        parse(given["q"], CONTEXT, expand_values=expanded["expandValues"], json_keys=expanded["jsonKeys"])
        if "q" in given
        else None
    )
    return Query(q=q, scopes=scope.parse(given["scopeQ"]) if "scopeQ" in given else None, limit=100)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_predicate_answers(case: Case) -> None:
    holds = matches(query_of(case))
    assert [entity.id for entity in PARSED[case.file] if holds(entity)] == case.ids


async def test_mongod_answers(collection: AsyncCollection[dict[str, Any]]) -> None:
    for file in ENTITIES:
        await collection.delete_many({})
        await collection.insert_many([document(entity, 1) for entity in PARSED[file]])
        for case in CASES:
            if case.file == file:
                query = query_of(case)
                assert (await find(collection, query, Limits())).ids == case.ids, case
                assert await count(collection, query, Limits()) == len(case.ids), case
