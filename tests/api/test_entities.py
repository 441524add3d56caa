"""The slice of the entity API over HTTP, as GS CIM 009 §6.4–§6.6 say."""

import httpx2
import pytest

pytestmark = pytest.mark.http


def test_an_entity_that_was_created_is_retrieved(api: httpx2.Client, new_id: str) -> None:
    answer = api.post("/entities", json={"id": new_id, "type": "Vehicle", "speed": {"type": "Property", "value": 5}})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/ngsi-ld/v1/entities/{new_id}"
    found = api.get(f"/entities/{new_id}")
    assert found.json() == {"id": new_id, "type": "Vehicle", "speed": {"type": "Property", "value": 5}}
