"""The language filter: which text of a LanguageProperty a client wants (GS CIM 009 §4.15, RFC 3282, RFC 4647).

    lang = range [";q=" weight] {"," range [";q=" weight]},  range = language tag | "*"

Ranges are tried by weight, then by place: the tag itself, a longer tag, then the range cut short part by part, as
RFC 4647 §3.4 looks up. Nothing matching, or `*`: the text without a language if there is one, else the first.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final

from broker.errors import BadRequestData
from broker.model.grammar import is_language, shown
from broker.names import DEFAULT_DATASET

MAX_RANGES: Final = 32
_WEIGHT = re.compile(r"q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


def language_ranges(text: str) -> tuple[str, ...]:
    """The ranges of a `lang` parameter in lower case, the most wanted first; those with weight 0 are left out."""
    weighted: list[tuple[float, str]] = []
    items = text.split(",")
    if len(items) > MAX_RANGES:
        raise BadRequestData(f"Parameter lang has {len(items)} languages: {MAX_RANGES} are allowed.")
    for item in items:
        tag, _, parameter = item.partition(";")
        tag, parameter = tag.strip(), parameter.strip().lower().replace(" ", "")
        if (tag != "*" and (tag == DEFAULT_DATASET or not is_language(tag))) or (
            ";" in item and _WEIGHT.fullmatch(parameter) is None
        ):
            raise BadRequestData(f"Parameter lang: {shown(item)} is no language range, such as fr, nl-BE;q=0.5 or *.")
        weight = float(parameter[2:]) if parameter else 1.0
        if weight > 0:
            weighted.append((-weight, tag.lower()))
    return tuple(tag for _, tag in sorted(weighted, key=lambda pair: pair[0]))


def choose_language(tags: Collection[str], ranges: Iterable[str]) -> str:
    """The tag whose text to show, of at least one."""
    exact = {tag.lower(): tag for tag in tags}
    longer: dict[str, str] = {}
    for lower, tag in exact.items():
        prefix = lower.rpartition("-")[0]
        while prefix:
            longer.setdefault(prefix, tag)
            prefix = prefix.rpartition("-")[0]
    for wanted in ranges:
        if wanted == "*":
            break
        while wanted:
            chosen = exact.get(wanted) or longer.get(wanted)
            if chosen is not None:
                return chosen
            wanted = _shorter(wanted)
    return exact.get(DEFAULT_DATASET) or next(iter(tags))


def _shorter(wanted: str) -> str:
    """The range without its last part, and without a single letter before it (RFC 4647 §3.4)."""
    head = wanted.rpartition("-")[0]
    return head[:-2] if len(head) > 1 and head[-2] == "-" else head
