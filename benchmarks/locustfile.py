"""locust's file: the users of a city. See docs/load-tests.md.

locust -f benchmarks/locustfile.py --host http://localhost:1026 --city hamlet          with locust's page
locust -f … --headless -u 20 -t 1m --user-rate 5 Dashboard DomainSystem                without, an open loop
"""

import logging
from time import monotonic
from typing import Any, Final

import gevent
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from benchmarks.users import check, options
from benchmarks.users.base import CityUser
from benchmarks.users.check import Check
from benchmarks.users.kinds import Dashboard, DomainSystem, Historian, Mixed, Subscriber

__all__ = ["Dashboard", "DomainSystem", "Historian", "Mixed", "Subscriber"]

SHOWN: Final = 20
CHECKED: Final = "checked"
"""Message of a process that loads: what it looked for."""
FINISH: Final = "finish"
"""Message to it: stop, look."""
PATIENCE: Final = 180.0
"""Seconds that the checks of other processes are waited for."""

_checked: dict[str, list[Check]] = {}
"""Of the processes that load, in the one that leads."""

_logger = logging.getLogger(__name__)


def start(environment: Environment, **_: Any) -> None:
    """Make what the users share."""
    _checked.clear()
    CityUser.shared = options.shared(environment)


class Lost(Exception):
    """Something that was acknowledged is not there."""


def stop(environment: Environment, **_: Any) -> None:
    """Look for what was acknowledged. Each check is a row of locust's table, and fails if something is not there.

    The processes that load do so, each for its own users, and tell the one that leads them, which waits for it.
    """
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        runner.send_message(FINISH)
        until = monotonic() + PATIENCE
        while _checked.keys() < {client.id for client in runner.clients.all} and monotonic() < until:
            gevent.sleep(0.1)
        found = [each for checks in _checked.values() for each in checks]
    else:
        found = _checks(environment)
    if isinstance(runner, WorkerRunner):
        runner.send_message(CHECKED, {"checks": [each._asdict() for each in found]})
        return
    for each in found:
        _tell(environment, each)


def _checks(environment: Environment) -> list[Check]:
    """Of the users of this process."""
    shared = CityUser.shared
    given: Any = environment.parsed_options
    wanted = given.check == "yes" and shared.ledger.entries and environment.host is not None
    found = list(check.checks(environment.host or "", shared)) if wanted else []
    shared.sinks.close()
    for each in found:
        for lost_id, what in list(each.lost.items())[:SHOWN]:
            _logger.error("%s: %s", lost_id, what)
    return found


def _tell(environment: Environment, found: Check) -> None:
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


def init(environment: Environment, **_: Any) -> None:
    """Let the processes of a distributed load speak of their checks."""
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        runner.register_message(CHECKED, _hear)
    elif isinstance(runner, WorkerRunner):
        runner.register_message(FINISH, _finish)


def _hear(environment: Environment, msg: Any) -> None:
    _checked[msg.node_id] = [Check(**each) for each in msg.data["checks"]]


def _finish(environment: Environment, msg: Any) -> None:
    if environment.runner is not None:
        environment.runner.stop()


def _listen(hooks: Any) -> None:
    hooks.init_command_line_parser.add_listener(options.add)
    hooks.init.add_listener(init)
    hooks.test_start.add_listener(start)
    hooks.test_stop.add_listener(stop)


_listen(events)
