"""The city that the stories are told on is the one that was generated."""

from collections import Counter

import pytest

from tests.stories.conftest import ENTITIES, SampleCity

pytestmark = pytest.mark.http


def test_the_broker_holds_the_city(city: SampleCity) -> None:
    assert len(city.entities) == ENTITIES
    counted = {fleet["id"]: fleet for fleet in city.ask("lamp", "/types", details="true").json()}
    assert len(counted) == len({(fleet.type, fleet.context) for fleet in city.fleets.values()})
    for code, fleet in city.fleets.items():
        of_type = Counter(entity["type"] for entity in city.entities.values())[fleet.type]
        answer = city.ask(code, "/entities", type=fleet.type, limit="0", count="true")
        assert int(answer.headers["NGSILD-Results-Count"]) == of_type, code
