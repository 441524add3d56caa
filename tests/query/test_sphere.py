"""The repair of what S2 does not take as it stands."""

import random
from time import perf_counter
from typing import Any

import pytest
import spherely

from broker.query import sphere


def polygon(*ring: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(position) for position in (*ring, ring[0])]]}


def area(geometry: dict[str, Any]) -> float:
    """Square degrees near the equator, about."""
    return float(spherely.area(sphere.geography(geometry), radius=180 / 3.141592653589793))


SQUARE = polygon((0, 0), (2, 0), (2, 2), (0, 2))["coordinates"]


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (polygon((0, 0), (2, 2), (2, 0), (0, 2)), 2),
        (polygon((179, 0), (-179, 2), (-179, 0), (179, 2)), 2),
        (polygon((0, 0), (2, 0), (2, 2), (3, 3), (2, 2), (0, 2)), 4),
        ({"type": "MultiPolygon", "coordinates": [SQUARE, polygon((1, 1), (3, 1), (3, 3), (1, 3))["coordinates"]]}, 7),
        ({"type": "Polygon", "coordinates": [SQUARE[0], [[5, 5], [7, 5], [7, 7], [5, 7], [5, 5]]]}, 8),
    ],
    ids=["bow tie", "bow tie on the antimeridian", "spike", "parts that overlap", "hole outside"],
)
def test_the_area_remains(geometry: dict[str, Any], expected: float) -> None:
    assert area(geometry) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    ("geometry", "kind"),
    [
        (polygon((0, 0), (1, 1), (0, 0)), "LineString"),
        (polygon((1, 1), (1, 1), (1, 1)), "Point"),
        ({"type": "LineString", "coordinates": [[1, 1], [1, 1]]}, "Point"),
    ],
)
def test_what_has_no_area_is_a_line_or_a_point(geometry: dict[str, Any], kind: str) -> None:
    mended = sphere.sound(geometry)
    assert mended is not None
    assert mended["type"] == kind


def test_what_is_sound_stays_as_it_is() -> None:
    for geometry in (polygon((0, 0), (2, 0), (2, 2)), {"type": "Point", "coordinates": [1.5, 2.5]}):
        assert sphere.sound(geometry) == geometry


def test_a_repair_takes_bounded_time() -> None:
    generator = random.Random(7)
    tangled = polygon(*[(generator.random(), generator.random()) for _ in range(3000)])
    started = perf_counter()
    hull = sphere.geography(tangled)
    assert perf_counter() - started < 5
    assert spherely.intersects(hull, spherely.create_point(0.5, 0.5))
    assert sphere.sound(tangled) is None
