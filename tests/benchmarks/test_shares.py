"""Whose time a profile's samples are."""

import pytest

from benchmarks.shares import OTHER, shares

RAW = """\
process 7:"worker";main (broker/cli/worker.py:12);answer (broker/api/batch.py:3) 6
process 7:"worker";answer (broker/api/batch.py:3);expand (broker/jsonld/compiled.py:9) 2
process 7:"worker";expand (broker/jsonld/compiled.py:9);load (json/decoder.py:4) 1
process 7:"worker";send (broker/store/groups.py:3);bulk (broker/store/bulk.py:3);\
write (pymongo/pool.py:3) 1
"""


@pytest.mark.parametrize(
    ("part", "within", "at_top"),
    [
        ("broker/cli", 0.6, 0.0),
        ("broker/api", 0.8, 0.6),
        ("broker/jsonld", 0.3, 0.2),
        ("json", 0.1, 0.1),
        ("broker/store", 0.1, 0.0),
        ("pymongo", 0.1, 0.1),
    ],
)
def test_a_sample_is_of_each_part_in_its_stack_and_of_one_at_its_top(part: str, within: float, at_top: float) -> None:
    assert shares(RAW)[part] == pytest.approx((within, at_top))


def test_a_module_of_the_brokers_own_folder_is_the_brokers() -> None:
    assert shares("main (broker/app.py:1) 3") == {"broker": (1.0, 1.0)}


def test_a_module_without_a_package_is_named_itself() -> None:
    assert shares("run (threading.py:1) 3") == {"threading": (1.0, 1.0)}


def test_a_thread_that_waits_for_work_is_left_out() -> None:
    waiting = "run (threading.py:982);_worker (concurrent/futures/thread.py:81)"
    assert shares(f"{waiting} 5\nrun (asyncio/events.py:1) 3") == {"asyncio": (1.0, 1.0)}


def test_what_has_no_file_is_other() -> None:
    assert shares('process 7:"worker" 3') == {OTHER: (1.0, 1.0)}
