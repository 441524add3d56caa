"""The sample entities: what the comparison with other brokers rests on."""

import orjson

from benchmarks import sample


def test_entities_are_about_one_kilobyte() -> None:
    sizes = [len(orjson.dumps(sample.entity(number))) for number in range(300)]
    assert 900 <= sum(sizes) / len(sizes) <= 1100


def test_entities_have_eight_to_ten_attributes_with_a_relationship_and_a_point() -> None:
    for number in range(30):
        entity = sample.entity(number)
        attributes = [attribute for name, attribute in entity.items() if name not in ("id", "type")]
        assert 8 <= len(attributes) <= 10
        kinds = [attribute["type"] for attribute in attributes]
        assert kinds.count("Relationship") == kinds.count("GeoProperty") == 1


def test_the_same_number_and_version_is_the_same_entity() -> None:
    assert sample.entity(7, 2) == sample.entity(7, 2)


def test_versions_differ_in_what_is_measured_and_in_nothing_else() -> None:
    one, other = sample.entity(7, 1), sample.entity(7, 2)
    assert one["temperature"] != other["temperature"]
    for name in ("id", "type", "name", "location", "refDevice", "address"):
        assert one[name] == other[name]


def test_listed_entities_have_five_attributes() -> None:
    assert len(sample.listed(3)) == 2 + 5
