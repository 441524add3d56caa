"""Handlers for operators: is it alive, is it ready, which version is it, what does it count."""

import asyncio
from typing import Any, Final

from broker.api.requests import Request
from broker.api.responses import Response, content, json
from broker.api.services import Check, Services
from broker.errors import BrokerError, StoreUnavailable
from broker.names import CORE_CONTEXT
from broker.telemetry import METRICS_TYPE, exposition, log

CHECK_TIMEOUT: Final = 2.0
"""Seconds that one check may take; they run together."""
SPECIFICATION: Final = "GS CIM 009 V1.9.1"

_log = log(__name__)


async def health(_request: Request, services: Services) -> Response:
    """GET /health: 200 as long as the process answers; the checks say what is wrong around it."""
    checks = await _run(services)
    well = all(check["status"] == "ok" for check in checks.values())
    return json(200, {"status": "ok" if well else "degraded", "checks": checks})


async def ready(_request: Request, services: Services) -> Response:
    """GET /ready: 200 if requests can be answered now, else 503."""
    checks = await _run(services)
    if all(check["status"] == "ok" for check in checks.values()):
        return json(200, {"status": "ready"})
    response = json(503, {"status": "not ready", "checks": checks})
    response.headers.append((b"retry-after", b"%d" % StoreUnavailable.retry_after))
    return response


async def version(_request: Request, services: Services) -> Response:
    """GET /version."""
    return json(
        200,
        {
            "name": "ngsild-broker",
            "version": services.version,
            "specification": SPECIFICATION,
            "coreContext": CORE_CONTEXT,
        },
    )


async def metrics(_request: Request, _services: Services) -> Response:
    """GET /metrics: in Prometheus' text format, of all workers."""
    body = await asyncio.to_thread(exposition)
    return content(200, (b"content-type", METRICS_TYPE), body)


async def _run(services: Services) -> dict[str, dict[str, Any]]:
    names = list(services.checks)
    outcomes = await asyncio.gather(*(_outcome(name, services.checks[name]) for name in names))
    return dict(zip(names, outcomes, strict=True))


async def _outcome(name: str, check: Check) -> dict[str, Any]:
    """What a check found; never the text of an error that is not ours."""
    try:
        await asyncio.wait_for(check(), CHECK_TIMEOUT)
    except TimeoutError:
        return {"status": "failed", "detail": f"No answer within {CHECK_TIMEOUT:g} seconds."}
    except BrokerError as error:
        return {"status": "failed", "detail": error.detail}
    except Exception:  # noqa: BLE001  whatever ails it, the probe answers
        _log.exception("check failed", check=name)
        return {"status": "failed", "detail": "The check failed; the log says why."}
    return {"status": "ok"}
