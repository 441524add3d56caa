"""Pictures of series: by characters, for a terminal; by pixels or vectors, for a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import plotext

from broker.cli.evolving import Drawn
from broker.cli.extras import extra
from broker.errors import StartError

DRAWN: Final = 1_000
"""Points that a picture shows, if nobody says how many."""
_TICK_WIDTH: Final = 24
_MARGIN: Final = 12
_TIMES: Final = ((60 * 86_400, "%Y-%m-%d"), (600, "%m-%d %H:%M"), (0, "%H:%M:%S"))
"""Seconds that a picture spans at least, and how its times are written."""


class Picture(NamedTuple):
    """What is drawn."""

    title: str
    drawn: list[Drawn]

    @property
    def axis(self) -> str:
        """What the numbers are: their units."""
        return ", ".join(dict.fromkeys(each.unit for each in self.drawn if each.unit))

    @property
    def levels(self) -> tuple[str, ...]:
        """The texts that the numbers stand for."""
        return self.drawn[0].levels


def draw(picture: Picture, width: int, height: int, *, colours: bool) -> str:
    """A picture of so many characters."""
    width, height = max(width, 40), max(height, 10)
    plotext.clear_figure()
    plotext.limit_size(False, False)  # the size is the one asked for, whatever terminal there is
    plotext.plot_size(width, height)
    plotext.title(_shortened(picture.title, width - _MARGIN))
    plotext.ylabel(picture.axis)
    for each in picture.drawn:
        for times, numbers in _unbroken(each):
            label = {"label": each.name} if each.name else {}
            plotext.plot(times, numbers, marker="braille", **label)
    ticks = _ticks([time for each in picture.drawn for time in each.times], max(2, width // _TICK_WIDTH))
    plotext.xticks([time for time, _ in ticks], [text for _, text in ticks])
    if picture.levels:
        plotext.yticks(list(range(len(picture.levels))), list(picture.levels))
    if not colours:
        plotext.clear_color()
    text: str = plotext.build()
    return text if colours else plotext.uncolorize(text)


def save(picture: Picture, file: Path) -> None:
    """Write a picture to a file, which is there when it is whole. Raises StartError."""
    figure = extra("matplotlib.figure", "plot").Figure(figsize=(12, 5), layout="constrained")
    dates = extra("matplotlib.dates", "plot")
    axes = figure.add_subplot()
    for each in picture.drawn:
        times = [datetime.fromtimestamp(time, UTC) for time in each.times]
        numbers = [float("nan") if number is None else number for number in each.numbers]
        style = "steps-post" if picture.levels else "default"
        axes.plot(times, numbers, linewidth=1, marker=".", markersize=3, drawstyle=style, label=each.name or None)
    if any(each.name for each in picture.drawn):
        axes.legend()
    if picture.levels:
        axes.set_yticks(range(len(picture.levels)), picture.levels)
    axes.set(title=picture.title, ylabel=picture.axis)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator(), tz=UTC))
    axes.grid(alpha=0.3)
    _written(figure, file)


def _written(figure: Any, file: Path) -> None:
    unfinished = file.with_name(f"{file.name}.part")
    try:
        figure.savefig(unfinished, format=file.suffix.removeprefix("."), dpi=120)
        unfinished.replace(file)
    except OSError as error:
        raise StartError(f"{file} cannot be written: {error.strerror}.", "Name another file with --out.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _unbroken(series: Drawn) -> list[tuple[list[float], list[float]]]:
    """The parts of a series between deletions; of texts, which hold until the next, as steps."""
    parts: list[tuple[list[float], list[float]]] = [([], [])]
    for time, number in zip(series.times, series.numbers, strict=True):
        times, numbers = parts[-1]
        if numbers and (series.levels or number is None):
            times.append(time)
            numbers.append(numbers[-1])
        if number is None:
            parts.append(([], []))
        else:
            times.append(time)
            numbers.append(number)
    return [part for part in parts if part[0]]


def _shortened(text: str, length: int) -> str:
    """A text without its beginning if it is too long: names that are IRIs differ at their ends."""
    return text if len(text) <= length else f"…{text[1 - length :]}"


def _ticks(times: list[float], count: int) -> list[tuple[float, str]]:
    first, last = min(times), max(times)
    form = next(form for span, form in _TIMES if last - first >= span)
    places = [first + (last - first) * place / (count - 1) for place in range(count)] if last > first else [first]
    return [(place, datetime.fromtimestamp(place, UTC).strftime(form)) for place in places]
