"""Notifications as messages: entities in the form that the subscription asks for (GS CIM 009 §5.3.1, §5.8.6, §6.3.8).

What one change has many subscribers told is rendered once for all that want the same form in the same vocabulary.
"""

from collections.abc import Container, Sequence
from functools import lru_cache
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson
from cachetools import LRUCache

from broker.call import Call
from broker.delivery.transport import Message
from broker.entities.join import linked
from broker.hosting.contexts import Contexts
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.links import context_link
from broker.model.entity import Entity
from broker.model.geojson import LOCATION, feature_renderer
from broker.model.join import View, flattened, inline_renderer
from broker.model.notification import Anything, Telling, Told, rendered, told
from broker.model.render import Render, renderer
from broker.names import CORE_CONTEXT, GEO_JSON, JSON_LD, TENANT_HEADER
from broker.outbound.posts import Headers
from broker.query.ast import Condition
from broker.query.to_predicate import linking
from broker.store.outbox import Letter, Step
from broker.store.store import Store
from broker.store.visible import current_instant
from broker.subscriptions.document import Endpoint, Subscription, Trigger

KEPT: Final = 2048
"""Rendered entities in memory, none larger than MAX_KEPT bytes."""
MAX_KEPT: Final = 16 * 2**10
_RENDER_SECONDS: Final = 10.0


class Happened(NamedTuple):
    """A step, and when it was made."""

    step: Step
    instant: str


def happened_in(letters: Sequence[Letter]) -> list[Happened]:
    """The steps that letters tell of: of one all of them, of several put together the last of each entity."""
    if len(letters) == 1:
        (letter,) = letters
        return [Happened(step, letter.instant) for step in letter.steps]
    last: dict[str, Happened] = {}
    for letter in letters:
        for step in letter.steps:
            last.pop(step.entity_id, None)
            last[step.entity_id] = Happened(step, letter.instant)
    return list(last.values())


class Rendering:
    """One per worker."""

    def __init__(self, store: Store, contexts: Contexts) -> None:
        self._store = store
        self._contexts = contexts
        self._kept: LRUCache[tuple[Any, ...], bytes] = LRUCache(KEPT)

    async def changes(self, subscription: Subscription, happened: Sequence[Happened], own_id: bytes) -> Message | None:
        """The notification of changes; None if it would show nothing. Raises BrokerError."""
        context = await self._contexts.lasting(subscription.context)
        if subscription.linked_q is not None:
            happened = await self._meeting(subscription, subscription.linked_q, happened)
        if subscription.join is not None:
            telling = _telling(subscription)
            shown = [told(each.step.old, each.step.new, each.instant, telling) for each in happened]
            pieces = await self._joined(subscription, context, shown)
        else:
            pieces = self._pieces(subscription, context, happened)
        return _message(subscription, context, pieces, own_id.hex()) if pieces else None

    async def entities(self, subscription: Subscription, found: Sequence[Entity]) -> Message | None:
        """The notification of entities as they are; None if it would show nothing. Raises BrokerError."""
        context = await self._contexts.lasting(subscription.context)
        pieces = await self._joined(subscription, context, [Told(entity) for entity in found])
        return _message(subscription, context, pieces, uuid4().hex) if pieces else None

    async def _meeting(
        self, subscription: Subscription, q: Condition, happened: Sequence[Happened]
    ) -> Sequence[Happened]:
        """The steps of entities that link to what `q` asks for, as it is now. Raises BrokerError."""
        states = [state for each in happened if (state := each.step.new or each.step.old) is not None]
        meets = linking(q, await self._store.linked(subscription.tenant, subscription.query, states))
        return [each for each, state in zip(happened, states, strict=True) if meets(state)]

    def _pieces(
        self, subscription: Subscription, context: CompiledContext, happened: Sequence[Happened]
    ) -> list[bytes]:
        """The entities as JSON, those that show nothing left out."""
        form = (context.key, subscription.representation, subscription.endpoint.accept == GEO_JSON)
        telling = _telling(subscription)
        how = (*form, telling.show_changes, _key(telling.deleted))
        render: Render | None = None
        pieces = []
        for step, instant in happened:
            key = (step.entity_id, step.revision, how)
            piece = self._kept.get(key)
            if piece is None:
                render = render or _render(subscription, context)
                piece = orjson.dumps(rendered(told(step.old, step.new, instant, telling), render))
                if len(piece) <= MAX_KEPT:
                    self._kept[key] = piece
            pieces.append(piece)
        return [piece for piece in pieces if piece != b"{}"]

    async def _joined(self, subscription: Subscription, context: CompiledContext, shown: Sequence[Told]) -> list[bytes]:
        """The entities with those that they link to."""
        join, representation = subscription.join, subscription.representation
        plain = _render(subscription, context)
        if join is None:
            return _dumped([rendered(each, plain) for each in shown])
        call = Call(subscription.tenant, context, monotonic() + _RENDER_SECONDS)
        page = [each.entity for each in shown]
        found = await linked(self._store, call, page, join, representation)
        if join.form == "inline":
            inline = _render(subscription, context, inline_renderer(context, View(representation), found))
            return _dumped([rendered(each, inline) for each in shown])
        bodies = [rendered(each, plain) for each in shown]
        for entity, view in flattened(page, View(representation), found):
            bodies.append(_render(subscription, context, renderer(context, view.representation))(entity))
        return _dumped(bodies)


