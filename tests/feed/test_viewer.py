"""Viewers: what waits for them is bounded, and nothing that is lost is lost silently."""

import asyncio

import orjson
import pytest

from broker.feed.events import OVERHEAD, Backlog, Kind
from broker.feed.missed import PART_BYTES, PART_EVENTS
from broker.feed.viewer import GONE, MOST_BYTES, MOST_EVENTS, SLOW, Viewer
from broker.store.changes import Place
from tests.feed.looking import Course, viewer_of


async def places(viewer: Viewer) -> list[Place]:
    found: list[Place] = []
    while True:
        batch = await viewer.next(0.001)
        assert batch is not None
        if not batch.events:
            return found
        found += [event.place for event in batch.events]


async def test_events_are_taken_in_their_order_in_parts() -> None:
    course = Course()
    viewer = viewer_of(course)
    events = [course.event() for _ in range(PART_EVENTS + 5)]
    for event in events:
        viewer.put(event)
    first = await viewer.next(1)
    assert first is not None
    assert len(first.events) == PART_EVENTS
    assert await places(viewer) == [event.place for event in events[PART_EVENTS:]]


async def test_a_part_is_small_unless_one_event_is_large() -> None:
    course = Course()
    viewer = viewer_of(course)
    for size in (10, PART_BYTES, 10):
        viewer.put(course.event(size))
    sizes = []
    for _ in range(3):
        batch = await viewer.next(1)
        assert batch is not None
        sizes.append([len(event.data) for event in batch.events])
    assert sizes == [[10], [PART_BYTES], [10]]


async def test_who_waits_is_told_at_once() -> None:
    course = Course()
    viewer = viewer_of(course)
    waiting = asyncio.create_task(viewer.next(30))
    await asyncio.sleep(0)
    viewer.put(course.event())
    batch = await asyncio.wait_for(waiting, 5)
    assert batch is not None
    assert [event.place for event in batch.events] == [course.at]


async def test_nothing_for_some_time_tells_where_one_is() -> None:
    course = Course()
    viewer = viewer_of(course)
    course.at = Place(5, 5, 5)
    batch = await viewer.next(0.001)
    assert batch == ([], Place(5, 5, 5))


async def test_it_begins_where_its_view_is() -> None:
    course = Course()
    viewer = viewer_of(course, begins=Kind.READY)
    before = course.at
    viewer.put(course.event())
    batch = await viewer.next(1)
    assert batch is not None
    assert [(event.kind, event.place) for event in batch.events] == [(Kind.READY, before)]
    assert await places(viewer) == [course.at]


async def test_who_was_ahead_is_not_told_again() -> None:
    course = Course()
    viewer = viewer_of(course, after=Place(1, 2, 1))
    for _ in range(3):
        viewer.put(course.event())
    assert await places(viewer) == [Place(1, 3, 1)]


@pytest.mark.parametrize(("number", "size"), [(MOST_EVENTS + 1, 1), (5, MOST_BYTES // 4), (2, MOST_BYTES)])
async def test_who_does_not_keep_up_begins_anew(number: int, size: int) -> None:
    course = Course()
    backlog = Backlog(2**30)
    viewer = viewer_of(course, backlog)
    for _ in range(number + 3):
        viewer.put(course.event(size))
    assert viewer.waiting == 0
    batch = await viewer.next(1)
    assert batch is not None
    (event,) = batch.events
    assert (event.kind, event.place) == (Kind.RESET, course.at)
    assert orjson.loads(event.data)["reason"] == SLOW
    following = course.event()
    viewer.put(following)
    assert await places(viewer) == [following.place]


async def test_one_event_of_any_size_is_told() -> None:
    course = Course()
    viewer = viewer_of(course)
    viewer.put(course.event(4 * MOST_BYTES))
    assert await places(viewer) == [course.at]


async def test_a_reset_leaves_nothing_of_before() -> None:
    course = Course()
    viewer = viewer_of(course, begins=GONE)
    viewer.put(course.event())
    batch = await viewer.next(1)
    assert batch is not None
    assert [event.kind for event in batch.events] == [Kind.RESET]
    assert await places(viewer) == []


async def test_when_too_much_waits_in_all_the_slowest_lose_theirs() -> None:
    course = Course()
    backlog = Backlog(10 * (1000 + OVERHEAD))
    slow, quick = viewer_of(course, backlog), viewer_of(course, backlog)
    for _ in range(9):
        slow.put(course.event(1000))
    quick.put(course.event(1000))
    assert (slow.waiting, quick.waiting) == (9 * (1000 + OVERHEAD), 1000 + OVERHEAD)
    quick.put(course.event(1000))
    assert (slow.waiting, quick.waiting) == (0, 2 * (1000 + OVERHEAD))


async def test_an_event_counts_once_however_many_wait_for_it() -> None:
    course = Course()
    backlog = Backlog(2000 + 2 * OVERHEAD)
    viewers = [viewer_of(course, backlog) for _ in range(50)]
    for _ in range(2):
        event = course.event(1000)
        for viewer in viewers:
            viewer.put(event)
    assert all(viewer.waiting for viewer in viewers)
    for viewer in viewers[1:]:
        viewer.close()
    event = course.event(1000)
    viewers[0].put(event)
    assert viewers[0].waiting == 0  # the third is one too many


async def test_what_is_closed_holds_nothing() -> None:
    course = Course()
    backlog = Backlog(1000)
    closed: list[Viewer] = []
    viewer = Viewer(course.place, backlog, closed=closed.append)
    viewer.put(course.event(10))
    viewer.close()
    viewer.close()
    assert closed == [viewer]
    assert not backlog.holders
    assert backlog.size == 0


async def test_the_end_is_told_to_who_waits() -> None:
    viewer = viewer_of(Course())
    waiting = asyncio.create_task(viewer.next(30))
    await asyncio.sleep(0)
    viewer.end()
    assert await asyncio.wait_for(waiting, 5) is None
    assert await viewer.next(30) is None
