"""Queries that differ in what they find, as far as their words tell, are not alike; values alone make no difference."""

import pytest

from broker.query import scope
from broker.query.ast import GeoCondition, HasType, Relation
from broker.query.likeness import mark
from broker.query.plan import Query, Selector
from broker.query.q import parse
from broker.query.to_mongo import entity_filter
from tests.query.context import CONTEXT


def asked(q: str, kind: str = "urn:x:T") -> Query:
    return Query(selectors=(Selector(types=HasType(kind)),), q=parse(q, CONTEXT))


def within(side: float, name: str = "urn:x:location") -> Query:
    ring = ((8.0, 47.0), (8.0 + side, 47.0), (8.0 + side, 47.0 + side), (8.0, 47.0 + side), (8.0, 47.0))
    return Query(geo=GeoCondition(Relation.WITHIN, "Polygon", (ring,), name))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a==1", 'a=="x"'),
        ("a==1..2", "a==7..8"),
        ("a>1", "a>100"),
        ("a==2026-01-01T00:00:00Z..2026-01-02T00:00:00Z", "a==2026-01-03T00:00:00Z..2026-01-04T00:00:00Z"),
    ],
)
def test_values_do_not_tell_queries_apart(one: str, other: str) -> None:
    assert mark(asked(one)) == mark(asked(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a==1", "b==1"),
        ("a==1", "a>1"),
        ("a==1", "a[b]==1"),
        ("a==1..2", "a==1..200"),
        ("a==1", "a==1;b==1"),
        ("a==2026-01-01..2026-01-02", "a==1999-01-01..2026-01-01"),
    ],
)
def test_attributes_operators_and_widths_do(one: str, other: str) -> None:
    assert mark(asked(one)) != mark(asked(other))


def test_types_places_and_scopes_do() -> None:
    assert mark(asked("a==1")) != mark(asked("a==1", "urn:x:U"))
    assert mark(within(0.01)) == mark(within(0.011)) != mark(within(10))
    assert mark(within(1)) != mark(within(1, "urn:x:other"))
    scopes = [Query(scopes=scope.parse(text)) for text in ("/a/b", "/c/d", "/a/#", "/a")]
    marks = [mark(each) for each in scopes]
    assert marks[0] == marks[1]
    assert len(set(marks)) == 3


@pytest.mark.parametrize("text", ["a==1", "a==1..1e308", "a~=x", "a.b!=1|(c;d)"])
def test_what_has_a_mark_says_so_to_mongod(text: str) -> None:
    query = asked(text)
    assert {f"~{mark(query)}": {"$exists": False}} in entity_filter(query).mongo["$and"]


def test_types_alone_have_none() -> None:
    query = Query(selectors=(Selector(types=HasType("urn:x:T")),))
    assert mark(query) == ""
    assert entity_filter(query).mongo == {"t": "urn:x:T"}
