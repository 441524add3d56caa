"""What the broker tells of itself: metrics for Prometheus, structured logs.

With several workers the supervisor sets PROMETHEUS_MULTIPROC_DIR before it starts them: each worker then counts in
files of its own there, and `exposition` of any worker sums them all.
"""

import logging
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, Literal, TextIO, TypeAlias

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

SHARED_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers' counts meet; prometheus-client's own variable, read by it when it is imported."""

METRICS_TYPE: Final = CONTENT_TYPE_LATEST.encode()

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)

REQUESTS: Final = Counter("ngsild_requests", "Requests answered.", ("operation", "status"))
REQUEST_SECONDS: Final = Histogram(
    "ngsild_request_seconds", "Time from a request's headers to its answer.", ("operation",), buckets=_SECONDS
)
GROUP_SIZE: Final = Histogram("ngsild_group_size", "Operations in a committed group.", buckets=_SIZES)
GROUP_CONFLICTS: Final = Counter("ngsild_group_conflicts", "Groups that met a write conflict.")
GROUP_RETRIES: Final = Counter("ngsild_group_retries", "Groups run again, whatever the cause.")
READ_BATCH_SIZE: Final = Histogram("ngsild_read_batch_size", "Reads by id in one query.", buckets=_SIZES)
DATABASE_SECONDS: Final = Histogram(
    "ngsild_database_seconds", "Time that the database took.", ("command",), buckets=_SECONDS
)
QUERIES_WAITING: Final = Gauge(
    "ngsild_queries_waiting", "Queries that wait for their turn at the database.", multiprocess_mode="livesum"
)
QUERIES_RUNNING: Final = Gauge(
    "ngsild_queries_running", "Queries that the database works on.", multiprocess_mode="livesum"
)
QUERIES_SHARED: Final = Counter("ngsild_queries_shared", "Queries that were answered by the run of an identical one.")
_NOTIFICATIONS: Final = Counter("ngsild_notifications", "Notifications that were answered, or not.", ("outcome",))
NOTIFICATIONS_SENT: Final = _NOTIFICATIONS.labels("sent")
NOTIFICATIONS_FAILED: Final = _NOTIFICATIONS.labels("failed")
DEAD_LETTERS: Final = Counter("ngsild_dead_letters", "Notifications that were given up.")
NOTIFICATION_LAG: Final = Histogram(
    "ngsild_notification_lag_seconds",
    "Time from a commit to the receipt of what it owed.",
    buckets=(*_SECONDS, 60, 600),
)
NOTIFICATIONS_OWED: Final = Gauge(
    "ngsild_notifications_owed",
    "Letters in the outbox, roughly: each is owed to some subscriptions.",
    multiprocess_mode="mostrecent",
)
FEED_VIEWERS: Final = Gauge("ngsild_feed_viewers", "Viewers of live feeds.", multiprocess_mode="livesum")
FEED_EVENTS: Final = Counter("ngsild_feed_events", "Events sent to viewers of live feeds.", ("kind",))
CONTEXT_CACHE: Final = Counter("ngsild_context_cache", "Look-ups of compiled contexts.", ("result",))
CONTEXT_HITS: Final = CONTEXT_CACHE.labels("hit")
CONTEXT_MISSES: Final = CONTEXT_CACHE.labels("miss")
CONTEXT_FETCHES: Final = Counter("ngsild_context_fetches", "Fetches of remote contexts.", ("result",))
CONTEXTS_FETCHED: Final = CONTEXT_FETCHES.labels("fetched")
CONTEXTS_FAILED: Final = CONTEXT_FETCHES.labels("failed")

MODEL_VIOLATIONS: Final = Counter(
    "ngsild_model_violations", "States of entities that violated their data models.", ("mode",)
)
VIOLATIONS_ACCEPTED: Final = MODEL_VIOLATIONS.labels("warn")
VIOLATIONS_REFUSED: Final = MODEL_VIOLATIONS.labels("strict")

Observe: TypeAlias = Callable[[int, float], None]

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""Id of the request that this task answers; in each of its log lines."""


def observer(operation: str) -> Observe:
    """A function that counts one answered request of an operation: (status, seconds). Its labels are bound once."""
    seconds = REQUEST_SECONDS.labels(operation).observe
    counts: dict[int, Callable[[], None]] = {}

    def observe(status: int, took: float) -> None:
        seconds(took)
        count = counts.get(status)
        if count is None:
            count = counts[status] = REQUESTS.labels(operation, str(status)).inc
        count()

    return observe


def exposition() -> bytes:
    """All metrics in Prometheus' text format: of all workers, if they share a directory."""
    if SHARED_DIRECTORY not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_ended(folder: str) -> None:
    """Remove what processes that have ended say of themselves now; what they counted stays."""
    for path in Path(folder).glob("gauge_live*_*.db"):
        if not Path("/proc", path.stem.rpartition("_")[2]).exists():
            path.unlink(missing_ok=True)


def log(name: str) -> Any:
    """A structured logger: `log(__name__).warning("context fetch failed", url=url)`."""
    return structlog.stdlib.get_logger(name)


def configure_logging(level: str, form: Literal["json", "console"], stream: TextIO = sys.stderr) -> None:
    """Send all logs of this process, the libraries' too, to one stream in one form."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_COMMON,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_COMMON, processors=_render(form, stream))
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("pymongo", "uvicorn.access", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    request_id = REQUEST_ID.get()
    if request_id:
        event["request_id"] = request_id
    return event


_COMMON: Final[list[Processor]] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _add_request_id,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
]


def _render(form: Literal["json", "console"], stream: TextIO) -> list[Processor]:
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if form == "console":
        plain = structlog.dev.plain_traceback
        return [remove_meta, structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
    return [
        remove_meta,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]
