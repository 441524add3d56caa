"""docs/operations.md lists the metrics that there are."""

import re

from prometheus_client import Counter, Gauge, Histogram

from broker import telemetry
from tests.docs.pages import OPERATIONS

_ROW = re.compile(r"^\| `(ngsild_\w+)` \|(.*?)\|", re.MULTILINE)


def metrics() -> dict[str, set[str]]:
    """The names under which Prometheus knows our metrics, and their labels."""
    found = {}
    for metric in vars(telemetry).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            (family,) = metric.describe()
            suffix = "_total" if isinstance(metric, Counter) else ""
            found[family.name + suffix] = set(metric._labelnames)
    return found


def test_the_table_of_metrics_is_that_of_the_telemetry() -> None:
    told = {name: set(re.findall(r"\w+", labels)) for name, labels in _ROW.findall(OPERATIONS.read_text())}
    assert told == metrics()


def test_metrics_that_are_named_elsewhere_on_the_page_exist() -> None:
    known = {name + suffix for name in metrics() for suffix in ("", "_bucket", "_count", "_sum")}
    assert set(re.findall(r"ngsild_[a-z_]+", OPERATIONS.read_text())) <= known
