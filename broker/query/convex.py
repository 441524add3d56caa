"""Points and a convex polygon on the sphere: arithmetic decides on those that are not at its very edge.

A map's rectangle is asked about thousands of points. S2 builds an object of each and looks for it in an index: some
five times as long as a product of two matrices takes. Where that is not sure, S2 decides: see `geo_predicate`.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from broker.query.sphere import Geometry, places

Sides: TypeAlias = npt.NDArray[np.int8]
_Vectors: TypeAlias = npt.NDArray[np.float64]
"""Rows of three: points on the unit sphere, or the normals of planes through its centre."""

INSIDE: Final = 1
UNSURE: Final = 0
OUTSIDE: Final = -1
MARGIN: Final = 1e-8
"""Radians, 6 cm: nearer to an edge than this, S2 decides. Rounding is a thousandth of it."""
_SHORTEST: Final = 1e-6
"""Radians: the plane of a shorter edge is not known well enough."""
_MOST: Final = 32
"""Edges of a polygon that is looked at at all."""


class Convex:
    """A convex polygon, as the half-spaces whose intersection with the sphere it is."""

    def __init__(self, inward: _Vectors) -> None:
        """`inward`: for each edge the unit normal of its plane, on the side of the polygon."""
        self._inward = inward.T.copy()

    def sides(self, positions: Sequence[Any]) -> Sides:
        """INSIDE, OUTSIDE or UNSURE for each position."""
        nearest = (_vectors(positions) @ self._inward).min(axis=1)
        return np.where(nearest > MARGIN, INSIDE, np.where(nearest < -MARGIN, OUTSIDE, UNSURE)).astype(np.int8)


def convex(geometry: Geometry) -> Convex | None:
    """The geometry, if it is a convex polygon without holes and with few edges; None for any other."""
    if geometry["type"] != "Polygon" or len(geometry["coordinates"]) != 1:
        return None
    ring = geometry["coordinates"][0][:-1]
    if not 3 <= len(ring) <= _MOST:
        return None
    corners = _vectors(ring)
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    lengths = np.linalg.norm(normals, axis=1)
    if lengths.min() < _SHORTEST:
        return None
    normals /= lengths[:, None]
    of_others = ~(np.eye(len(ring), dtype=bool) | np.roll(np.eye(len(ring), dtype=bool), 1, axis=0))
    sides = (corners @ normals.T)[of_others]
    if (sides > MARGIN).all():
        return Convex(normals)
    return Convex(-normals) if (sides < -MARGIN).all() else None


def _vectors(positions: Sequence[Any]) -> _Vectors:
    longitudes, latitudes = np.radians(places(positions)).T
    along = np.cos(latitudes)
    return np.column_stack((along * np.cos(longitudes), along * np.sin(longitudes), np.sin(latitudes)))
