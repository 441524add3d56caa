"""Expected lifetimes: RFC 9111 §4.2, §5.2, §5.3."""

import pytest

from broker.hosting.fetch import HEURISTIC_SECONDS, LEAST_SECONDS, lifetime

DATE = {"Date": "Fri, 20 Nov 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, HEURISTIC_SECONDS),
        ({"Cache-Control": "public"}, HEURISTIC_SECONDS),
        ({"Cache-Control": "max-age=600"}, 600),
        ({"Cache-Control": "public, MAX-AGE=600, immutable"}, 600),
        ({"Cache-Control": 'max-age="600"'}, 600),
        ({"Cache-Control": "max-age=600, s-maxage=60"}, 60),
        ({"Cache-Control": "max-age=600", "Age": "100"}, 500),
        ({"Cache-Control": "max-age=600", "Age": "junk"}, 600),
        ({"Cache-Control": "max-age=600", "Age": "9999"}, LEAST_SECONDS),
        ({"Cache-Control": "max-age=0"}, LEAST_SECONDS),
        ({"Cache-Control": "no-store, max-age=600"}, LEAST_SECONDS),
        ({"Cache-Control": "no-cache"}, LEAST_SECONDS),
        ({"Cache-Control": "max-age=600", "Expires": "Fri, 20 Nov 2026 12:00:30 GMT", **DATE}, 600),
        ({"Expires": "Fri, 20 Nov 2026 12:00:30 GMT", **DATE}, 30),
        ({"Expires": "Fri, 20 Nov 2026 11:00:00 GMT", **DATE}, LEAST_SECONDS),
        ({"Expires": "0", **DATE}, LEAST_SECONDS),
        ({"Cache-Control": "max-age=x"}, HEURISTIC_SECONDS),
        ({"Cache-Control": "x-max-age=5"}, HEURISTIC_SECONDS),
    ],
)
def test_lifetime(headers: dict[str, str], seconds: float) -> None:
    assert lifetime(headers) == seconds
