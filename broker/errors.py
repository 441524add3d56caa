"""The exception tree: what can go wrong, with the problem type and the HTTP status that the standard gives it.

    BrokerError
    ├── InvalidRequest            400  not JSON, bad parameters, unmet preconditions
    ├── BadRequestData            400  semantics: ids, names, members, context placement, query syntax
    │   └── DataModelViolated     400  a rule of the tenant holds the entity to its data model
    ├── ResourceNotFound          404
    │   └── NonexistentTenant     404
    ├── AlreadyExists             409
    ├── Conflict                  409  proxy registrations
    ├── OperationNotSupported     422
    ├── TooComplexQuery           403
    ├── TooManyResults            403
    ├── NoMultiTenantSupport      501
    ├── LdContextNotAvailable     504
    └── InternalError             500
        └── Unavailable           503  with Retry-After
            ├── StoreUnavailable
            └── Overloaded
    StartError                         the process cannot start: one sentence, and what to do

GS CIM 009 §5.5.2, §6.3.2. The statuses without a body (405, 406, 411, 413, 414, 415) belong to HTTP: see `broker.api`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from broker.names import ERRORS


class BrokerError(Exception):
    """A refusal that is answered with a problem document.

    `detail` is a sentence: subject, verb, and the offending member by name: "Attribute speed: unitCode is 1, no text".
    """

    name: ClassVar[str] = "InternalError"
    title: ClassVar[str] = "Internal error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def type(self) -> str:
        """The problem type, a URI of the standard."""
        return ERRORS + self.name


class InvalidRequest(BrokerError):
    """The request is malformed: no JSON, an unknown or unusable parameter, a precondition that isn't met."""

    name = "InvalidRequest"
    title = "Invalid request"
    status = 400


class BadRequestData(BrokerError):
    """The request is well-formed and violates a rule of the standard."""

    name = "BadRequestData"
    title = "Bad request data"
    status = 400


class Violation(NamedTuple):
    """Where an entity is not as its data model says."""

    pointer: str
    """RFC 6901, into the entity in simplified form, with the names of the model's own @context."""
    expectation: str
    """What the model wants there: "a number of at most 1"."""
    value: Any
    """What is there; None where nothing is."""


class DataModelViolated(BadRequestData):
    """The entity would not be as its data model says, and the tenant's rule is strict."""

    title = "Data model violated"

    def __init__(self, detail: str, violations: Sequence[Violation]) -> None:
        super().__init__(detail)
        self.violations = violations


class ResourceNotFound(BrokerError):
    """What the request names does not exist."""

    name = "ResourceNotFound"
    title = "Resource not found"
    status = 404


class NonexistentTenant(ResourceNotFound):
    """No such tenant, and the operation does not make one (GS CIM 009 §4.14)."""

    name = "NonexistentTenant"
    title = "Nonexistent tenant"


class AlreadyExists(BrokerError):
    """The resource to be created is there already."""

    name = "AlreadyExists"
    title = "Already exists"
    status = 409


class Conflict(BrokerError):
    """A registration of a context source stands against it."""

    name = "Conflict"
    title = "Conflict"
    status = 409


class OperationNotSupported(BrokerError):
    """The standard has it and this deployment does not."""

    name = "OperationNotSupported"
    title = "Operation not supported"
    status = 422


class TooComplexQuery(BrokerError):
    """The query is beyond the limits of this deployment."""

    name = "TooComplexQuery"
    title = "Too complex query"
    status = 403


class TooManyResults(BrokerError):
    """The answer would be larger than this deployment allows."""

    name = "TooManyResults"
    title = "Too many results"
    status = 403


class NoMultiTenantSupport(BrokerError):
    """A tenant is named and tenants are not supported."""

    name = "NoMultiTenantSupport"
    title = "No multi-tenant support"
    status = 501


class LdContextNotAvailable(BrokerError):
    """A remote @context cannot be had."""

    name = "LdContextNotAvailable"
    title = "JSON-LD context not available"
    status = 504


class InternalError(BrokerError):
    """A fault of the broker."""


class Unavailable(InternalError):
    """Not now: try again."""

    title = "Unavailable"
    status = 503
    retry_after: ClassVar[int] = 2
    """Seconds."""


class StoreUnavailable(Unavailable):
    """The database does not answer, or not in time: whether a write was made is not known; try again."""

    title = "Database unavailable"


class Overloaded(Unavailable):
    """A worker has as much to do as it may have."""

    title = "Overloaded"
    retry_after = 10


class StartError(Exception):
    """The process cannot start. `problem` says what is wrong, `advice` what to do; one sentence each."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem} {advice}")
        self.problem = problem
        self.advice = advice
