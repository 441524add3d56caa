"""A result for people: as a page, beside another one, in the documentation."""

import re
from typing import Any

import pytest

from benchmarks import compare, html, page
from benchmarks.verdicts import Verdict

MOONSHOTS = "<!-- moonshots: begin --><!-- moonshots: end -->"


def _run(rate: float) -> dict[str, Any]:
    return {"rate": rate, "p50": 1.0, "p99": 2.5, "errors": 0, "cpu_us": 50.0, "mongod_us": 60.0}


def _verdict(verdict: Verdict, **bounds: float | None) -> dict[str, Any]:
    bound = {"at_least": None, "at_most": None, "goal": None} | bounds
    return {"case": "read-1", "ratio": "broker/H", "values": [0.5, 0.7, 0.6], "verdict": verdict, "void": "", **bound}


@pytest.fixture
def result() -> dict[str, Any]:
    runs = {"broker": [_run(90), _run(110), _run(100)], "D": [_run(400)], "naive": [], "H": [_run(1000)]}
    batch = {"broker": [_run(2)], "D": [_run(4)], "naive": [_run(3)], "H": [_run(8)]}
    return {
        "about": {
            "commit": "abc<1>", "date": "2026-01-01T00:00:00+00:00", "cores": 2, "processor": "P", "memory_gib": 8,
            "python": "3.11", "mongod": "6.0", "entities": 10000, "repetitions": 3,
        },
        "cases": [
            {"name": "read-1", "title": "point read", "size": 1, "runs": runs},
            {"name": "upsert-1000-new", "title": "batch", "size": 1000, "runs": batch},
        ],
        "verdicts": [_verdict(Verdict.MET, at_least=0.5), _verdict(Verdict.MISSED, at_most=0.1)],
        "peers": {
            "systems": [{"name": "Other", "database": True}],
            "versions": "Other 1",
            "row": [{"case": "read-1", "rates": [42]}, {"case": "none", "rates": [1]}],
        },
    }  # fmt: skip


def test_rates_of_batches_are_entities(result: dict[str, Any]) -> None:
    assert [html.rates(case)["broker"] for case in result["cases"]] == [100, 2000]


def test_a_page_needs_nothing_from_elsewhere_and_escapes_what_it_shows(result: dict[str, Any]) -> None:
    shown = html.page(result)
    assert not re.search(r"(?:src|href)\s*=|@import|url\(", shown)
    assert "abc&lt;1&gt;" in shown
    assert "abc<1>" not in shown


def test_a_page_sums_the_verdicts_up(result: dict[str, Any]) -> None:
    assert html.summary(result["verdicts"]) == "Of 2 targets 1 met, 1 missed, 0 undecided, 0 void."
    shown = html.page(result)
    assert "<b>1</b><span>targets met</span>" in shown
    assert "<b>1</b><span>missed</span>" in shown


def test_a_page_begins_with_what_asks_for_attention(result: dict[str, Any]) -> None:
    shown = html.page(result)
    assert shown.index('<td class="text missed">') < shown.index('<td class="text met">')


@pytest.mark.parametrize(
    ("bounds", "at"),
    [({"at_least": 0.6}, 50), ({"at_most": 0.6}, 50), ({"at_least": 0.4}, 75), ({"at_most": 1.2}, 100)],
    ids=["as the bound", "as the bound, at most", "half better", "twice as good"],
)
def test_all_targets_have_one_scale_with_the_bound_in_its_middle(
    result: dict[str, Any], bounds: dict[str, float], at: int
) -> None:
    result["verdicts"] = [_verdict(Verdict.MET, **bounds)]
    assert f'<div class="middle" style="left:{at:.1f}%">' in html.page(result)


def test_what_was_lost_is_told_first(result: dict[str, Any]) -> None:
    checks = {"entities": {"checked": 1234, "lost": 0}, "history": {"checked": 2000, "lost": 3}}
    shown = html.page(result | {"kept": {"checks": checks}})
    assert "<b>3 lost</b><span>of 1,234 entities, 2,000 points" in shown


