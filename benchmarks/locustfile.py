"""locust's file: the users of a city. See docs/load-tests.md.

locust -f benchmarks/locustfile.py --host http://localhost:1026 --city hamlet          with locust's page
locust -f … --headless -u 20 -t 1m --user-rate 5 Dashboard DomainSystem                without, an open loop
"""

import logging
from typing import Any

from locust import events
from locust.env import Environment

from benchmarks.users import check, options
from benchmarks.users.base import CityUser
from benchmarks.users.kinds import Dashboard, DomainSystem, Historian, Subscriber

__all__ = ["Dashboard", "DomainSystem", "Historian", "Subscriber"]

_logger = logging.getLogger(__name__)


def start(environment: Environment, **_: Any) -> None:
    """Make what the users share."""
    CityUser.shared = options.shared(environment)


def stop(environment: Environment, **_: Any) -> None:
    """Look for what was acknowledged; locust ends with status 1 if something is not there."""
    shared = CityUser.shared
    shared.sinks.close()
    given: Any = environment.parsed_options
    if given.check == "no" or not shared.ledger.entries or environment.host is None:
        return
    lost = check.lost(environment.host, shared)
    for entity_id, what in list(lost.items())[:20]:
        _logger.error("%s: %s", entity_id, what)
    checked = len(shared.ledger.entries)
    _logger.info("%d of %d entities that were written hold what was acknowledged.", checked - len(lost), checked)
    if lost:
        environment.process_exit_code = 1


def _listen(hooks: Any) -> None:
    hooks.init_command_line_parser.add_listener(options.add)
    hooks.test_start.add_listener(start)
    hooks.test_stop.add_listener(stop)


_listen(events)
