"""Rules of recording as operators state them, and what follows for an attribute of an entity.

A rule is for a type and an attribute, for either, or for all. What it leaves open, the next more general one decides:
type and attribute, type, attribute, all, and at last the defaults. Of an entity with several types the type with the
fewest points and the shortest retention prevails, since the law may have asked for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from broker.model.durations import duration
from broker.model.grammar import shown
from broker.model.recording import Mode, Rule
from broker.model.temporal import Duration

T = TypeVar("T")

_MONTH: Final = 30 * 86_400 * 1_000_000
_CACHED: Final = 10_000
_STRICTNESS: Final = {mode: place for place, mode in enumerate(Mode)}


class Stated(NamedTuple):
    """A rule as it was stated: None is said of nothing. `interval`, `retention`: durations of ISO 8601.

    Retention is for whole entities: a rule for an attribute states none.
    """

    type: str | None = None
    attribute: str | None = None
    mode: Mode | None = None
    interval: str | None = None
    dead_band: float | None = None
    retention: str | None = None


class Flaw(NamedTuple):
    """Why a rule cannot be followed: the member of `Stated` at fault, and what is wrong with it."""

    member: str
    problem: str


def flaw(rule: Stated) -> Flaw | None:
    """Why a rule cannot be followed; None if it can."""
    for member in ("interval", "retention"):
        text = getattr(rule, member)
        if text is not None and not any(duration(text) or ()):
            return Flaw(member, f"{shown(text)} is no duration such as PT5M, P30D or P13M (ISO 8601)")
    if rule.retention is not None and rule.attribute is not None:
        return Flaw("retention", "is for whole entities, and the rule is for an attribute")
    if rule.dead_band is not None and not 0 <= rule.dead_band < float("inf"):
        return Flaw("dead_band", f"{shown(rule.dead_band)} is no number from 0 on")
    if (rule.mode, rule.interval, rule.dead_band, rule.retention) == (None,) * 4:
        return Flaw("mode", "is not there, nor anything else that the rule could say")
    return None


class RuleBook:
    """The rules of a tenant: call it with types and an attribute."""

    def __init__(self, stated: Iterable[Stated], default: Rule) -> None:
        self._stated = {(each.type, each.attribute): each for each in stated}
        self._default = default
        self._known: dict[tuple[tuple[str, ...], str], Rule] = {}

    def __call__(self, types: tuple[str, ...], attribute: str) -> Rule:
        """The rule of an attribute of an entity of these types."""
        key = types, attribute
        rule = self._known.get(key)
        if rule is None:
            if len(self._known) >= _CACHED:
                self._known.clear()
            rule = self._known[key] = _strictest([self._of(each, attribute) for each in types] or [self._default])
        return rule

    @property
    def needed(self) -> bool:
        """Whether a rule keeps anything from being recorded or kept."""
        return bool(self._stated) or self._default != Rule()

    def retention(self, types: tuple[str, ...]) -> Duration | None:
        """How long points of an entity of these types are kept."""
        return self(types, "").retention

    def retentions(self) -> tuple[dict[str, Duration], Duration | None]:
        """By type how long points are kept, as far as a rule for the type says so; and of all others."""
        by_type = {
            type_: length
            for (type_, attribute), each in self._stated.items()
            if type_ is not None and attribute is None and (length := _duration(each.retention)) is not None
        }
        general = self._stated.get((None, None))
        return by_type, _duration(general.retention if general else None) or self._default.retention

    def _of(self, type_: str, attribute: str) -> Rule:
        """The rule of an attribute of entities of one type."""
        places = ((type_, attribute), (type_, None), (None, attribute), (None, None))
        stated = [self._stated[place] for place in places if place in self._stated]
        interval = _duration(_first(each.interval for each in stated))
        return Rule(
            _first(each.mode for each in stated) or self._default.mode,
            self._default.interval if interval is None else length(interval),
            _or(_first(each.dead_band for each in stated), self._default.dead_band),
            _duration(_first(each.retention for each in stated)) or self._default.retention,
        )


def length(duration: Duration) -> int:
    """About how many microseconds a duration has: months count as 30 days."""
    return duration.months * _MONTH + duration.microseconds


def _strictest(rules: Sequence[Rule]) -> Rule:
    kept = [rule.retention for rule in rules if rule.retention is not None]
    return Rule(
        max((rule.mode for rule in rules), key=_STRICTNESS.__getitem__),
        max(rule.interval for rule in rules),
        max(rule.dead_band for rule in rules),
        min(kept, key=length) if kept else None,
    )


def _first(values: Iterator[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _duration(text: str | None) -> Duration | None:
    return None if text is None else duration(text)