def test_a_verdict_without_values_is_shown(result: dict[str, Any]) -> None:
    result["verdicts"] = [_verdict(Verdict.VOID, at_most=0) | {"values": [], "void": "none was acknowledged"}]
    assert "none was acknowledged" in html.page(result)
    assert "none was acknowledged" in page.figures(result)


def test_the_documentation_has_the_figures_between_its_marks_and_keeps_the_rest(result: dict[str, Any]) -> None:
    before = f"above\n{page.BEGIN}\nold\n{page.END}\nbelow\n{MOONSHOTS}\n"
    after = page.renewed(before, result)
    assert after.startswith(f"above\n{page.BEGIN}\nCommit abc")
    assert f"{page.END}\nbelow\n<!-- moonshots: begin -->\n| # |" in after
    assert after.endswith("<!-- moonshots: end -->\n")
    assert "old" not in after
    assert "| point read | 100 | 1,000 | 400 |  | 1.0 | 2.5 |" in after
    assert "| point read, c1 | of what HTTP in Python allows (H) | ≥ 0.5 | 0.60 | 0.50 – 0.70 | met |" in after
    assert page.renewed(after, result) == after


def test_a_moonshot_shows_the_worst_of_its_figures_or_says_how_to_measure_it(result: dict[str, Any]) -> None:
    measured = result | {"ratios": {"upsert-1000-new broker/D": [0.5, 0.9, 0.7], "upsert-1000-again broker/D": [0.8]}}
    (row,) = [line for line in page.moonshots([measured]).splitlines() if "≥ 0.6 D" in line]
    assert "| 0.70 (upsert-1000-new) | there | `make bench` |" in row
    (row,) = [line for line in page.moonshots([result]).splitlines() if "≥ 0.6 D" in line]
    assert "| not measured yet |  | `make bench` |" in row


def test_queries_of_fewer_entities_are_no_figure_of_a_million(result: dict[str, Any]) -> None:
    few = result | {"ratios": {"query-page-10000 p95": [1.0]}}
    million = few | {"about": result["about"] | {"sizes": [10_000, 1_000_000]}}
    rows = [line for found in (few, million) for line in page.moonshots([found]).splitlines() if "page 10 000" in line]
    assert "not measured yet" in rows[0]
    assert "| 1.00 | there |" in rows[1]


def _repeated(result: dict[str, Any], *values: float) -> dict[str, Any]:
    return result | {"verdicts": [_verdict(Verdict.MET, at_least=0.5) | {"values": list(values)}]}


def test_the_intervals_of_two_runs_overlap_or_not(result: dict[str, Any]) -> None:
    one = _repeated(result, *(0.5 + number / 100 for number in range(10)))
    (same,) = compare.gated(one, _repeated(result, *(0.55 + number / 100 for number in range(10))))
    (apart,) = compare.gated(one, _repeated(result, *(0.7 + number / 100 for number in range(10))))
    assert same.overlaps
    assert not apart.overlaps
    assert same.one.low == pytest.approx(0.51)
    assert same.one.high == pytest.approx(0.58)


def test_a_documentation_without_marks_is_told(result: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no"):
        page.renewed("nothing", result)


def test_results_stand_side_by_side_for_the_cases_of_both(result: dict[str, Any]) -> None:
    other = result | {"cases": [result["cases"][0] | {"runs": {"broker": [_run(250)]}}]}
    table = compare.table(result, other)
    assert [list(column.cells) for column in table.columns] == [
        ["point read"], ["100 ±10%"], ["250 ±0%"], ["2.50"], ["2.5"], ["2.5"],
    ]  # fmt: skip


def test_results_of_different_machines_say_so(result: dict[str, Any]) -> None:
    other = result | {"about": result["about"] | {"cores": 64}}
    assert "machines differ" in str(compare.table(result, other).caption)
