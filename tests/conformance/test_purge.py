"""Rows EN-12 and EN-13 of docs/conformance.md: Purge Entities (GS CIM 009 §5.6.21, §6.4.3.3)."""

from uuid import uuid4

import httpx2
import pytest

from tests.conformance.exchange import BAD_REQUEST_DATA, POINT, Json, create, done, refusal

pytestmark = pytest.mark.http


@pytest.fixture
def kind(api: httpx2.Client) -> str:
    """A type of which there are three entities, and one of them is of another type, too."""
    name = f"T{uuid4().hex}"
    for i in range(3):
        types = [name, f"{name}B"] if i == 0 else name
        create(api, f"urn:ngsi-ld:{name}:{i}", type=types, a=i, b=i, location=POINT, scope="/A")
    return name


def left(api: httpx2.Client, kind: str) -> Json:
    """What there is of a type: simplified, by the last part of the id."""
    found = api.get(f"/entities?type={kind}&format=simplified").json()
    return {each.pop("id")[-1]: each for each in found}


def test_a_purge_deletes_what_matches(api: httpx2.Client, kind: str) -> None:
    """EN-12, §5.6.21: by type selection and ids; 204."""
    create(api, f"urn:ngsi-ld:{kind}:9", type=f"{kind}C")
    done(api.delete(f"/entities?type={kind}B"))
    assert set(left(api, kind)) == {"1", "2"}
    done(api.delete(f"/entities?type={kind}&id=urn:ngsi-ld:{kind}:1,urn:ngsi-ld:{kind}:9"))
    assert set(left(api, kind)) == {"2"}
    done(api.delete(f"/entities?type={kind}"))
    assert left(api, kind) == {}
    assert set(left(api, f"{kind}C")) == {"9"}


def test_a_purge_of_nothing_is_done(api: httpx2.Client, kind: str) -> None:
    """EN-12, §5.6.21."""
    done(api.delete(f"/entities?type={kind}X"))
    assert set(left(api, kind)) == {"0", "1", "2"}


@pytest.mark.parametrize("query", ["", "keep=a", "drop=a", "local=false"])
def test_a_purge_of_everything_is_too_wide(api: httpx2.Client, kind: str, query: str) -> None:
    """EN-12, §5.6.21: it needs a type, or local=true."""
    assert refusal(api.delete(f"/entities?{query}")) == BAD_REQUEST_DATA
    assert set(left(api, kind)) == {"0", "1", "2"}


def test_a_purge_may_keep_attributes(api: httpx2.Client, kind: str) -> None:
    """EN-13, §5.6.21: all others are deleted, the entities stay."""
    done(api.delete(f"/entities?type={kind}B&keep=a,location"))
    found = left(api, kind)
    assert found["0"].keys() == {"type", "a", "location"}
    assert found["1"].keys() == {"type", "a", "b", "location", "scope"}


def test_a_purge_may_drop_attributes(api: httpx2.Client, kind: str) -> None:
    """EN-13, §5.6.21: these are deleted, the entities stay."""
    done(api.delete(f"/entities?type={kind}&drop=a,scope"))
    assert [each.keys() for each in left(api, kind).values()] == [{"type", "b", "location"}] * 3


@pytest.mark.parametrize("query", ["keep=a&drop=b", "keep=a%7Bb%7D", "drop=a%7Bb%7D", "keep=1a", "drop="])
def test_a_projection_that_cannot_be(api: httpx2.Client, kind: str, query: str) -> None:
    """EN-13, §5.6.21: one of both; no paths into linked entities; names."""
    assert api.delete(f"/entities?type={kind}&{query}").status_code == 400
    assert [each.keys() for each in left(api, kind).values()] == [{"type", "a", "b", "location", "scope"}] * 3
