"""What a view tells of changes: by what matches now, and by what it showed before."""

import pytest

from broker.feed.events import Kept
from broker.feed.view import ABSENT, MEANWHILE, Changed, View
from broker.model.entity import Entity
from broker.query.ast import AnyType, HasType
from broker.query.plan import Query, Selector
from tests.feed.looking import ROOM, ROOMS, SHED, Course, room, show, taken, view_of, watched

PAST = "2001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("shown", "change", "told"),
    [
        ((), room(1), [("entity", 1)]),
        ((1,), room(1), [("entity", 1)]),
        ((1,), room(1, warm=False), [("left", 1)]),
        ((), room(1, warm=False), []),
        ((2,), room(1, warm=False), []),
        ((1,), room(1, types=(SHED,)), [("left", 1)]),
        ((), room(1, types=(SHED,)), []),
        ((1,), 1, [("deleted", 1)]),
        ((), 1, []),
        ((1,), room(1, expires_at=PAST), [("deleted", 1)]),
        ((), room(1, expires_at=PAST), []),
    ],
)
async def test_a_change_is_told_if_the_entity_matches_or_did(
    shown: tuple[int, ...], change: Entity | int, told: list[tuple[str, int]]
) -> None:
    course = Course()
    view = view_of(shown=shown)
    viewer = watched(view, course)
    view.tell(course.deleted(change) if isinstance(change, int) else course.changed(change))
    assert await taken(viewer) == told


async def test_it_remembers_who_comes_and_goes() -> None:
    course = Course()
    view = view_of()
    viewer = watched(view, course)
    for changed in (
        course.changed(room(1, warm=False)),
        course.changed(room(1)),
        course.changed(room(1, warm=False)),
        course.changed(room(1, warm=False)),
        course.deleted(1),
        course.changed(room(1)),
        course.deleted(1),
    ):
        view.tell(changed)
    assert await taken(viewer) == [("entity", 1), ("left", 1), ("entity", 1), ("deleted", 1)]


async def test_what_has_nothing_to_show_does_not_match() -> None:
    course = Course()
    view = View(ROOMS, lambda entity: None if entity.id == room(1).id else show(entity), Kept(10))
    view.settle()
    viewer = watched(view, course)
    view.tell(course.changed(room(1)))
    view.tell(course.changed(room(2)))
    assert await taken(viewer) == [("entity", 2)]


async def test_what_changes_while_it_is_opened_prevails() -> None:
    course = Course()
    view = View(ROOMS, show, Kept(10))
    view.tell(course.changed(room(1, types=(SHED,))))
    view.tell(course.changed(room(2)))
    view.tell(course.deleted(3))
    view.tell(course.changed(room(3)))
    view.remember([room(number).id for number in (1, 4)])
    view.settle()
    viewer = watched(view, course)
    for number in (1, 2, 3, 4):
        view.tell(course.deleted(number))
    assert await taken(viewer) == [("deleted", 2), ("deleted", 3), ("deleted", 4)]


async def test_without_room_it_tells_of_all_that_could_have_matched() -> None:
    course = Course()
    kept = Kept(2)
    view = view_of(kept=kept, shown=(1, 2, 3))
    assert kept.number == 0
    viewer = watched(view, course)
    for changed in (
        course.changed(room(1)),
        course.changed(room(2, warm=False)),
        course.changed(room(4, types=(SHED,))),
        course.changed(room(5, types=(SHED,)), retyped=True),
        course.changed(room(6, warm=False), made=True),
        course.deleted(7),
    ):
        view.tell(changed)
    assert await taken(viewer) == [("entity", 1), ("left", 2), ("left", 5), ("deleted", 7)]


async def test_without_room_ids_still_decide() -> None:
    course = Course()
    view = view_of(Query(selectors=(Selector(ids=(room(1).id,)),)), Kept(0), shown=(1,))
    viewer = watched(view, course)
    view.tell(course.deleted(1))
    view.tell(course.deleted(2))
    assert await taken(viewer) == [("deleted", 1)]


def test_what_views_remember_is_counted_and_given_back() -> None:
    course = Course()
    kept = Kept(4)
    first, second = view_of(ROOMS, kept, (1, 2)), view_of(ROOMS, kept, (1,))
    assert kept.number == 3
    second.tell(course.deleted(1))
    assert kept.number == 2
    first.forget()
    assert kept.number == 0
    first.tell(course.changed(room(3)))
    assert kept.number == 0


def test_too_many_changes_while_it_is_opened_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MEANWHILE <= 100_000
    monkeypatch.setattr("broker.feed.view.MEANWHILE", 3)
    course = Course()
    kept = Kept(10)
    view = View(ROOMS, show, kept)
    for number in range(4):
        view.tell(course.changed(room(number)))
    view.remember([room(9).id])
    view.settle()
    assert kept.number == 0


def test_who_comes_back_is_told_what_could_have_matched() -> None:
    course = Course()
    view = view_of(
        Query(selectors=(Selector(types=AnyType((HasType(ROOM), HasType("x")))),), attributes=frozenset({"a"}))
    )
    absent: set[int] = set()

    def told(changed: Changed) -> str | None:
        event = view.retold(changed, absent)
        return None if event is None else event.kind.value

    assert told(course.changed(room(1))) == "left"
    assert told(course.changed(room(1))) is None
    assert told(course.deleted(1)) is None
    assert told(course.changed(room(2, types=(SHED,)))) is None
    assert told(course.changed(room(3), made=True)) is None
    assert told(course.deleted(3)) is None
    assert told(course.deleted(4)) == "deleted"
    assert len(absent) <= ABSENT
    view = view_of()
    assert told(course.changed(room(4))) == "entity"
    assert told(course.deleted(4)) == "deleted"
