"""Evolutions of entities in the forms that clients ask for (GS CIM 009 §4.5.6–§4.5.9, §4.5.19).

normalized, concise: each attribute is an array of its instances. temporalValues: an object per series, with pairs of
value and time. What a deletion leaves is an NGSI-LD Null and its deletedAt; of the scope it is no scope at all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

from broker.model.aggregates import aggregated
from broker.model.entity import Instance, Names
from broker.model.kinds import KINDS
from broker.model.project import reduced
from broker.model.render import Representation, instance_renderer, value_renderer
from broker.model.temporal import Aggregate, Evolution, Point, Series, TimeProperty
from broker.names import SCOPE

RenderEvolution: TypeAlias = Callable[[Evolution], dict[str, Any]]
Aggregated: TypeAlias = Mapping[str | None, Aggregate]
"""Series of an attribute summed up, by datasetId."""
T = TypeVar("T")

_SHOWN_ANYWAY: Final = frozenset({TimeProperty.OBSERVED_AT, TimeProperty.DELETED_AT})
"""Times that instances show without being asked for them."""


def renderer(names: Names, representation: Representation, timeproperty: TimeProperty) -> RenderEvolution:
    """A function that renders evolutions in the normalized form, or the concise one.

    The time that was asked for is shown with each instance, without `sys_attrs` too.
    """
    instance_of = instance_renderer(names, representation)
    told = None if representation.sys_attrs or timeproperty in _SHOWN_ANYWAY else timeproperty.value

    def render(name: str, point: Point) -> dict[str, Any]:
        if point.deleted_at is None:
            shown = instance_of(name, _in_language(point, representation))
        else:
            shown = _deletion(name, point, representation)
        shown["instanceId"] = point.instance_id
        if told is not None and told not in shown:
            shown[told] = point.time(timeproperty)
        return shown

    def instances(name: str, series: Series) -> list[dict[str, Any]]:
        return [render(name, point) for points in series.values() for point in points]

    return _of_points(names, representation, instances)


def values_renderer(
    names: Names,
    representation: Representation,
    timeproperty: TimeProperty,
    kinds: Mapping[str, str] = MappingProxyType({}),
) -> RenderEvolution:
    """A function that renders evolutions as temporalValues.

    A point that lacks the time that was asked for is told with its deletedAt, or else its modifiedAt. `kinds`: of the
    attributes whose points are all in another part of an answer.
    """
    value_of = value_renderer(names)

    def pair(name: str, point: Point) -> list[Any]:
        time = point.time(timeproperty) or point.deleted_at or point.modified_at
        if point.deleted_at is None:
            return [value_of(name, _in_language(point, representation)), time]
        kind, null = KINDS[point.instance["type"]], _null(name, point)
        return [{kind.member: null} if kind.wrapped else null, time]

    def values(name: str, series: Series) -> Any:
        shown: list[dict[str, Any]] = []
        if not series and name in kinds:
            shown.append(one_series(kinds[name], None, {KINDS[kinds[name]].plural: []}))
        for dataset_id, points in series.items():
            by_kind: dict[str, list[Any]] = {}
            for point in points:
                kind = point.instance["type"]
                if representation.languages and kind == "LanguageProperty" and point.deleted_at is None:
                    kind = "Property"
                by_kind.setdefault(kind, []).append(pair(name, point))
            shown += (one_series(kind, dataset_id, {KINDS[kind].plural: pairs}) for kind, pairs in by_kind.items())
        return shown[0] if len(shown) == 1 else shown

    return _of_points(names, representation, values)


def aggregates_renderer(
    names: Names, representation: Representation, methods: Sequence[str]
) -> Callable[[Evolution, Mapping[str, Aggregated]], dict[str, Any]]:
    """A function that renders what is known of an entity, and its aggregates in the place of its attributes.

    Without what no method has a value of.
    """

    def render(_name: str, series: Aggregated) -> Any:
        shown = []
        for dataset_id, aggregate in series.items():
            found = {method: aggregated(method, aggregate.periods) for method in methods}
            content = {method: values for method, values in found.items() if values}
            if content:
                shown.append(one_series(aggregate.type, dataset_id, content))
        return shown[0] if len(shown) == 1 else shown

    form = _form(names, representation, render)
    return lambda evolution, attributes: {
        name: content for name, content in form(evolution, attributes).items() if content != []
    }


def one_series(kind: str, dataset_id: str | None, content: dict[str, Any]) -> dict[str, Any]:
    """What stands for a series in the forms that have an object per series."""
    return {"type": kind, **({} if dataset_id is None else {"datasetId": dataset_id}), **content}


def _form(
    names: Names, representation: Representation, render: Callable[[str, T], Any]
) -> Callable[[Evolution, Mapping[str, T]], dict[str, Any]]:
    """A function that renders what is known of an entity, and attributes of it, each by `render`."""
    compact = names.compactions.__getitem__
    picked, omitted = representation.pick, representation.omit

    def with_member(name: str) -> bool:
        return (picked is None or name in picked) and name not in omitted

    def form(evolution: Evolution, attributes: Mapping[str, T]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if with_member("id"):
            out["id"] = evolution.id
        if with_member("type"):
            types = [compact(each) for each in evolution.types]
            out["type"] = types[0] if len(types) == 1 else types
        for name, content in attributes.items():
            if with_member("scope" if name == SCOPE else name):
                out[compact(name)] = render(name, content)
        if representation.sys_attrs:
            out.update(_times(evolution))
        return out

    return form


def _of_points(names: Names, representation: Representation, render: Callable[[str, Series], Any]) -> RenderEvolution:
    form = _form(names, representation, render)
    return lambda evolution: form(evolution, evolution.attributes)


def _times(evolution: Evolution) -> Iterator[tuple[str, str]]:
    yield "createdAt", evolution.created_at
    yield "modifiedAt", evolution.modified_at
    if evolution.deleted_at is not None:
        yield "deletedAt", evolution.deleted_at


def _in_language(point: Point, representation: Representation) -> Instance:
    return reduced(point.instance, representation.languages) if representation.languages else point.instance


def _deletion(name: str, point: Point, representation: Representation) -> dict[str, Any]:
    kind = KINDS[point.instance["type"]]
    null = {kind.member: _null(name, point), "deletedAt": point.deleted_at}
    if point.observed_at is not None:
        null["observedAt"] = point.observed_at
    if representation.sys_attrs:
        null |= {"createdAt": point.created_at, "modifiedAt": point.modified_at}
    return one_series(kind.name, point.instance.get("datasetId"), null)


def _null(name: str, point: Point) -> Any:
    return [] if name == SCOPE else KINDS[point.instance["type"]].null
