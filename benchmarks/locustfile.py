"""locust's file: the users of a city. See docs/load-tests.md.

locust -f benchmarks/locustfile.py --host http://localhost:1026 --city hamlet          with locust's page
locust -f … --headless -u 20 -t 1m --user-rate 5 Dashboard DomainSystem                without, an open loop
"""

import logging
from typing import Any, Final

from locust import events
from locust.env import Environment

from benchmarks.users import check, options
from benchmarks.users.base import CityUser
from benchmarks.users.kinds import Dashboard, DomainSystem, Historian, Subscriber

__all__ = ["Dashboard", "DomainSystem", "Historian", "Subscriber"]

SHOWN: Final = 20

_logger = logging.getLogger(__name__)


def start(environment: Environment, **_: Any) -> None:
    """Make what the users share."""
    CityUser.shared = options.shared(environment)


class Lost(Exception):
    """Something that was acknowledged is not there."""


def stop(environment: Environment, **_: Any) -> None:
    """Look for what was acknowledged. Each check is a row of locust's table, and fails if something is not there.

    The processes that load do so, each for its own users; the one that only leads them has nothing to look for.
    """
    shared = CityUser.shared
    given: Any = environment.parsed_options
    if given.check == "yes" and shared.ledger.entries and environment.host is not None:
        for found in check.checks(environment.host, shared):
            _tell(environment, found)
    shared.sinks.close()


def _tell(environment: Environment, found: check.Check) -> None:
    for entity_id, what in list(found.lost.items())[:SHOWN]:
        _logger.error("%s: %s", entity_id, what)
    _logger.info("%s: %d looked for, %d lack something acknowledged.", found.name, found.checked, len(found.lost))
    some = next(iter(found.lost.items()), None)
    environment.events.request.fire(  # type: ignore[no-untyped-call]
        request_type="CHECK",
        name=f"{found.name}: all that was acknowledged is there",
        response_time=0,
        response_length=0,
        exception=Lost(f"{len(found.lost)} of {found.checked}; {some[0]}: {some[1]}") if some else None,
        context={},
    )
    if found.lost:
        environment.process_exit_code = 1


def _listen(hooks: Any) -> None:
    hooks.init_command_line_parser.add_listener(options.add)
    hooks.test_start.add_listener(start)
    hooks.test_stop.add_listener(stop)


_listen(events)
