"""docs/conformance.md is whole, fresh, and says only what tests prove."""

import ast
from collections import Counter

import pytest

from tests.conformance import page
from tests.conformance.etsi.scores import scores, suite
from tests.conformance.features import GROUPS, ROOT, Feature, features, functions, proofs_here

FEATURES = features()


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "conformance.md").read_text()
    assert written == page.markdown(), "run `python -m tests.conformance.page > docs/conformance.md`"


def test_each_feature_has_a_row() -> None:
    expected = [f"{group}-{number:02}" for group, (_, last) in GROUPS.items() for number in range(1, last + 1)]
    assert [row.id for row in FEATURES] == expected
    assert len(expected) == 219


@pytest.mark.parametrize("row", [row for row in FEATURES if row.proof], ids=lambda row: row.id)
def test_each_proof_exists(row: Feature) -> None:
    for proof in row.proof:
        file, _, name = proof.partition("::")
        assert name in [function.name for function in functions(ROOT / file)], proof


@pytest.mark.parametrize("row", FEATURES, ids=lambda row: row.id)
def test_a_row_is_proven_or_says_what_is_missing(row: Feature) -> None:
    over_http = [proof for proof in row.proofs if speaks_http(proof)]
    if row.state == "none":
        assert not row.proofs
    else:
        assert over_http
    assert bool(row.note) == (row.state == "partial")


def speaks_http(proof: str) -> bool:
    """Whether a test, or its module, is marked as one that speaks to a running broker."""
    file, _, name = proof.partition("::")
    (function,) = (each for each in functions(ROOT / file) if each.name == name)
    module = ast.parse((ROOT / file).read_text()).body
    marked = [ast.unparse(node) for node in module if isinstance(node, ast.Assign)]
    return "pytestmark = pytest.mark.http" in marked or "pytest.mark.http" in map(ast.unparse, function.decorator_list)


def test_each_test_over_http_names_features_that_there_are() -> None:
    ids = {row.id for row in FEATURES}
    for test, named in proofs_here().items():
        assert named <= ids, test
        assert named or not speaks_http(test), test


def test_each_failure_of_the_suite_has_a_reason() -> None:
    explained = Counter(test for failure in suite().failures for test in failure.tests)
    assert explained == Counter(scores()["failed"]["official"])
    assert set(scores()["failed"]["corrected"]) <= explained.keys()


def test_the_areas_are_the_whole_suite() -> None:
    areas = suite().areas
    assert sum(area.tests for area in areas) == 1013
    counts = scores()["areas"]
    assert {area.name: area.tests for area in areas if not area.waits_for} == {
        name: count["official"][1] for name, count in counts.items()
    }
