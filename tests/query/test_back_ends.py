"""The predicate, mongod and an evaluator that is obviously right agree on generated entities and queries."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.collection import AsyncCollection

from broker.model.entity import Entity
from broker.model.merge import create
from broker.model.parse import parse_entity
from broker.query.plan import Query as Plan
from broker.query.q import parse
from broker.query.to_predicate import condition, linking
from broker.store.linking import turned
from broker.store.queries import Limits, count, find
from broker.store.shapes import document
from tests.query import oracle
from tests.query.context import CONTEXT
from tests.query.strategies import entities, graph_queries, graphs, populations, queries
from tests.thoroughness import examples

NOW = "2026-11-21T08:00:00Z"
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


def parsed(payload: dict[str, Any]) -> Entity:
    return create(parse_entity(payload, CONTEXT), NOW)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=SLOW)
@given(entities(1), queries())
def test_the_predicate_is_right(payload: dict[str, Any], query: oracle.Query) -> None:
    assert condition(parse(oracle.text(query), CONTEXT))(parsed(payload)) is oracle.matches(payload, query)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=SLOW)
@given(graphs(), graph_queries())
def test_the_predicate_follows_links(population: list[dict[str, Any]], query: oracle.Query) -> None:
    linked = {payload["id"]: parsed(payload) for payload in population}
    holds = linking(parse(oracle.text(query), CONTEXT), linked)
    for payload in population:
        assert holds(parsed(payload)) is oracle.matches(payload, query, population)


Collection = AsyncCollection[dict[str, Any]]


async def _agree(collection: Collection, population: list[dict[str, Any]], asked: list[oracle.Query]) -> None:
    await collection.delete_many({})
    await collection.insert_many([document(parsed(payload), 1) for payload in population])
    for query in asked:
        expected = [payload["id"] for payload in population if oracle.matches(payload, query, population)]
        as_asked = Plan(q=parse(oracle.text(query), CONTEXT), limit=100)
        for plan in {as_asked: 0, await turned(collection, as_asked): 1}:
            found = await find(collection, plan, Limits())
            assert found.ids == expected, oracle.text(query)
            assert await count(collection, plan, Limits()) == len(expected), oracle.text(query)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=SLOW)
@given(population=populations(6), asked=st.lists(queries(), min_size=6, max_size=10))
async def test_mongod_is_right(
    collection: Collection, population: list[dict[str, Any]], asked: list[oracle.Query]
) -> None:
    await _agree(collection, population, asked)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=SLOW)
@given(population=graphs(), asked=st.lists(graph_queries(), min_size=6, max_size=10))
async def test_mongod_follows_links(
    collection: Collection, population: list[dict[str, Any]], asked: list[oracle.Query]
) -> None:
    """By candidates and turned round."""
    await _agree(collection, population, asked)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=examples(200), deadline=None, suppress_health_check=SLOW)
@given(population=populations(6), asked=st.lists(queries(), min_size=6, max_size=10))
async def test_mongod_is_right_on_many(
    collection: Collection, population: list[dict[str, Any]], asked: list[oracle.Query]
) -> None:
    await _agree(collection, population, asked)
