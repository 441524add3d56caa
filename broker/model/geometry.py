"""GeoJSON geometries (RFC 7946) as values of GeoProperties (GS CIM 009 §4.7).

Accepted: the six kinds with positions inside ±180° and ±90°, rings closed. GeometryCollection is refused; a ring that
crosses itself is accepted: the standard says nothing against it. A geometry may come as a JSON string.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

import orjson

from broker.errors import BadRequestData
from broker.model.grammar import shown
from broker.model.kinds import GEOMETRIES

MAX_POSITIONS: Final = 50_000
"""Most positions of one geometry."""


def is_geometry(value: Any) -> bool:
    """Whether a value means to be a geometry; `check_geometry` says whether it is a good one."""
    return isinstance(value, dict) and "coordinates" in value and _kind(value) in GEOMETRIES


def check_geometry(value: Any, where: str) -> dict[str, Any]:
    """The geometry, as an object with `type`; BadRequestData if it is none. `where` names it in the message."""
    if isinstance(value, str):
        value = _from_text(value, where)
    if not isinstance(value, dict):
        raise BadRequestData(f"{where} is {shown(value)}, not a GeoJSON geometry.")
    kind = _kind(value)
    check = _CHECKS.get(kind)
    if check is None:
        raise BadRequestData(f"{where} has type {shown(kind)}: a geometry is one of {', '.join(sorted(GEOMETRIES))}.")
    check(value.get("coordinates"), f"{where}: coordinates")
    if "@type" in value:
        return {
            "type": kind,
            **{member: content for member, content in value.items() if member not in {"type", "@type"}},
        }
    return value


def _kind(value: dict[str, Any]) -> str:
    kind = value.get("type", value.get("@type"))
    return kind if isinstance(kind, str) else ""


def _from_text(text: str, where: str) -> Any:
    """A geometry out of a string, without other members: nobody has bounded their depth."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadRequestData(f"{where} is {shown(text)}, not a GeoJSON geometry.") from None
    if isinstance(value, dict):
        return {member: value[member] for member in ("type", "@type", "coordinates") if member in value}
    return value


def _point(position: Any, where: str) -> int:
    if type(position) is not list or not 2 <= len(position) <= 4:
        raise BadRequestData(
            f"{where} is {shown(position)}, not a position: longitude, latitude and maybe an altitude."
        )
    for number in position:
        if (type(number) is not float and type(number) is not int) or not isfinite(number):
            raise BadRequestData(f"{where} holds {shown(number)}: a position is made of numbers.")
    longitude, latitude = position[0], position[1]
    if not -180 <= longitude <= 180:
        raise BadRequestData(f"{where}: longitude {longitude} is outside -180 to 180; longitude comes first.")
    if not -90 <= latitude <= 90:
        raise BadRequestData(f"{where}: latitude {latitude} is outside -90 to 90; longitude comes first.")
    return 1


def _line(positions: Any, where: str) -> int:
    return _all(positions, where, _point, at_least=2, what="positions")


def _ring(positions: Any, where: str) -> int:
    count = _all(positions, where, _point, at_least=4, what="positions of a ring")
    if positions[0] != positions[-1]:
        raise BadRequestData(f"{where}: the ring is not closed: its last position differs from its first.")
    return count


def _polygon(rings: Any, where: str) -> int:
    return _all(rings, where, _ring, at_least=1, what="rings")


def _all(parts: Any, where: str, check: Callable[[Any, str], int], *, at_least: int, what: str) -> int:
    """The number of positions in an array of parts."""
    if type(parts) is not list:
        raise BadRequestData(f"{where} is {shown(parts)}, not an array of {what}.")
    if len(parts) < at_least:
        raise BadRequestData(f"{where} has {len(parts)} {what}: at least {at_least} are needed.")
    count = 0
    for part in parts:
        count += check(part, where)
        if count > MAX_POSITIONS:
            raise BadRequestData(f"{where} has more than {MAX_POSITIONS} positions.")
    return count


_CHECKS: Final[dict[str, Callable[[Any, str], int]]] = {
    "Point": _point,
    "LineString": _line,
    "Polygon": _polygon,
    "MultiPoint": lambda value, where: _all(value, where, _point, at_least=1, what="points"),
    "MultiLineString": lambda value, where: _all(value, where, _line, at_least=1, what="lines"),
    "MultiPolygon": lambda value, where: _all(value, where, _polygon, at_least=1, what="polygons"),
}
