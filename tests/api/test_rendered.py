"""Rendered entities are kept, bounded, and never shown when they are out of date."""

import asyncio
from time import sleep
from typing import Any

from broker.api.rendered import Answers, Rendered
from broker.api.responses import Response
from broker.model.entity import Entity, encode
from broker.store.found import Found
from broker.store.queries import Matches


def entity(number: int, name: str = "x") -> Entity:
    return Entity(f"urn:x:{number}", ("T",), {name: []}, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")


class Counting:
    """Renders an id, and counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, entity: Entity) -> dict[str, Any]:
        self.times += 1
        return {"id": entity.id, "names": list(entity.attributes)}


def found(number: int, name: str = "x") -> Found:
    return Found(f"urn:x:{number}", encode(entity(number, name)))


async def test_what_was_rendered_is_not_rendered_again() -> None:
    render, rendered = Counting(), Rendered(2**20)
    first = await rendered.pieces("form", [found(1), found(2)], render)
    assert await rendered.pieces("form", [found(2), found(1)], render) == first[::-1]
    assert first == [b'{"id":"urn:x:1","names":["x"]}', b'{"id":"urn:x:2","names":["x"]}']
    assert render.times == 2


async def test_a_changed_entity_is_rendered_anew() -> None:
    render, rendered = Counting(), Rendered(2**20)
    await rendered.pieces("form", [found(1)], render)
    assert await rendered.pieces("form", [found(1, "y")], render) == [b'{"id":"urn:x:1","names":["y"]}']


async def test_each_form_has_its_own() -> None:
    render, rendered = Counting(), Rendered(2**20)
    await rendered.pieces("form", [found(1)], render)
    await rendered.pieces("another form", [found(1)], render)
    assert render.times == 2


async def test_what_expires_is_rendered_each_time() -> None:
    render, rendered = Counting(), Rendered(2**20)
    for _ in range(2):
        await rendered.pieces("form", [Found("urn:x:1", encode(entity(1)), entity(1))], render)
    assert render.times == 2


async def test_memory_is_bounded_and_what_is_asked_for_again_stays() -> None:
    render, rendered = Counting(), Rendered(40_000)
    for number in range(1000):
        await rendered.pieces("form", [found(0), found(number + 1)], render)
    assert render.times == 1001, "the entity of each page was rendered once"
    kept = sum(len(pieces) for forms in (rendered._young, rendered._old) for pieces in forms.values())
    assert kept < 200


async def test_others_get_a_turn_while_a_large_page_is_rendered() -> None:
    turns = 0

    def render(entity: Entity) -> dict[str, Any]:
        sleep(0.0005)
        return {"id": entity.id}

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    pieces = await Rendered(2**20).pieces("form", [found(number) for number in range(100)], render)
    waiting.cancel()
    assert pieces == [b'{"id":"urn:x:%d"}' % number for number in range(100)]
    assert turns >= 5


async def test_an_answer_is_given_again_for_the_same_matches_and_form_alone() -> None:
    answers, matches = Answers(), Matches([found(1)])
    answers.keep(matches, "form", Response(200, [(b"link", b"x")], b"[1]"))
    first = answers.to(matches, "form")
    assert first is not None
    first.headers.append((b"x-request-id", b"of the first"))
    again = answers.to(matches, "form")
    assert again is not None
    assert (again.status, again.headers, again.body) == (200, [(b"link", b"x")], b"[1]")
    assert answers.to(matches, "another") is None
    assert answers.to(Matches([found(1)]), "form") is None


async def test_only_the_answers_to_the_last_matches_are_kept() -> None:
    answers, matches = Answers(), Matches([found(1)])
    answers.keep(matches, "form", Response(200, [], b"[1]"))
    answers.keep(Matches([found(2)]), "form", Response(200, [], b"[2]"))
    assert answers.to(matches, "form") is None
