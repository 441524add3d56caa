"""Conditions as JSON and back."""

import orjson
from hypothesis import given, settings

from broker.query.coded import decode, encode
from broker.query.q import parse
from tests.query import oracle
from tests.query.context import CONTEXT
from tests.query.strategies import queries
from tests.thoroughness import examples


@settings(max_examples=examples(200))
@given(queries())
def test_a_condition_comes_back_as_it_was(query: oracle.Query) -> None:
    condition = parse(oracle.text(query), CONTEXT)
    back = decode(orjson.loads(orjson.dumps(encode(condition))))
    assert back == condition
    assert repr(back) == repr(condition)  # 1 is no 1.0 and no true