def _dumped(bodies: Sequence[dict[str, Any]]) -> list[bytes]:
    return [orjson.dumps(body) for body in bodies if body]


def _telling(subscription: Subscription) -> Telling:
    deleted: Container[str] | None = None
    if Trigger.ATTRIBUTE_DELETED in subscription.triggers:
        deleted = subscription.watched if subscription.watched is not None else Anything()
    representation = subscription.representation
    return Telling(representation.format == "simplified", representation.sys_attrs, subscription.show_changes, deleted)


def _key(names: Container[str] | None) -> Any:
    return names if names is None or isinstance(names, frozenset) else True


def _render(subscription: Subscription, context: CompiledContext, properties: Render | None = None) -> Render:
    if subscription.endpoint.accept == GEO_JSON:
        return feature_renderer(context, subscription.representation, LOCATION, properties)
    return properties or renderer(context, subscription.representation)


def _message(
    subscription: Subscription, context: CompiledContext, pieces: Sequence[bytes], notification_id: str
) -> Message:
    """The body around the entities, and the headers (GS CIM 009 §6.3.8)."""
    endpoint = subscription.endpoint
    source = context.source or CORE_CONTEXT
    if endpoint.accept == JSON_LD:
        pieces = _with_context(pieces, source)
    data = b"[%b]" % b",".join(pieces)
    if endpoint.accept == GEO_JSON:
        data = b'{"type":"FeatureCollection","features":%b}' % data
    body: dict[str, Any] = {
        "id": f"urn:ngsi-ld:Notification:{notification_id}",
        "type": "Notification",
        "subscriptionId": subscription.id,
        "notifiedAt": current_instant(),
        "data": orjson.Fragment(data),
    }
    if _holds_context(endpoint):
        body["@context"] = source
    return Message(_headers(endpoint, context.link, subscription.tenant), orjson.dumps(body))


@lru_cache(maxsize=4096)
def _headers(endpoint: Endpoint, context: str | None, tenant: str) -> Headers:
    """Cached: they are the same for all notifications of a subscription."""
    headers = dict(endpoint.receiver_info)
    if not _holds_context(endpoint):
        headers["Link"] = context_link(context)
    headers["Content-Type"] = endpoint.accept
    if tenant:
        headers[TENANT_HEADER] = tenant
    return tuple(headers.items())


def _holds_context(endpoint: Endpoint) -> bool:
    """Whether the body has the @context; else a header refers to it."""
    return endpoint.accept == JSON_LD or (endpoint.accept == GEO_JSON and not _prefers_json(endpoint.receiver_info))


def _with_context(pieces: Sequence[bytes], source: Any) -> list[bytes]:
    """Each entity with the @context inside, as it is where entities are asked for (GS CIM 009 §6.3.8)."""
    member = b',"@context":%b}' % orjson.dumps(source)
    return [piece[:-1] + member for piece in pieces]


def _prefers_json(headers: Headers) -> bool:
    return any(name.lower() == "prefer" and "body=json" in value.replace(" ", "") for name, value in headers)
