"""What a run of locust is told besides its own options, and what the users of a process share."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import LocalRunner

from benchmarks.users.ledger import Ledger
from benchmarks.users.pace import Pace
from benchmarks.users.sinks import Sinks
from broker.cli.city.fleet import SIZES
from broker.cli.city.generate import City
from broker.cli.city.town import Town

SEED: Final = 1
PROCESSES: Final = 8
"""Into so many processes' parts the city is divided when locust is distributed, unless more are expected."""


def add(parser: LocustArgumentParser) -> None:
    """The options, which locust's web page shows, too."""
    parser.add_argument("--city", choices=[*SIZES], default="hamlet", help="Size of the sample city that is served.")
    parser.add_argument("--seed", type=int, default=SEED, help="Of the sample city.")
    parser.add_argument(
        "--user-rate",
        type=float,
        default=0.0,
        help="Requests a second of each user, at random times whatever the broker does; 0: the next after the answer.",
    )
    parser.add_argument(
        "--writers", type=int, default=8, help="Most users of a process that write: so many parts has the city."
    )
    parser.add_argument("--tenant", default="", help="NGSILD-Tenant of all requests.")
    parser.add_argument("--sink-host", default="127.0.0.1", help="Where the broker finds this process, for its sinks.")
    parser.add_argument(
        "--check", choices=["yes", "no"], default="yes", help="Look for what was acknowledged, at the end."
    )


@dataclass(slots=True)
class Shared:
    """What the users of one process have in common."""

    city: City
    town: Town
    seed: int
    rate: float | None
    tenant: str
    worker: int
    workers: int
    most_writers: int
    """Of each process."""
    sinks: Sinks
    ledger: Ledger = field(default_factory=Ledger)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    subscriptions: list[str] = field(default_factory=list)
    """Ids of those that were made."""
    users: int = 0
    """So far."""
    writers: int = 0

    def slot(self) -> int:
        """A part of the city for a user that writes; no other of any process has it."""
        self.writers += 1
        if self.worker >= self.workers:
            raise ValueError(f"More than {self.workers} processes load: say so by --expect-workers.")
        if self.writers > self.most_writers:
            raise ValueError(f"More than {self.most_writers} users of this process write: say so by --writers.")
        return self.worker * self.most_writers + self.writers - 1

    @property
    def parts(self) -> int:
        """In how many parts the city's entities are."""
        return self.most_writers * self.workers

    def random(self, salt: Any) -> Random:
        """Random numbers of one user."""
        return Random(f"{self.seed}/{self.worker}/{salt}")

    def pace(self, salt: Any) -> Pace:
        """The pace of one user."""
        return Pace(self.rate, self.random(f"pace {salt}"))


def shared(environment: Environment) -> Shared:
    """As the options of the run say."""
    options: Any = environment.parsed_options
    entities = SIZES[options.city]
    runner: Any = environment.runner
    return Shared(
        City(entities, options.seed),
        Town(entities),
        options.seed,
        options.user_rate or None,
        options.tenant,
        max(0, getattr(runner, "worker_index", 0)),
        1 if isinstance(runner, LocalRunner) else max(PROCESSES, options.expect_workers or 1),
        options.writers,
        Sinks(options.sink_host),
    )
