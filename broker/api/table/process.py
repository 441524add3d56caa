"""Operations of the process itself: probes and metrics."""

from typing import Final

from broker.api import probes
from broker.api.operation import Action, Operation, Success
from broker.names import JSON

OPERATIONS: Final = (
    Operation(
        name="health",
        title="Health",
        method="GET",
        path="/health",
        handler=probes.health,
        action=Action.OPERATE,
        clause="",
        summary="Is the process alive, and what do its checks say?",
        success=(Success(200, "alive", "Health"),),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="ready",
        title="Readiness",
        method="GET",
        path="/ready",
        handler=probes.ready,
        action=Action.OPERATE,
        clause="",
        summary="Can requests be answered now? 503 if not.",
        success=(Success(200, "ready", "Health"),),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="version",
        title="Version",
        method="GET",
        path="/version",
        handler=probes.version,
        action=Action.OPERATE,
        clause="",
        summary="The broker's version, and the specification's.",
        success=(Success(200, "the versions", "Version"),),
        produces=(JSON,),
        ngsi_ld=False,
    ),
    Operation(
        name="metrics",
        title="Metrics",
        method="GET",
        path="/metrics",
        handler=probes.metrics,
        action=Action.OPERATE,
        clause="",
        summary="Counters and histograms of all workers, for Prometheus.",
        success=(Success(200, "the metrics", "Metrics"),),
        produces=("text/plain",),
        ngsi_ld=False,
    ),
)
