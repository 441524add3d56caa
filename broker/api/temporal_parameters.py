"""The parameters of temporal queries, and their counterparts in bodies (GS CIM 009 §4.11, §5.2.21, §5.2.44)."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from broker.api.parameters import Parameter, instant, one_of, options, positive
from broker.api.requests import Request
from broker.errors import BadRequestData, InvalidRequest
from broker.model.aggregates import DISTINCT_COUNT, METHODS
from broker.model.durations import duration
from broker.model.grammar import shown
from broker.model.instants import date_time
from broker.model.temporal import ALL_TIME, Duration, TimeProperty, Window

TIMERELS: Final = ("before", "after", "between")
TEMPORAL_VALUES: Final = "temporalValues"
AGGREGATED_VALUES: Final = "aggregatedValues"
FORMATS: Final = ("normalized", "concise", TEMPORAL_VALUES, AGGREGATED_VALUES)
SYS_ATTRS: Final = "sysAttrs"
_BEGINNING: Final = "0001-01-01T00:00:00Z"
_INSTANT: Final = {"type": "string", "format": "date-time"}
_METHODS: Final = {"type": "array", "items": {"type": "string", "enum": list(METHODS)}}
_DURATION: Final = "a duration such as PT1H, P1D or P1M"


def methods(text: str) -> tuple[str, ...]:
    """Aggregation methods, with commas between them, each once."""
    found = tuple(dict.fromkeys(text.split(",")))
    if not set(found) <= set(METHODS):
        raise ValueError(f"some of {', '.join(METHODS)}, with commas between them")
    return found


def period(text: str) -> Duration:
    """The duration of a period."""
    found = duration(text)
    if found is None:
        raise ValueError(_DURATION)
    return found


TIMEREL: Final = Parameter(
    "timerel",
    one_of(*TIMERELS),
    "How times stand to `timeAt`: before it; after it or at it; `between`: from `timeAt` until before `endTimeAt`.",
    {"type": "string", "enum": list(TIMERELS)},
)
TIME_AT: Final = Parameter("timeAt", instant, "The time that `timerel` compares with.", _INSTANT)
END_TIME_AT: Final = Parameter("endTimeAt", instant, "The end of `timerel=between`.", _INSTANT)
TIMEPROPERTY: Final = Parameter(
    "timeproperty",
    one_of(*TimeProperty),
    "Which time of attribute instances is meant; those without it do not match. The default is observedAt.",
    {"type": "string", "enum": [each.value for each in TimeProperty], "default": "observedAt"},
)
LAST_N: Final = Parameter(
    "lastN", positive, "Only the newest instances of each attribute, so many.", {"type": "integer", "minimum": 1}
)
AGGR_METHODS: Final = Parameter(
    "aggrMethods", methods, "What to aggregate values by (§4.5.19).", _METHODS, explode=False
)
AGGR_PERIOD_DURATION: Final = Parameter(
    "aggrPeriodDuration",
    period,
    "How long each period of aggregation is, in ISO 8601; `PT0S`, the default: all of the time in one.",
    {"type": "string", "default": "PT0S"},
)
FORMAT: Final = Parameter(
    "format", one_of(*FORMATS), "Representation of the evolutions.", {"type": "string", "enum": list(FORMATS)}
)
OPTIONS: Final = options(
    "`sysAttrs`: with createdAt, modifiedAt and deletedAt. The formats are deprecated here; `format` wins.",
    *FORMATS,
    SYS_ATTRS,
)

TEMPORAL: Final = (TIMEREL, TIME_AT, END_TIME_AT, TIMEPROPERTY, LAST_N, AGGR_METHODS, AGGR_PERIOD_DURATION)


class Aggregation(NamedTuple):
    """What is asked of aggregatedValues. `origin`: where the first period begins; None: at the oldest value."""

    methods: tuple[str, ...]
    duration: Duration
    origin: str | None

    @property
    def distinct(self) -> bool:
        """Whether different values have to be counted."""
        return DISTINCT_COUNT in self.methods


def format_of(request: Request) -> str:
    """The representation that is asked for; methods of aggregation alone ask for theirs. Raises InvalidRequest."""
    chosen = (request.get(OPTIONS) or frozenset()) - {SYS_ATTRS}
    if len(chosen) > 1:
        raise InvalidRequest("Parameter options: more than one format.")
    named = request.get(FORMAT) or next(iter(chosen), None)
    return named or (AGGREGATED_VALUES if AGGR_METHODS.name in request.values else FORMATS[0])


def timeproperty_of(request: Request) -> TimeProperty:
    """The time that is asked for."""
    return TimeProperty(request.get(TIMEPROPERTY) or TimeProperty.OBSERVED_AT)


def window_of(request: Request) -> Window:
    """The time that is asked for: all of it without `timerel`. Raises BadRequestData for half a relation (§4.11).

    A `timeproperty` alone asks for the instances that have it.
    """
    relation, at, end = request.get(TIMEREL), request.get(TIME_AT), request.get(END_TIME_AT)
    by = timeproperty_of(request)
    if relation is None:
        if at is not None or end is not None:
            raise BadRequestData(f"{TIMEREL.name}: missing beside {(TIME_AT if at is not None else END_TIME_AT).name}.")
        return ALL_TIME if TIMEPROPERTY.name not in request.values else Window(by, start=_BEGINNING)
    if at is None:
        raise BadRequestData(f"{TIME_AT.name}: missing; timerel={relation} compares with it.")
    if (end is None) is (relation == "between"):
        reason = "missing; timerel=between ends with it" if end is None else f"it does not go with timerel={relation}"
        raise BadRequestData(f"{END_TIME_AT.name}: {reason}.")
    return Window(by, end=at) if relation == "before" else Window(by, at, end)


def aggregation_of(request: Request) -> Aggregation:
    """How to aggregate. Raises BadRequestData if no method is named."""
    chosen = request.get(AGGR_METHODS)
    if chosen is None:
        raise BadRequestData(f"{AGGR_METHODS.name}: missing; {AGGREGATED_VALUES} needs it.")
    origin = None if request.get(TIMEREL) == "before" else request.get(TIME_AT)
    return Aggregation(chosen, request.get(AGGR_PERIOD_DURATION) or Duration(), origin)


# Bodies.


def _word(parameter: Parameter[Any]) -> Callable[[Any], Any]:
    """A reader of a text that means what the parameter's text means."""

    def read(content: Any) -> Any:
        if not isinstance(content, str):
            raise ValueError("a string")
        return parameter.parse(content)

    return read


