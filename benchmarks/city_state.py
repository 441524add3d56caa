"""How broker, mongod and machine fare while the city lives: a window of some seconds after the other."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import quantiles
from time import monotonic
from typing import Any, Final, NamedTuple

from benchmarks import systems
from benchmarks.city_load import Tally

SECONDS: Final = 10
UPDATE_GOAL: Final = 5.0
"""Seconds, p95, within which an update is acknowledged while the load is held: a system gathers for 1.5 s."""
QUERY_GOAL: Final = 1.0
"""Seconds, p95, of a panel."""
FULL: Final = 0.95
"""Part of a core, or of all, from which on it is said to be used up."""
DISTURBED: Final = 0.2
"""Part of the machine that others may use before the run says little."""


OTHERS: Final = "others"
"""What else ran on the machine."""


class Window(NamedTuple):
    """Some seconds. Rates are per second; cores are CPU seconds a second; sizes are MiB."""

    second: float
    """Of its end, from the start of the load."""
    due: float
    acknowledged: float
    waiting: int
    """Updates that are due and not acknowledged, at the end."""
    update_p50: float
    """Seconds from the intended time, as the next."""
    update_p95: float
    queries: float
    answered: float
    failed: int
    query_p50: float
    query_p95: float
    cores: dict[str, float]
    memory: dict[str, float]
    disk: float

    def late(self) -> list[str]:
        """What was not at its full rate, or late."""
        found = []
        if self.update_p95 > UPDATE_GOAL or (self.due and not self.acknowledged):
            found.append("updates")
        if self.query_p95 > QUERY_GOAL or (self.queries and not self.answered):
            found.append("queries")
        if self.failed:
            found.append("failed queries")
        return found

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return self._asdict() | {"late": self.late()}


class Watcher:
    """Looks at the processes, and at what was done since its last look."""

    def __init__(self, pids: Mapping[str, int], data: Path, tally: Tally) -> None:
        """`pids`: the name of each process that is looked at, with its children. This one, the load, is too."""
        self._pids = pids
        self._data = data
        self._tally = tally
        self._start = self._at = monotonic()
        self._cpu = cpu(pids)
        self._before = (0, 0, 0, 0)

    def window(self) -> Window:
        """What happened since the last look."""
        now, used, tally = monotonic(), cpu(self._pids), self._tally
        span = now - self._at
        counted = tally.due, tally.acknowledged, tally.queries, tally.failed.total()
        due, acknowledged, queries, failed = (each - before for each, before in zip(counted, self._before, strict=True))
        updates, answers = tally.update_lateness, tally.query_lateness
        tally.update_lateness, tally.query_lateness = [], []
        found = Window(
            round(now - self._start, 1),
            round(due / span, 1),
            round(acknowledged / span, 1),
            tally.waiting,
            *_percentiles(updates),
            round(queries / span, 1),
            round(len(answers) / span, 1),
            failed,
            *_percentiles(answers),
            {name: round((used[name] - self._cpu[name]) / span, 2) for name in used},
            {name: memory(pid) for name, pid in self._pids.items()},
            disk(self._data),
        )
        self._at, self._cpu, self._before = now, used, counted
        return found


class Stretch(NamedTuple):
    """The longest run of windows in which nothing was late; what was late first; what was used up then."""

    seconds: float
    first: str


def stretch(windows: Sequence[Window], cores: int) -> Stretch:
    """The longest stretch at full rates, and what gave way first."""
    longest = current = 0.0
    before = 0.0
    for window in windows:
        current = 0.0 if window.late() else current + window.second - before
        longest, before = max(longest, current), window.second
    first = next((window for window in windows if window.late()), None)
    if first is None:
        return Stretch(longest, "nothing")
    busy = ", ".join(f"{name} {used:.2f}" for name, used in sorted(first.cores.items(), key=lambda each: -each[1]))
    whole = sum(first.cores.values())
    said = f"{' and '.join(first.late())} at {first.second:.0f} s; cores used: {busy} ({whole:.2f} of {cores})"
    if first.cores.get(OTHERS, 0.0) >= DISTURBED * cores:
        said += "; other processes took what was missing: this run says little"
    elif whole >= FULL * cores:
        said += "; the machine was full"
    elif first.cores.get("broker", 0.0) >= FULL:
        said += "; the broker had a core full"
    return Stretch(longest, said)


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    """p50 and p95."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (0.0, 0.0)
    cuts = quantiles(values, n=20, method="inclusive")
    return round(cuts[9], 4), round(cuts[18], 4)


def cpu(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds until now of each process with its children, of this one, the load, and of all others."""
    own = os.times()
    known = {name: systems.cpu_seconds(pid) for name, pid in pids.items()} | {"load": own.user + own.system}
    return known | {OTHERS: max(0.0, busy_seconds() - sum(known.values()))}


def busy_seconds() -> float:
    """CPU time of all processes of the machine until now, but of those that yield to others: nice (proc(5))."""
    user, _nice, system, _idle, _iowait, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Resident memory of a process and its children, MiB; what they share counts for each."""
    pages = sum(_resident(each) for each in systems.family(pid))
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:  # it ended
        return 0


def disk(folder: Path) -> float:
    """What the files of a folder take, MiB."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512 if path.is_file() else 0
        except OSError:  # it went
            continue
    return round(total / 2**20, 1)
