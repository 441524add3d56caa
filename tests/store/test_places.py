"""Geometries in mongod's index: what is refused there, and that what is asked is found, as the predicate says."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import cos, pi, radians, sin
from operator import attrgetter
from typing import Any, Final

import pytest

from broker.model.entity import Entity
from broker.query import sphere
from broker.query.ast import Coordinates, GeoCondition, HasType, Relation
from broker.query.geo_filter import ANYWHERE, region_filter
from broker.query.geo_predicate import located, placed
from broker.query.plan import Query, Selector
from broker.store.client import Client
from broker.store.places import Indexing, place_fields
from broker.store.store import Store
from tests.store.operations import create

NAME = "https://uri.etsi.org/ngsi-ld/location"
T = "https://example.org/T"
id_of = attrgetter("id")
METRE = 1 / 111_319  # degrees of latitude


def located_entity(number: int, geometry: dict[str, Any], type_name: str = T) -> Entity:
    attributes = {NAME: [{"type": "GeoProperty", "value": geometry}]}
    return Entity(f"urn:x:{number}", (type_name,), attributes, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")


def polygon(*ring: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(position) for position in (*ring, ring[0])]]}


SQUARE = polygon((0, 0), (2, 0), (2, 2), (0, 2))["coordinates"][0]
REFUSED = {
    "a ring that crosses itself": polygon((0, 0), (2, 2), (2, 0), (0, 2)),
    "a ring that crosses itself on the antimeridian": polygon((179, 0), (-179, 2), (-179, 0), (179, 2)),
    "a spike": polygon((0, 0), (2, 0), (2, 2), (3, 3), (2, 2), (0, 2)),
    "a ring gone round twice": polygon((0, 0), (2, 0), (2, 2), (0, 0), (2, 0), (2, 2)),
    "a ring without an area": polygon((0, 0), (1, 1), (0, 0)),
    "a ring of one position": polygon((1, 1), (1, 1), (1, 1)),
    "a hole outside": {"type": "Polygon", "coordinates": [SQUARE, [[5, 5], [6, 5], [6, 6], [5, 5]]]},
    "a hole as large as its polygon": {"type": "Polygon", "coordinates": [SQUARE, SQUARE]},
    "a line of one position": {"type": "LineString", "coordinates": [[1, 1], [1, 1]]},
    "lines, one of one position": {"type": "MultiLineString", "coordinates": [[[1, 1], [1, 1]], [[1, 1], [2, 2]]]},
}


@pytest.mark.parametrize("geometry", REFUSED.values(), ids=REFUSED)
async def test_what_mongod_refuses_is_stored_as_sent_and_found(
    store: Store, client: Client, prefix: str, geometry: dict[str, Any]
) -> None:
    crossed, neighbour = located_entity(1, geometry), located_entity(2, {"type": "Point", "coordinates": [50, 50]})
    assert await store.commit("", [create(crossed), create(neighbour)]) == ["created"] * 2
    assert await store.entity("", crossed.id) == crossed
    stored = await client[prefix]["entities"].find_one({"_id": crossed.id}, {"g": 1})
    assert stored is not None
    where = next(sphere.positions(geometry))
    condition = GeoCondition(Relation.NEARER, "Point", where, NAME, 300_000)
    assert await asked(client, prefix, condition) == {crossed.id}
    assert located(condition)(crossed)


async def test_what_mongod_refuses_is_indexed_by_its_repaired_copy(store: Store, client: Client, prefix: str) -> None:
    crossed = located_entity(1, REFUSED["a ring that crosses itself"])
    await store.commit("", [create(crossed)])
    assert not await asked(client, prefix, GeoCondition(Relation.INTERSECTS, "Point", (50.0, 50.0), NAME))


async def test_what_crosses_itself_too_often_is_found_by_any_query(store: Store, client: Client, prefix: str) -> None:
    tangled = located_entity(1, polygon(*[(generator.uniform(0, 1), generator.uniform(0, 1)) for _ in range(200)]))
    await store.commit("", [create(tangled)])
    stored = await client[prefix]["entities"].find_one({"_id": tangled.id}, {"g": 1})
    assert stored is not None
    assert stored["g"][0]["k"] == [ANYWHERE]
    anywhere = [(0.0, 0.0), (180.0, 0.0), (-90.0, 0.0), (0.0, 90.0), (30.0, -90.0), (13.4, 52.5), (-180.0, -45.0)]
    for position in anywhere:
        assert await asked(client, prefix, GeoCondition(Relation.INTERSECTS, "Point", position, NAME)) == {tangled.id}


@pytest.mark.parametrize(("entities", "runs"), [(20, 1), (100, 3)], ids=["2 MB", "10 MB"])
async def test_what_a_map_shows_is_fetched_once_unless_it_is_too_large(
    store: Store, client: Client, prefix: str, entities: int, runs: int
) -> None:
    made = [located_entity(number, {"type": "Point", "coordinates": [8, 47]}) for number in range(entities)]
    for each in made:
        each.attributes["https://example.org/text"] = [{"type": "Property", "value": "x" * 100_000}]
    await store.commit("", [create(each) for each in made])
    nearby = GeoCondition(Relation.NEARER, "Point", (8.0, 47.0), NAME, 10)
    query = Query(selectors=(Selector(types=HasType(T)),), geo=nearby, limit=1000)
    await client[prefix].command("profile", 2)
    found = await store.find("", query)
    await client[prefix].command("profile", 0)
    assert found.ids == sorted(each.id for each in made)
    read = {"ns": f"{prefix}.entities", "op": {"$in": ["query", "getmore"]}, "command.find": {"$exists": True}}
    assert await client[prefix]["system.profile"].count_documents(read) == runs


async def asked(client: Client, prefix: str, condition: GeoCondition, types: tuple[str, ...] = ()) -> set[str]:
    """The ids that mongod finds by the filter; the geometries' index answers."""
    mongo = region_filter(condition, types)
    assert mongo is not None
    cursor = client[prefix]["entities"].find(mongo, {"_id": 1}, hint="geometry")
    return {found["_id"] for found in await cursor.to_list()}


