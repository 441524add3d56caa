"""What conditions on linked entities ask of the entity itself (GS CIM 009 §4.9)."""

import pytest

from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.names import CORE_CONTEXT
from broker.query.links import follows, of_itself
from broker.query.q import parse

NAMES = Compiler(Bundled()[CORE_CONTEXT]).core


@pytest.mark.parametrize(
    ("asked", "of_entity"),
    [
        ("rel{a}==1", "rel"),
        ("rel{a}!=1", "rel"),
        ("rel{T:a{b}}~=x", "rel"),
        ("rel{a}", "rel"),
        ("rel.sub{a}>1", "rel.sub"),
        ("rel{a}==1;level>2", "rel;level>2"),
        ("(rel{a}==1|level>2);other!=3", "(rel|level>2);other!=3"),
        ("level>2", "level>2"),
    ],
)
def test_it_asks_for_the_links_themselves(asked: str, of_entity: str) -> None:
    remaining = of_itself(parse(asked, NAMES))
    assert remaining == parse(of_entity, NAMES)
    assert not follows(remaining)
