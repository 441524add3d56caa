"""Linked entities, as the parameters of a request ask for them (GS CIM 009 §4.5.23)."""

from collections.abc import Sequence
from typing import cast

from broker.api.parameters import CONTAINED_BY, JOIN, JOIN_LEVEL, NO_JOIN
from broker.api.rendering import representation
from broker.api.requests import Request
from broker.api.services import Services
from broker.entities import join as joins
from broker.errors import TooComplexQuery
from broker.model.entity import Entity
from broker.model.join import Join, JoinForm, Linked
from broker.settings import Settings


async def linked(request: Request, services: Services, page: Sequence[Entity]) -> Linked | None:
    """What the entities of a page link to; None if that is not asked for. Raises TooComplexQuery, StoreUnavailable."""
    join = join_of(request, services.settings)
    if join is None:
        return None
    return await joins.linked(services.store, request.call, page, join, representation(request))


def join_of(request: Request, settings: Settings) -> Join | None:
    """The join that the request asks for. `joinLevel` and `containedBy` mean nothing without one.

    Raises TooComplexQuery beyond this deployment's limits.
    """
    form = request.get(JOIN)
    if form is None or form == NO_JOIN:
        return None
    level = request.get(JOIN_LEVEL) or 1
    if level > settings.max_join_level:
        raise TooComplexQuery(f"Parameter joinLevel: at most {settings.max_join_level}, found {level}.")
    contained_by = frozenset(request.get(CONTAINED_BY) or ())
    return Join(cast(JoinForm, form), level, contained_by, settings.max_linked)
