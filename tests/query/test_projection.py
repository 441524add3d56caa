"""The projection language (GS CIM 009 §4.21)."""

import pytest

from broker.errors import BadRequestData
from broker.model.project import Members
from broker.query.descent import MAX_NESTING
from broker.query.projection import MAX_MEMBERS, parse


def expand(name: str) -> str:
    return name if ":" in name else f"x:{name}"


def members(*whole: str, **linked: Members) -> Members:
    return Members(frozenset(whole), {f"x:{name}": inner for name, inner in linked.items()})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", members("x:a")),
        ("a,b|c", members("x:a", "x:b", "x:c")),
        ("id,type|scope", members("id", "type", "scope")),
        ("https://example.org/ns#a", members("https://example.org/ns#a")),
        (" a , b ", members("x:a", "x:b")),
        ("id,r{a}", members("id", r=members("x:a"))),
        ("r { id | a } , b", members("x:b", r=members("id", "x:a"))),
        ("r{a,s{b,t{id}}}", members(r=members("x:a", s=members("x:b", t=members("id"))))),
        ("r{a},s{b}", members(r=members("x:a"), s=members("x:b"))),
        ("a,a", members("x:a")),
        ("r{a},r{b}", members(r=members("x:a", "x:b"))),
        ("r{s{a}},r{s{b},s}", members(r=members("x:s"))),
        ("r{a},r", members("x:r")),
        ("r,r{a}", members("x:r")),
    ],
)
def test_a_projection_is_parsed(text: str, expected: Members) -> None:
    assert parse(text, expand) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a name at position 0, found the end"),
        (",a", "expected a name at position 0, found ','"),
        ("a,", "expected a name at position 2, found the end"),
        ("a,,b", "expected a name at position 2, found ','"),
        ("a,|b", "expected a name at position 2, found '|'"),
        ("a b", "expected ',' or '|' at position 2, found 'b'"),
        ("r{a", "expected ',', '|' or '}' at position 3, found the end"),
        ("r{a}}", "expected ',' or '|' at position 4, found '}'"),
        ("r{{a}", "expected a name at position 2, found '{'"),
        ("r{}", "expected a name at position 2, found '}'"),
        ("r{,a}", "expected a name at position 2, found ','"),
        ("r{a,}", "expected a name at position 4, found '}'"),
        ("r{a}b", "expected ',' or '|' at position 4, found 'b'"),
        ("{a}", "expected a name at position 0, found '{'"),
        ("id{a}", "expected ',' or '|' after id at position 2, found '{'"),
        ("r{" * (MAX_NESTING + 1) + "a", f"nest deeper than {MAX_NESTING}"),
        (",".join("a" * (MAX_MEMBERS + 1)), f"more than {MAX_MEMBERS} names"),
    ],
)
def test_a_mistake_is_named_with_its_position(text: str, says: str) -> None:
    with pytest.raises(BadRequestData) as refusal:
        parse(text, expand)
    assert says in refusal.value.detail


@pytest.mark.parametrize(
    ("text", "depth"), [("a", 0), ("r{a}", 1), ("r{a},s{t{a}}", 2), ("r{s{t{a}}}", 3), ("r{s{a}},r", 0)]
)
def test_the_depth_is_that_of_the_links_that_are_followed(text: str, depth: int) -> None:
    assert parse(text, expand).depth == depth


@pytest.mark.parametrize(
    ("picked", "omitted", "contradict"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("id,a", "id", True),
        ("r{a}", "r{a}", True),
        ("r{a}", "r{b}", False),
        ("r{a}", "r", True),
        ("r", "r{a}", False),
        ("r{s{a}}", "r{s{a}}", True),
        ("r{a}", "a", False),
    ],
)
def test_what_is_picked_is_not_omitted(picked: str, omitted: str, contradict: bool) -> None:
    assert parse(picked, expand).contradicts(parse(omitted, expand)) is contradict