# mongod and the predicate, over the same generated geometries.

generator = random.Random(20260101)
CENTRES = [(13.4, 52.5), (179.9995, -16.5), (-30.0, 89.999), (100.0, -89.9995), (0.0, 0.0), (-73.9, 40.7)]
SIZES = [0.0002, 0.02, 3.0, 25.0]


def wrapped(longitude: float, latitude: float) -> tuple[float, float]:
    """A position that may be meant beyond a pole or the antimeridian."""
    if abs(latitude) > 90:
        longitude, latitude = longitude + 180, (180 if latitude > 0 else -180) - latitude
    return ((longitude + 180) % 360) - 180, latitude


def near_to(centre: tuple[float, float], size: float) -> tuple[float, float]:
    stretch = 1 / max(cos(radians(centre[1])), 0.02)
    longitude = centre[0] + generator.uniform(-size, size) * stretch
    return wrapped(longitude, centre[1] + generator.uniform(-size, size))


def star(centre: tuple[float, float], size: float, corners: int = 7) -> list[tuple[float, float]]:
    """A ring around a centre, no longer valid where the sphere is bent too much: then it is repaired."""
    stretch = 1 / max(cos(radians(centre[1])), 0.02)
    ring = []
    for number in range(corners):
        turn, radius = 2 * pi * number / corners, size * generator.uniform(0.4, 1)
        ring.append(wrapped(centre[0] + radius * cos(turn) * stretch, centre[1] + radius * sin(turn)))
    return [*ring, ring[0]]


def generated() -> Iterator[tuple[str, Any]]:
    """Kinds and coordinates."""
    for centre, size in product(CENTRES, SIZES):
        yield "Point", near_to(centre, size)
        yield "MultiPoint", [near_to(centre, size) for _ in range(3)]
        yield "LineString", [near_to(centre, size) for _ in range(4)]
        yield "Polygon", [star(centre, size)]
        yield "Polygon", [star(near_to(centre, size), size / 2)]
        yield "MultiPolygon", [[star(near_to(centre, size), size / 3)] for _ in range(2)]


def frozen(coordinates: Any) -> Coordinates:
    if isinstance(coordinates[0], int | float):
        return float(coordinates[0]), float(coordinates[1])
    return tuple(frozen(inner) for inner in coordinates)


