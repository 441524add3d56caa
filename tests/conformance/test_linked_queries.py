"""Row Q-16 of docs/conformance.md: paths through linked entities in `q` (GS CIM 009 §4.9)."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest

from tests.conformance.exchange import BAD_REQUEST_DATA, create, refusal

pytestmark = pytest.mark.http


@pytest.fixture(scope="module")
def mark(api: httpx2.Client) -> str:
    """What the types of this module begin with: lamps 1 to 3 on cabinets a and b, which lie in areas x and nowhere."""
    mark = f"T{uuid4().hex}"

    def make(kind: str, name: str, /, **attributes: Any) -> None:
        create(api, f"urn:ngsi-ld:{mark}:{name}", type=mark + kind, **attributes)

    def to(*names: str) -> Any:
        uris = [f"urn:ngsi-ld:{mark}:{name}" for name in names]
        return {"type": "Relationship", "object": uris[0] if len(uris) == 1 else uris}

    make("Area", "x", name="Hof")
    make("Cabinet", "a", state="ok", power=10, inArea=to("x"))
    make("Box", "b", state="broken", power=30, inArea=to("nowhere"))
    make("Lamp", "1", cabinet=to("a"))
    make("Lamp", "2", cabinet=to("b"), head={"type": "Property", "value": 1, "fedBy": to("a")})
    make("Lamp", "3", cabinet=to("a", "b"))
    make("Lamp", "4", cabinet={"type": "Property", "value": f"urn:ngsi-ld:{mark}:a"})
    return mark


QUERIES: list[tuple[str, str]] = [
    ('cabinet{state}=="ok"', "1 3"),
    ('cabinet{state}!="ok"', "2 3"),
    ("cabinet{power}>=30", "2 3"),
    ("cabinet{power}==5..15", "1 3"),
    ("cabinet{state}~=^bro", "2 3"),
    ("cabinet{state}", "1 2 3"),
    ("cabinet{colour}", ""),
    ("cabinet{{m}Cabinet:state}", "1 3"),
    ("cabinet{{m}Cabinet,{m}Box:state}", "1 2 3"),
    ('cabinet{{m}Box:state}=="ok"', ""),
    ('cabinet{inArea{name}}=="Hof"', "1 3"),
    ("cabinet{inArea}", "1 2 3"),
    ('head.fedBy{state}=="ok"', "2"),
    ('cabinet{state}=="ok";cabinet{state}=="broken"', "3"),
    ('(cabinet{power}<20|head.fedBy{state});cabinet{inArea{{m}Area:name}}~="o"', "1 3"),
]


@pytest.mark.parametrize("join", ["inline", "flat"])
@pytest.mark.parametrize(("q", "expected"), QUERIES)
def test_conditions_reach_into_linked_entities(api: httpx2.Client, mark: str, q: str, expected: str, join: str) -> None:
    """Q-16, §4.9: one linked entity that meets the condition is enough; a type hint leaves others aside."""
    asked = {"type": f"{mark}Lamp", "q": q.replace("{m}", mark), "join": join, "joinLevel": "2", "count": "true"}
    answer = api.get("/entities", params=asked)
    assert answer.status_code == 200, answer.text
    found = [each["id"] for each in answer.json() if each["type"] == f"{mark}Lamp"]
    assert found == [f"urn:ngsi-ld:{mark}:{name}" for name in expected.split()]
    assert answer.headers["ngsild-results-count"] == str(len(found))


def test_a_body_reaches_as_far(api: httpx2.Client, mark: str) -> None:
    """Q-16, §5.2.23."""
    body = {"type": "Query", "entities": [{"type": f"{mark}Lamp"}], "q": "cabinet{power}>20", "join": "inline"}
    answer = api.post("/entityOperations/query", json=body)
    assert [each["id"][-1] for each in answer.json()] == ["2", "3"]


@pytest.mark.parametrize(
    ("query", "q"),
    [
        ("", "cabinet{state}"),
        ("join=@none", "cabinet{state}"),
        ("join=inline", "cabinet{inArea{name}}"),
        ("join=flat&joinLevel=2", "a{b{c{d}}}"),
    ],
)
def test_a_path_is_no_deeper_than_the_join(api: httpx2.Client, mark: str, query: str, q: str) -> None:
    """Q-16, §4.9, §5.7.2: BadRequestData."""
    assert refusal(api.get(f"/entities?type={mark}Lamp&{query}&q={quote(q)}")) == BAD_REQUEST_DATA


def test_a_purge_follows_no_links(api: httpx2.Client, mark: str) -> None:
    """Q-16, EN-12, §5.6.21."""
    assert refusal(api.delete(f"/entities?type={mark}Lamp&q={quote('cabinet{state}')}")) == BAD_REQUEST_DATA
