"""Rows QY of docs/conformance.md, those that are built: GS CIM 009 §4.17, §4.21, §5.7.2, §6.4.3.2."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest

from tests.conformance.exchange import BAD_REQUEST_DATA, NOT_FOUND, Json, create, entity, refusal

pytestmark = pytest.mark.http

VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"
GPS = "urn:ngsi-ld:Dataset:gps"


@pytest.fixture(scope="module")
def mark(api: httpx2.Client) -> str:
    """What the types of this module's entities begin with: entities of A, B, C, A and B, A and C."""
    mark = f"T{uuid4().hex}"
    for types in ("A", "B", "C", "AB", "AC"):
        create(api, f"urn:ngsi-ld:{mark}:{types}", type=[mark + each for each in types])
    return mark


def found(api: httpx2.Client, query: str) -> set[str]:
    answer = api.get(f"/entities?{query}")
    assert answer.status_code == 200, answer.text
    return {each["id"].rpartition(":")[2] for each in answer.json()}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("{m}A", {"A", "AB", "AC"}),
        ("{m}A,{m}B", {"A", "B", "AB", "AC"}),
        ("{v}{m}A", {"A", "AB", "AC"}),
        ("{m}B,{v}{m}C", {"B", "C", "AB", "AC"}),
        ("{m}X", set()),
    ],
)
def test_a_list_of_types_is_any_of_them(api: httpx2.Client, mark: str, selection: str, expected: set[str]) -> None:
    """QY-02, §4.17: short names and IRIs."""
    assert found(api, f"type={quote(selection.format(m=mark, v=VOCABULARY))}") == expected


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("{m}A|{m}B", {"A", "B", "AB", "AC"}),
        ("({m}A;{m}B)", {"AB"}),
        ("({m}A;{m}B),{m}C", {"AB", "C", "AC"}),
        ("({m}A;{m}B),({m}A;{m}C)", {"AB", "AC"}),
        ("({m}A;{m}X)", set()),
    ],
)
def test_types_are_selected_by_and_and_or(api: httpx2.Client, mark: str, selection: str, expected: set[str]) -> None:
    """QY-03, §4.17."""
    assert found(api, f"type={quote(selection.format(m=mark))}") == expected


def test_ids_narrow_a_query(api: httpx2.Client, mark: str) -> None:
    """QY-01, §5.7.2: a list of URIs."""
    ids = ",".join(f"urn:ngsi-ld:{mark}:{each}" for each in ("A", "B", "X"))
    assert found(api, f"type={mark}A,{mark}B&id={ids}") == {"A", "B"}
    assert refusal(api.get(f"/entities?type={mark}A&id=nouri")) == BAD_REQUEST_DATA


PROJECTIONS: list[tuple[str, set[str]]] = [
    ("pick=a", {"a"}),
    ("pick=id,type,a", {"id", "type", "a"}),
    ("pick=type|scope", {"type", "scope"}),
    (f"pick={quote(VOCABULARY)}a", {"a"}),
    ("omit=a", {"id", "type", "scope", "b"}),
    ("omit=id,scope,b", {"type", "a"}),
]


@pytest.mark.parametrize(("query", "members"), PROJECTIONS)
def test_members_are_picked_and_omitted(api: httpx2.Client, new_id: str, query: str, members: set[str]) -> None:
    """QY-07, §4.21, §5.7.1, §5.7.2: attributes, id, type, scope."""
    create(api, new_id, a=1, b=2, scope="/A")
    assert entity(api, new_id, query).keys() == members
    (listed,) = api.get(f"/entities?type=Vehicle&id={new_id}&{query}").json()
    assert listed.keys() == members


def test_an_entity_without_any_picked_member_is_left_out(api: httpx2.Client, new_id: str) -> None:
    """QY-07, §4.21, suite 019_17_01: a page leaves it out; by id it is not found."""
    create(api, new_id, a=1)
    assert api.get(f"/entities?type=Vehicle&id={new_id}&pick=none").json() == []
    assert refusal(api.get(f"/entities/{new_id}?pick=none")) == NOT_FOUND


def test_attrs_reduce_an_entity_or_hide_it(api: httpx2.Client, new_id: str) -> None:
    """QY-06, §5.7.1, §6.5.3.1: only these attributes; 404 if the entity has none of them."""
    create(api, new_id, a=1, b=2)
    assert entity(api, new_id, "attrs=a,none&format=simplified") == {"id": new_id, "type": "Vehicle", "a": 1}
    assert refusal(api.get(f"/entities/{new_id}?attrs=none")) == NOT_FOUND


@pytest.mark.parametrize(
    ("datasets", "expected"),
    [("@none", {"a": 1, "b": 3}), (GPS, {"a": {"dataset": {GPS: 2}}}), (f"@none,{GPS}", None), ("urn:x:none", {})],
)
def test_instances_are_chosen_by_dataset(api: httpx2.Client, new_id: str, datasets: str, expected: Any) -> None:
    """QY-09, §4.5.5: attributes of which nothing is left are left out."""
    whole: Json = {"a": {"dataset": {"@none": 1, GPS: 2}}, "b": 3}
    create(api, new_id, a=[{"value": 1}, {"value": 2, "datasetId": GPS}], b=3)
    shown = entity(api, new_id, f"format=simplified&datasetId={datasets}")
    assert shown == {"id": new_id, "type": "Vehicle"} | (whole if expected is None else expected)
    (listed,) = api.get(f"/entities?type=Vehicle&id={new_id}&format=simplified&datasetId={datasets}").json()
    assert listed == shown
