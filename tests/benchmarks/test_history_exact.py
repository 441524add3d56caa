"""What the check of a living city's history counts."""

from typing import Any

import pytest

from benchmarks.history_exact import instances

PROPERTY = {"type": "Property", "value": 1}


@pytest.mark.parametrize(
    ("members", "count"),
    [
        ({}, 0),
        ({"scope": "/a", "@context": "https://example.org", "expiresAt": "2026-01-01T00:00:00Z"}, 0),
        ({"a": PROPERTY, "b": 1}, 2),
        ({"a": [PROPERTY, {**PROPERTY, "datasetId": "urn:x:1"}]}, 2),
        ({"a": [1, 2, 3]}, 1),
        ({"a": {**PROPERTY, "accuracy": PROPERTY}}, 1),
    ],
)
def test_a_report_has_as_many_instances_as_it_writes(members: dict[str, Any], count: int) -> None:
    assert instances({"id": "urn:x:1", "type": "T", **members}) == count
