"""`broker plot`: pictures of history, of a real broker; and what makes no picture is refused in words."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from broker.cli import app
from broker.cli.drawing import Picture, draw
from broker.cli.evolving import MOST_LEVELS, Drawn, drawn
from broker.cli.extras import extra
from broker.errors import StartError
from broker.model.temporal import TimeProperty
from tests.conftest import RunningBroker, new_tenant, tenant_client

ROOM = "urn:ngsi-ld:Room:1"
DAY = 1_772_323_200.0
"""2026-03-01T00:00:00Z in seconds since 1970."""
BLANK = "\u2800"
"""The first of the signs that pictures are made of."""
NAMESPACE = "https://uri.etsi.org/ngsi-ld/default-context/"


def instance(value: Any, hour: int, **members: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": f"2026-03-01T{hour:02}:00:00Z"} | members


def of(instances: Sequence[dict[str, Any]]) -> list[Drawn]:
    return drawn(instances, "a", TimeProperty.OBSERVED_AT)


# Series.


def test_numbers_stand_in_the_order_of_time() -> None:
    found = of([instance(2, 1, unitCode="CEL"), instance(1.5, 0)])
    assert found == [Drawn("", "CEL", [DAY, DAY + 3600], [1.5, 2.0])]


def test_each_dataset_is_a_series() -> None:
    found = of([instance(1, 0), instance(2, 0, datasetId="urn:x:d")])
    assert [(each.name, each.numbers) for each in found] == [("", [1.0]), ("urn:x:d", [2.0])]


@pytest.mark.parametrize(
    ("values", "levels", "numbers"),
    [
        (["b", "a", "b"], ("a", "b"), [1.0, 0.0, 1.0]),
        ([True, False, True], ("false", "true"), [1.0, 0.0, 1.0]),
        ([{"@type": "Date", "@value": "2026-01-02"}, "x"], ("2026-01-02", "x"), [0.0, 1.0]),
        (["a", 7], ("7", "a"), [1.0, 0.0]),
    ],
)
def test_texts_and_booleans_are_levels(values: list[Any], levels: tuple[str, ...], numbers: list[float]) -> None:
    (found,) = of([instance(value, hour) for hour, value in enumerate(values)])
    assert (found.levels, found.numbers) == (levels, numbers)


def test_a_relationship_is_drawn_by_its_objects() -> None:
    (found,) = of([{"type": "Relationship", "object": "urn:x:o", "observedAt": "2026-03-01T00:00:00Z"}])
    assert found.levels == ("urn:x:o",)


def test_a_deletion_breaks_the_line() -> None:
    (found,) = of([instance(1, 0), instance("urn:ngsi-ld:null", 1, deletedAt="2026-03-01T01:00:00Z"), instance(2, 2)])
    assert found.numbers == [1.0, None, 2.0]


@pytest.mark.parametrize(
    ("instances", "said"),
    [
        ([], "no point of a with observedAt"),
        ([{"type": "Property", "value": 1}], "no point of a with observedAt"),
        ([instance({"x": 1}, 0)], "neither numbers nor texts"),
        ([instance(f"t{n}", n % 24) for n in range(MOST_LEVELS + 1)], f"{MOST_LEVELS + 1} different texts"),
    ],
)
def test_what_makes_no_picture(instances: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(StartError, match=said):
        of(instances)


# In the terminal.


def test_a_picture_has_the_size_asked_for_and_no_colours() -> None:
    text = draw(Picture("t", of([instance(n, n) for n in range(20)])), 120, 20, colours=False)
    lines = text.splitlines()
    assert "\x1b" not in text
    assert len(lines) == 20
    assert {len(line) for line in lines} == {120}
    assert next(line.split("┤")[0].strip() for line in lines if "┤" in line) == "19.0"


def test_a_rising_line_rises() -> None:
    text = draw(Picture("t", of([instance(n, n) for n in range(20)])), 80, 20, colours=False)
    drawn_at = [
        min(place for place, sign in enumerate(line) if sign > BLANK)
        for line in text.splitlines()
        if any(BLANK < sign <= "\u28ff" for sign in line)
    ]
    assert len(drawn_at) > 10
    assert drawn_at == sorted(drawn_at, reverse=True)


@pytest.mark.parametrize("instances", [[instance(1, 0)], [instance("on", 0)], [instance(True, 0), instance(True, 1)]])
def test_a_single_value_can_be_drawn(instances: list[dict[str, Any]]) -> None:
    assert draw(Picture("t", of(instances)), 10, 3, colours=True)


# Of a broker.


def plot(broker: RunningBroker, tenant: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["plot", *arguments, "--url", broker.url, "--tenant", tenant])


@pytest.fixture
def tenant(running_broker: RunningBroker) -> str:
    name = new_tenant()
    points = [instance(hour / 2, hour, unitCode="CEL") for hour in range(24)]
    with tenant_client(running_broker, name) as client:
        entity = {"id": ROOM, "type": "Room", "temperature": points, "open": [instance(True, 1), instance(False, 2)]}
        assert client.post("/temporal/entities", json=entity).status_code == 201
    return name


@pytest.mark.http
@pytest.mark.parametrize(
    ("options", "drawn_points"),
    [
        ((), 24),
        (("--last", "5"), 5),
        (("--from", "2026-03-01T20:00:00Z"), 4),
        (("--to", "2026-03-01T06:00:00Z"), 6),
        (("--from", "2026-03-01T02:00:00Z", "--to", "2026-03-01T04:00:00Z"), 2),
        (("--timeproperty", "modifiedAt"), 24),
    ],
)
def test_a_window_is_drawn_into_a_file(
    running_broker: RunningBroker, tenant: str, tmp_path: Path, options: tuple[str, ...], drawn_points: int
) -> None:
    file = tmp_path / "room.png"
    done = plot(running_broker, tenant, ROOM, "temperature", "--out", str(file), *options)
    assert (done.exit_code, done.output.split()[0]) == (0, str(drawn_points)), done.output
    signature, width, height = struct.unpack(">8s8xII", file.read_bytes()[:24])
    assert signature == b"\x89PNG\r\n\x1a\n"
    assert (width, height) == (1440, 600)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.http
@pytest.mark.parametrize("attribute", ["temperature", NAMESPACE + "temperature", "open"])
def test_a_terminal_shows_it(running_broker: RunningBroker, tenant: str, attribute: str) -> None:
    done = plot(running_broker, tenant, ROOM, attribute)
    assert done.exit_code == 0, done.output
    assert f"{attribute[-11:]} of {ROOM}" in done.output
    assert any(sign > BLANK for sign in done.output)


@pytest.mark.http
def test_what_comes_in_parts_is_drawn_whole(running_broker: RunningBroker, tmp_path: Path) -> None:
    """More points than one answer holds, with times of different precision."""
    name, count = new_tenant(), 12_000
    with tenant_client(running_broker, name) as client:
        points = [
            {
                "type": "Property",
                "value": number,
                "observedAt": f"2026-03-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00"
                + (".5Z" if number % 3 else "Z"),
            }
            for number in range(count)
        ]
        assert client.post("/temporal/entities", json={"id": ROOM, "type": "Room", "a": points}).status_code == 201
    file = tmp_path / "all.svg"
    done = plot(running_broker, name, ROOM, "a", "--from", "2026-01-01T00:00:00Z", "--out", str(file))
    assert done.output.split()[0] == f"{count:,}", done.output


@pytest.mark.http
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("room", "temperature"), "no id of an entity"),
        ((ROOM, "temperature", "--from", "yesterday"), "no DateTime"),
        ((ROOM, "temperature", "--out", "room.gif"), "no ending"),
        ((ROOM, "temperature", "--out", "/nowhere/room.png"), "cannot be written"),
        ((ROOM, "temperature", "--from", "2027-01-01T00:00:00Z"), "no point of temperature"),
        (("urn:ngsi-ld:Room:2", "temperature"), "no history of urn:ngsi-ld:Room:2"),
    ],
)
def test_what_cannot_be_drawn(
    running_broker: RunningBroker, tenant: str, arguments: tuple[str, ...], said: str
) -> None:
    done = plot(running_broker, tenant, *arguments)
    assert isinstance(done.exception, StartError) or done.exit_code != 0
    assert said in f"{done.output} {done.exception}"


def test_without_the_extra_a_picture_says_what_brings_it() -> None:
    with pytest.raises(StartError) as refused:
        extra("nopackage.figure", "plot")
    assert "nopackage is not installed." in str(refused.value)
    assert "ngsild-broker[plot]" in str(refused.value)