def beside(ring: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Positions about a metre to either side of the corners of a ring."""
    for longitude, latitude in ring[:-1]:
        for north, east in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            stretch = 1 / max(cos(radians(latitude)), 1e-4)
            yield wrapped(longitude + east * METRE * stretch, latitude + north * METRE)


@pytest.fixture(scope="module")
def geometries() -> list[dict[str, Any]]:
    found = [{"type": kind, "coordinates": coordinates} for kind, coordinates in generated()]
    rings = [each["coordinates"][0] for each in found if each["type"] == "Polygon"]
    found += [{"type": "Point", "coordinates": position} for ring in rings[::6] for position in beside(ring)]
    return found


TOUCHING = [
    polygon((0, 0), (2, 0), (2, 2), (0, 2)),
    polygon((2, 2), (4, 2), (4, 4), (2, 4)),
    polygon((-2, -2), (0, -2), (0, 0), (-2, 0)),
    polygon((0, 89), (0, 90), (90, 89)),
    polygon((180, 89), (0, 90), (-90, 89)),
    polygon((178, -1), (180, -1), (180, 1), (178, 1)),
    polygon((-180, -1), (-178, -1), (-178, 1), (-180, 1)),
    {"type": "LineString", "coordinates": [[2, 2], [90, 2], [90, 90], [-90, 3]]},
    {"type": "LineString", "coordinates": [[-180, 1], [-180, 90], [7, 1], [7, -90]]},
    *({"type": "Point", "coordinates": list(position)} for position in [(0, 0), (2, 2), (2, 1), (90, 5), (180, 0)]),
    *({"type": "Point", "coordinates": list(position)} for position in [(-180, 0), (4, 90), (5, 90), (6, -90)]),
]
"""On borders and corners of each other, and on those of S2's cells."""


async def test_mongod_finds_what_the_predicate_accepts(
    client: Client, store: Store, prefix: str, geometries: list[dict[str, Any]]
) -> None:
    entities = [located_entity(number, geometry) for number, geometry in enumerate([*geometries, *TOUCHING])]
    await store.commit("", [create(entity) for entity in entities])
    accepted = 0
    for kind, coordinates in [*generated(), *((each["type"], each["coordinates"]) for each in TOUCHING)]:
        for relation in Relation:
            condition = GeoCondition(relation, kind, frozen(coordinates), NAME, 10 ** generator.uniform(0, 6))
            if region_filter(condition) is None:
                continue
            right = set(map(id_of, filter(located(condition), entities)))
            assert not right - await asked(client, prefix, condition, (T,)), condition
            accepted += len(right)
    assert accepted > 3000


LEAF: Final = 0.02
"""Metres: mongod compares positions by S2's smallest cells, of about a centimetre."""


async def test_mongod_and_the_predicate_have_one_geometry(
    client: Client, store: Store, prefix: str, geometries: list[dict[str, Any]]
) -> None:
    """What S2 takes as it stands intersects to mongod, on its own account, what it intersects to the predicate."""
    whole = [geometry for geometry in geometries if sphere.sound(geometry) == sphere.plain(geometry)]
    entities = {f"urn:x:{number}": located_entity(number, geometry) for number, geometry in enumerate(whole)}
    await store.commit("", [create(entity) for entity in entities.values()])
    collection = client[prefix]["entities"]
    agreed = 0
    for reference in whole[: len(whole) // 2]:
        place = {"k": NAME, "v": {"$geoIntersects": {"$geometry": reference}}}
        theirs = {found["_id"] async for found in collection.find({"g": {"$elemMatch": place}}, {"_id": 1})}
        meets = located(GeoCondition(Relation.INTERSECTS, reference["type"], frozen(reference["coordinates"]), NAME))
        ours = {entity.id for entity in entities.values() if meets(entity)}
        for differing in ours ^ theirs:
            geography = sphere.geography(entities[differing].attributes[NAME][0]["value"])
            assert differing in theirs
            assert sphere.distance(sphere.geography(reference), geography) < LEAF
        agreed += len(ours & theirs)
    assert agreed > 500


@pytest.mark.parametrize("indexing", Indexing)
def test_an_entity_without_geometries_has_no_places(indexing: Indexing) -> None:
    assert (
        place_fields(located_entity(1, {"type": "Point", "coordinates": [0, 0]})._replace(attributes={}), indexing)
        == {}
    )


@pytest.mark.parametrize("indexing", Indexing)
def test_the_index_decides_as_the_entity_does(geometries: list[dict[str, Any]], indexing: Indexing) -> None:
    entities = [located_entity(number, geometry) for number, geometry in enumerate([*geometries, *REFUSED.values()])]
    indexed = [place_fields(entity, indexing)["g"] for entity in entities]
    for kind, coordinates in list(generated())[::5]:
        for relation in Relation:
            condition = GeoCondition(relation, kind, frozen(coordinates), NAME, 10 ** generator.uniform(0, 6))
            for entity, places in zip(entities, indexed, strict=True):
                assert placed(condition)([places, places])[1] in (located(condition)(entity), None)


@pytest.mark.parametrize("size", [0.01, 1.0])
async def test_pages_of_a_place_have_all_that_is_there_in_order(store: Store, size: float) -> None:
    """Of a small place, which the index of geometries answers, and of a large one."""
    positions = [(number % 40 / 40, number // 40 / 40) for number in range(1600)]
    entities = [
        located_entity(number, {"type": "Point", "coordinates": list(each)}) for number, each in enumerate(positions)
    ]
    await store.commit("", [create(entity) for entity in entities])
    ring = polygon((-0.01, -0.01), (size, -0.01), (size, size), (-0.01, size))
    condition = GeoCondition(Relation.WITHIN, "Polygon", frozen(ring["coordinates"]), NAME)
    expected = sorted(map(id_of, filter(located(condition), entities)))
    query = Query(selectors=(Selector(HasType(T)),), geo=condition, limit=30)
    found: list[str] = []
    while page := (await store.find("", replace(query, after=found[-1] if found else ""))).ids:
        found += page
    assert found == expected
    last = await store.find("", replace(query, before="urn:x:5"))
    assert last.ids == [each for each in expected if each < "urn:x:5"][-30:]
    assert await store.count("", query) == len(expected)
