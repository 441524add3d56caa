"""Whose time a profile's samples are: a part of the sources, or a package. Pure."""

import re
from collections import Counter
from typing import Final

_FRAME: Final = re.compile(r"\((?P<path>[^()]+):\d+\)$")
_OURS: Final = "broker"
OTHER: Final = "other"
_IDLE: Final = "_worker (concurrent/futures/thread.py"
"""A thread that waits for work, which py-spy takes for busy."""


def shares(raw: str) -> dict[str, tuple[float, float]]:
    """Part to its shares of all samples: those it is anywhere in, and those it is at the top of. The greatest first.

    `raw` is py-spy's: a line for each stack, `outermost (file:line);…;innermost (file:line) samples`, files from where
    Python imports them. Parts of ours are folders, `broker/jsonld`; others are packages and modules, `pymongo`,
    `threading`. A builtin's time is its caller's.
    """
    within: Counter[str] = Counter()
    at_top: Counter[str] = Counter()
    total = 0
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        if _IDLE in stack.rpartition(";")[2]:
            continue
        parts = [part for frame in stack.split(";") if (part := _part(frame))]
        samples = int(count)
        total += samples
        at_top[parts[-1] if parts else OTHER] += samples
        within.update(dict.fromkeys(parts or [OTHER], samples))
    return {name: (samples / total, at_top[name] / total) for name, samples in within.most_common()}


def _part(frame: str) -> str:
    """Of a frame; empty for one without a file, such as a process or a thread."""
    found = _FRAME.search(frame)
    if found is None:
        return ""
    package, *folders = found["path"].split("/")[:-1] or [found["path"].removesuffix(".py")]
    return f"{package}/{folders[0]}" if package == _OURS and folders else package
