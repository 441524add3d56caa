"""What the operations table says of an operation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from broker.api.parameters import Parameter
from broker.api.requests import Request
from broker.api.responses import Response
from broker.api.services import Services
from broker.errors import BrokerError
from broker.names import JSON, JSON_LD, MERGE_PATCH

Handler: TypeAlias = Callable[[Request, Services], Awaitable[Response]]


class Action(StrEnum):
    """What an operation does to the resource, as far as access control tells operations apart."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    OPERATE = "operate"
    """Of the process itself: probes, metrics."""
    ADMINISTER = "administer"
    """What only an operator may: below `/admin/v1`, with NGSILD_ADMIN_TOKEN."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request body: the schema of it, by its name in `broker.api.schemas.SCHEMAS`."""

    schema: str
    media: tuple[str, ...] = (JSON, JSON_LD)
    array: bool = False
    """Each element of a JSON-LD array brings its own @context."""
    of_context: bool = False
    """The @context is what the body is about: it stays there, whatever the media type."""


PATCH_MEDIA = (JSON, JSON_LD, MERGE_PATCH)
"""A merge patch is read as JSON (GS CIM 009 §6.3.4)."""


@dataclass(frozen=True, slots=True)
class Success:
    """A status of success, when it is given, and the schema of its body if it has one."""

    status: int
    when: str
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API: everything that the router, the documents and the metrics say of it."""

    name: str
    """`operationId`, and the label of its metrics."""
    title: str
    """The standard's name of it."""
    method: str
    path: str
    handler: Handler
    action: Action
    clause: str
    """Of GS CIM 009; empty for what the standard doesn't have."""
    summary: str
    success: tuple[Success, ...]
    errors: tuple[type[BrokerError], ...] = ()
    """Besides those that any operation may answer."""
    parameters: tuple[Parameter[Any], ...] = ()
    body: Body | None = None
    produces: tuple[str, ...] = (JSON, JSON_LD)
    """Media types of the answer, the preferred first (GS CIM 009 §6.3.4); none: it has no body, whatever happens."""
    ngsi_ld: bool = True
    """It has a tenant and an @context; the others are the process's own."""
    creates_tenant: bool = False
    """It makes the tenant that it names if there is none (GS CIM 009 §5.5.10); the others refuse that."""
    abandoned: bool = False
    """It is ended when its client leaves: it may take long, and changes nothing."""
    empty_id: bool = False
    """With an empty id, or an empty name, it is still this operation: a 400, no 405 (suite 017_02, 054_02, 056_02)."""
