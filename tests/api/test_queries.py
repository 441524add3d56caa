"""Query Entities over HTTP: the query languages, order, POST, purges (GS CIM 009 §6.4.3.2, §6.4.3.3, §6.23)."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.api.test_entities import assert_problem
from tests.conftest import RunningBroker, new_tenant, tenant_client
from tests.query.cases import CASES, ENTITIES, Case, name_of

pytestmark = pytest.mark.http


@pytest.fixture(scope="module")
def cases(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    """A client of a tenant with the entities of all cases."""
    with tenant_client(running_broker, new_tenant()) as client:
        for payloads in ENTITIES.values():
            assert client.post("/entityOperations/create", json=payloads).status_code == 201
        yield client


def url_of(parameters: dict[str, Any]) -> str:
    texts = {name: value if isinstance(value, str) else ",".join(value) for name, value in parameters.items()}
    return "/entities?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in texts.items())


def ids(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entity["id"] for entity in answer.json()]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_query_finds_what_it_should(cases: httpx2.Client, case: Case) -> None:
    answer = cases.get(url_of({"type": f"Of{case.file}", "count": "true", **case.parameters}))
    assert (ids(answer), answer.headers["ngsild-results-count"]) == (case.ids, str(len(case.ids)))


@pytest.mark.parametrize("case", CASES[::7], ids=name_of)
def test_a_body_asks_as_parameters_do(cases: httpx2.Client, case: Case) -> None:
    body = {"type": "Query", "entities": [{"type": f"Of{case.file}"}], **case.parameters}
    assert ids(cases.post("/entityOperations/query", json=body)) == case.ids


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("idPattern=^urn:x:q:[12]$", "1 2"),
        ("idPattern=x:q:3", "3"),
        ("idPattern=.*:q:3.*", "3"),
        ("idPattern=^urn:x:q:4", "4"),
        ("id=urn:x:q:1,urn:x:q:2", "1 2"),
        ("id=urn:x:q:1&idPattern=nothing", "1"),
        ("attrs=owner,category", "4 5"),
        ("attrs=scope", ""),
    ],
)
def test_ids_patterns_and_attrs_choose(cases: httpx2.Client, query: str, found: str) -> None:
    assert ids(cases.get(f"/entities?type=Ofq&{query}")) == [f"urn:x:q:{key}" for key in found.split()]


def test_every_selector_of_a_body_adds_entities(cases: httpx2.Client) -> None:
    selectors = [
        {"type": "Ofq", "id": ["urn:x:q:1", "urn:x:q:2"]},
        {"type": "Ofscope", "idPattern": "^urn:x:scope:3$"},
        {"type": "Ofq", "id": "urn:x:q:4", "idPattern": "^urn:x:q:5$"},
    ]
    found = cases.post("/entityOperations/query", json={"type": "Query", "entities": selectors})
    assert ids(found) == ["urn:x:q:1", "urn:x:q:2", "urn:x:q:4", "urn:x:scope:3"]


def test_a_body_projects_and_pages(cases: httpx2.Client) -> None:
    body = {"type": "Query", "entities": [{"type": "Ofq"}], "pick": ["id", "brand"], "q": "brand"}
    answer = cases.post("/entityOperations/query?limit=1&count=true&format=simplified", json=body)
    assert answer.json() == [{"id": "urn:x:q:1", "brand": "Mercedes"}]
    assert answer.headers["ngsild-results-count"] == "2"
    assert answer.links["next"]["url"].startswith("/ngsi-ld/v1/entityOperations/query?count=true")


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        ([], 400, "BadRequestData"),
        ({}, 400, "BadRequestData"),
        ({"type": "Query"}, 400, "BadRequestData"),
        ({"type": "Subscription", "entities": [{"type": "A"}]}, 400, "BadRequestData"),
        ({"type": "Query", "entities": []}, 400, "BadRequestData"),
        ({"type": "Query", "entities": [{"id": "urn:x:1"}]}, 400, "BadRequestData"),
        ({"type": "Query", "entities": [{"type": "A", "id": "no uri"}]}, 400, "BadRequestData"),
        ({"type": "Query", "entities": [{"type": "A", "id": ["urn:x:1", 5]}]}, 400, "BadRequestData"),
        ({"type": "Query", "entities": [{"type": "A", "id": []}]}, 400, "BadRequestData"),
        ({"type": "Query", "entities": [{"type": "A", "foo": 1}]}, 400, "BadRequestData"),
        ({"type": "Query", "entities": [{"type": "A", "idPattern": "**"}]}, 400, "BadRequestData"),
        ({"type": "Query", "q": 5}, 400, "BadRequestData"),
        ({"type": "Query", "q": "a==("}, 400, "BadRequestData"),
        ({"type": "Query", "attrs": "a"}, 400, "BadRequestData"),
        ({"type": "Query", "attrs": []}, 400, "BadRequestData"),
        ({"type": "Query", "attrs": ["a", None]}, 400, "BadRequestData"),
        ({"type": "Query", "q": "a", "datasetId": ["x"]}, 400, "BadRequestData"),
        ({"type": "Query", "q": "a", "ordering": {}}, 400, "BadRequestData"),
        ({"type": "Query", "q": "a", "ordering": {"orderBy": ["a"], "collation": "!"}}, 400, "BadRequestData"),
        ({"type": "Query", "q": "a", "temporalQ": {}}, 400, "BadRequestData"),
        ({"type": "Query", "q": "a", "nonsense": 1}, 400, "BadRequestData"),
    ],
)
def test_a_malformed_body_is_refused(cases: httpx2.Client, body: Any, status: int, name: str) -> None:
    assert_problem(cases.post("/entityOperations/query", json=body), status, name)


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("q=modifiedAt>2020-01-01T00:00:00Z", 400, "BadRequestData"),
        ("attrs=createdAt", 400, "BadRequestData"),
        ("attrs=id,type", 400, "BadRequestData"),
        ("idPattern=.*", 400, "BadRequestData"),
        ("id=urn:x:1", 400, "BadRequestData"),
        ("scopeQ=/%23", 400, "BadRequestData"),
        ("type=*&local=false", 400, "BadRequestData"),
        ("type=A&orderBy=a&local=false", 400, "BadRequestData"),
        ("type=A&q=owner{name}==1", 400, "BadRequestData"),
        ("type=A&q=a==", 400, "BadRequestData"),
        ("type=A&csf=))bad((", 400, "BadRequestData"),
        ("type=A&idPattern=a**", 400, "BadRequestData"),
        ("type=A&orderBy=a&collation=!!", 400, "BadRequestData"),
        ("type=A&collation=!!", 400, "BadRequestData"),
        ("type=A&q=" + "a;" * 300 + "a", 403, "TooComplexQuery"),
    ],
)
def test_what_is_too_wide_or_malformed_is_refused(cases: httpx2.Client, query: str, status: int, name: str) -> None:
    assert_problem(cases.get(f"/entities?{query}"), status, name)


@pytest.mark.parametrize("query", ["q=speed", "attrs=speed", "local=true", "type=*", "type=Ofq&scopeQ=/%23"])
def test_one_narrowing_condition_is_enough(cases: httpx2.Client, query: str) -> None:
    assert cases.get(f"/entities?{query}").status_code == 200


# Order


ORDERED: list[tuple[str, dict[str, Any]]] = [
    ("n2", {"rank": 2, "name": "b"}),
    ("n10", {"rank": 10, "name": "á"}),
    ("text", {"rank": "10", "name": "A"}),
    ("object", {"rank": {"a": 1}, "address": {"city": "Zürich"}}),
    ("array", {"rank": [1], "address": {"city": "Aachen"}}),
    ("boolean", {"rank": True}),
    ("time", {"rank": {"@type": "Time", "@value": "10:00:00Z"}}),
    ("date", {"rank": {"@type": "Date", "@value": "2026-01-01"}}),
    ("instant", {"rank": {"@type": "DateTime", "@value": "2026-01-01T10:00:00Z"}}),
    ("none", {"name": "Zebra"}),
]


@pytest.fixture(scope="module")
def ordered(running_broker: RunningBroker) -> Iterator[httpx2.Client]:
    with tenant_client(running_broker, new_tenant()) as client:
        payloads = [{"id": f"urn:x:{key}", "type": "O", **content} for key, content in reversed(ORDERED)]
        assert client.post("/entityOperations/create", json=payloads).status_code == 201
        yield client


KINDS = [key for key, _ in ORDERED]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("orderBy=rank", KINDS),
        ("orderBy=rank;desc", KINDS[::-1]),
        ("orderBy=name&q=name", ["text", "n10", "n2", "none"]),
        ("orderBy=name;desc&q=name", ["none", "n2", "n10", "text"]),
        ("orderBy=name&q=name&collation=sv", ["text", "n10", "n2", "none"]),
        ("orderBy=address[city]&q=address", ["array", "object"]),
        ("orderBy=address[city];desc,id&q=address", ["object", "array"]),
        ("orderBy=id;asc&limit=2", ["array", "boolean"]),
        ("orderBy=id;asc&limit=2&offset=2", ["date", "instant"]),
        ("orderBy=type,id;desc&limit=2", ["time", "text"]),
        ("orderBy=createdAt,rank&limit=1", ["n2"]),
        ("orderBy=rank.modifiedAt,rank&limit=2", ["n2", "n10"]),
    ],
)
def test_entities_come_in_the_order_that_is_asked_for(ordered: httpx2.Client, query: str, found: list[str]) -> None:
    assert ids(ordered.get(f"/entities?type=O&{query}")) == [f"urn:x:{key}" for key in found]


def test_strings_are_ordered_by_the_collation(fresh: httpx2.Client) -> None:
    names = {"1": "Af", "2": "Ähre", "3": "Zebra", "4": "a10", "5": "a9"}
    payloads = [{"id": f"urn:x:{key}", "type": "O", "name": name} for key, name in names.items()]
    assert fresh.post("/entityOperations/create", json=payloads).status_code == 201

    def order(collation: str) -> str:
        body = {"type": "Query", "entities": [{"type": "O"}], "ordering": {"orderBy": ["name"], "collation": collation}}
        return "".join(each[-1] for each in ids(fresh.post("/entityOperations/query", json=body)))

    assert order("und") == "45123"
    assert order("de-u-co-phonebk") == "45213"
    assert order("sv") == "45132"
    assert order("und-u-kn-true") == "54123"


# Purge


def test_a_purge_deletes_what_its_query_matches(fresh: httpx2.Client) -> None:
    payloads = [
        {"id": f"urn:x:{i:04}", "type": "P", "level": i, "scope": f"/s{i % 2}", "tags": [i, i + 1]} for i in range(20)
    ]
    assert fresh.post("/entityOperations/create", json=payloads).status_code == 201
    assert fresh.delete("/entities?type=P&q=level<10&scopeQ=/s0").status_code == 204
    left = [entity["level"]["value"] for entity in fresh.get("/entities?type=P").json()]
    assert left == [1, 3, 5, 7, 9, *range(10, 20)]
    assert fresh.delete("/entities?type=P&q=tags!=11").status_code == 204
    assert [entity["level"]["value"] for entity in fresh.get("/entities?type=P").json()] == [10, 11]
    assert fresh.delete("/entities?type=P&idPattern=11$").status_code == 204
    assert ids(fresh.get("/entities?type=P")) == ["urn:x:0010"]
    assert_problem(fresh.delete("/entities?idPattern=.*"), 400, "BadRequestData")