def _instant(content: Any) -> str:
    found = date_time(content)
    if found is None:
        raise ValueError("a DateTime such as 2026-01-31T12:00:00Z")
    return found


def _positive(content: Any) -> int:
    if type(content) is not int or content < 1:
        raise ValueError("an integer of at least 1")
    return content


def _methods(content: Any) -> tuple[str, ...]:
    """An array of names, or a text with commas."""
    if isinstance(content, list) and content and all(isinstance(each, str) for each in content):
        content = ",".join(content)
    if not isinstance(content, str):
        raise ValueError("an array of methods")
    return methods(content)


_Members = Mapping[str, Callable[[Any], Any]]
_AGGREGATION: Final[_Members] = {AGGR_METHODS.name: _methods, AGGR_PERIOD_DURATION.name: _word(AGGR_PERIOD_DURATION)}
_RELATION: Final[_Members] = {
    TIMEREL.name: _word(TIMEREL),
    TIME_AT.name: _instant,
    END_TIME_AT.name: _instant,
    TIMEPROPERTY.name: _word(TIMEPROPERTY),
    LAST_N.name: _positive,
}


def _object(known: _Members) -> Callable[[str, Any], dict[str, Any]]:
    def read(member: str, content: Any) -> dict[str, Any]:
        if not isinstance(content, dict):
            raise BadRequestData(f"Query: {member} is {shown(content)}, not an object.")
        values = {}
        for name, inner in content.items():
            if name not in known:
                raise BadRequestData(f"Query: {member}: {name} is no member of it.")
            try:
                values[name] = known[name](inner)
            except ValueError as error:
                found = shown(inner)
                raise BadRequestData(f"Query: {member}: {name}: expected {error}, found {found}.") from None
        return values

    return read


BODY_MEMBERS: Final[Mapping[str, Callable[[str, Any], dict[str, Any]]]] = {
    "temporalQ": _object({**_RELATION, **_AGGREGATION}),
    "aggrParams": _object(_AGGREGATION),
}
"""Members of the body of a temporal query besides those of any query: what each adds to the values of the request."""
