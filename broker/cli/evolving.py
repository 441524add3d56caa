"""Attribute instances of a temporal answer as series that can be drawn."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from broker.errors import StartError
from broker.model.temporal import TimeProperty

MOST_LEVELS: Final = 30
"""Different texts that are drawn as steps."""


class Drawn(NamedTuple):
    """A series: seconds since 1970 in order, and a number for each; None where the attribute was deleted.

    `levels`: texts, whose places among them are the numbers.
    """

    name: str
    unit: str
    times: list[float]
    numbers: list[float | None]
    levels: tuple[str, ...] = ()


def drawn(instances: Iterable[dict[str, Any]], attribute: str, timeproperty: TimeProperty) -> list[Drawn]:
    """The series of an attribute, one for each datasetId. Raises StartError if there is nothing to draw."""
    by_dataset: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    for instance in instances:
        time = _seconds(instance.get(timeproperty.value))
        if time is not None:
            by_dataset.setdefault(instance.get("datasetId", ""), []).append((time, instance))
    if not by_dataset:
        raise StartError(
            f"There is no point of {attribute} with {timeproperty.value} in that time.",
            "Look at another time, or at --timeproperty modifiedAt.",
        )
    several = [sorted(points, key=lambda point: point[0]) for points in by_dataset.values()]
    levels = _levels(several, attribute)
    return [_series(name, points, levels) for name, points in zip(by_dataset, several, strict=True)]


def _levels(several: list[list[tuple[float, dict[str, Any]]]], attribute: str) -> tuple[str, ...]:
    """The texts that are drawn, in order; none if all are numbers. Raises StartError."""
    values = [_value(instance) for points in several for _, instance in points if "deletedAt" not in instance]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return ()
    texts = sorted({_text(value) for value in values if not isinstance(value, dict | list)})
    if not texts or len(texts) > MOST_LEVELS:
        what = f"{len(texts)} different texts" if texts else "neither numbers nor texts"
        raise StartError(
            f"{attribute} has {what}, which make no picture.", f"Numbers, booleans, or {MOST_LEVELS} texts are drawn."
        )
    return tuple(texts)


def _series(dataset_id: str, points: list[tuple[float, dict[str, Any]]], levels: tuple[str, ...]) -> Drawn:
    unit = next((str(each["unitCode"]) for _, each in reversed(points) if "unitCode" in each), "")
    numbers = [_number(instance, levels) for _, instance in points]
    return Drawn(dataset_id, unit, [time for time, _ in points], numbers, levels)


def _number(instance: dict[str, Any], levels: tuple[str, ...]) -> float | None:
    value = _value(instance)
    if "deletedAt" in instance or isinstance(value, dict | list):
        return None
    return float(levels.index(_text(value))) if levels else float(value)


def _value(instance: dict[str, Any]) -> Any:
    """The value, of a relationship its object; dates without their wrapping."""
    value = instance.get("value", instance.get("object", instance.get("vocab")))
    return value.get("@value", value) if isinstance(value, dict) else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seconds(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return None
