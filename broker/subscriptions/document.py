"""A Subscription as the broker works with it: compiled of its kept form, frozen (GS CIM 009 §5.2.12).

What is compiled is sound, but for the rules of `broker.subscriptions.rules`, which ask for more than one member.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, cast

from broker.errors import BadRequestData, TooComplexQuery
from broker.model.geojson import LOCATION
from broker.model.instants import instant_key
from broker.model.join import Join, JoinForm
from broker.model.languages import language_ranges
from broker.model.project import ENTITY_MEMBERS, Members
from broker.model.render import Format, Representation, reduced
from broker.model.versions import CURRENT, Version, conformed
from broker.names import JSON
from broker.query import coded, entity_types, geo, projection, scope
from broker.query.ast import Condition, GeoCondition, Pattern, ScopeCondition, TypeSelection
from broker.query.links import depth, follows, of_itself, paths
from broker.query.plan import Query, Selector
from broker.store.subscriptions import CONTEXT
from broker.subscriptions.names import ANY_TYPE, CODED, Kept
from broker.subscriptions.schema import DEFAULT_TRIGGERS

MAX_LINKED: Final = 1000
"""Linked entities in one notification, unless the composition root says otherwise."""


MAX_LINK_CONDITIONS: Final = 20
"""Conditions of `q` on linked entities."""


class Trigger(StrEnum):
    """What a change does that a subscription may wait for (GS CIM 009 §5.2.12)."""

    ENTITY_CREATED = "entityCreated"
    ENTITY_DELETED = "entityDeleted"
    ATTRIBUTE_CREATED = "attributeCreated"
    ATTRIBUTE_UPDATED = "attributeUpdated"
    ATTRIBUTE_DELETED = "attributeDeleted"


OF_ATTRIBUTES: Final = frozenset({Trigger.ATTRIBUTE_CREATED, Trigger.ATTRIBUTE_UPDATED, Trigger.ATTRIBUTE_DELETED})
_ENTITY_UPDATED: Final = "entityUpdated"
"""Stands for the three of attributes."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where notifications go (GS CIM 009 §5.2.15). Times in seconds."""

    uri: str
    accept: str
    receiver_info: tuple[tuple[str, str], ...]
    notifier_info: tuple[tuple[str, str], ...]
    timeout: float | None
    cooldown: float | None

    @property
    def is_mqtt(self) -> bool:
        """Whether it is a topic of an MQTT server; else it is a URL."""
        return self.uri[:4].lower() == "mqtt"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription, compiled. Names in it are expanded."""

    tenant: str
    id: str
    selectors: tuple[Selector, ...]
    """One of them holds; none: any entity."""
    watched: frozenset[str] | None
    """None: any attribute."""
    triggers: frozenset[Trigger]
    q: Condition | None
    """What must hold of the entity itself."""
    linked_q: Condition | None
    """All of `q`, if it looks at linked entities, too."""
    scopes: ScopeCondition | None
    geo: GeoCondition | None
    is_active: bool
    expires_at: str | None
    throttling: float | None
    """Seconds."""
    time_interval: float | None
    """Seconds."""
    representation: Representation
    show_changes: bool
    join: Join | None
    context: Any
    """The source of the @context of notifications: a URL, an object or an array."""
    endpoint: Endpoint
    local_only: bool
    split_entities: bool

    @property
    def key(self) -> str:
        """Its name among the subscriptions of all tenants."""
        return key_of(self.tenant, self.id)

    @property
    def query(self) -> Query:
        """What a time-driven subscription notifies of: the entities that match now."""
        return replace(self.candidates, q=self.linked_q or self.q)

    @property
    def candidates(self) -> Query:
        """What a changed entity must meet, whatever it links to."""
        return Query(selectors=self.selectors, q=self.q, scopes=self.scopes, geo=self.geo)

    def active(self, now: str) -> bool:
        """Whether it notifies at an instant: not paused, not expired."""
        return self.is_active and not expired(self.expires_at, now)


def key_of(tenant: str, subscription_id: str) -> str:
    """The name of a subscription among those of all tenants: neither part has a space."""
    return f"{tenant} {subscription_id}"


def expired(expires_at: str | None, now: str) -> bool:
    """Whether a DateTime has been reached."""
    return expires_at is not None and instant_key(expires_at) <= instant_key(now)


def compile_kept(tenant: str, kept: Kept, max_linked: int = MAX_LINKED) -> Subscription:
    """The subscription of a kept one. Raises BadRequestData, TooComplexQuery for what cannot be."""
    notification = kept["notification"]
    join = _join(notification, max_linked)
    q = coded.decode(kept[CODED]) if CODED in kept else None
    linked_q = q if q is not None and follows(q) else None
    if linked_q is not None:
        _check_links(linked_q, join)
    return Subscription(
        tenant=tenant,
        id=kept["id"],
        selectors=_selectors(kept.get("entities", ())),
        watched=frozenset(kept["watchedAttributes"]) if "watchedAttributes" in kept else None,
        triggers=_triggers(kept.get("notificationTrigger", DEFAULT_TRIGGERS)),
        q=q if linked_q is None else of_itself(linked_q),
        linked_q=linked_q,
        scopes=scope.parse(kept["scopeQ"]) if "scopeQ" in kept else None,
        geo=_place(kept["geoQ"]) if "geoQ" in kept else None,
        is_active=kept.get("isActive", True),
        expires_at=kept.get("expiresAt"),
        throttling=kept.get("throttling"),
        time_interval=kept.get("timeInterval"),
        representation=_representation(kept, notification),
        show_changes=notification.get("showChanges", False),
        join=join,
        context=kept.get(CONTEXT),
        endpoint=_endpoint(notification["endpoint"]),
        local_only=kept.get("localOnly", False),
        split_entities=kept.get("splitEntities", False),
    )


def _selectors(entities: list[dict[str, Any]]) -> tuple[Selector, ...]:
    found = tuple(map(_selector, entities))
    return () if Selector() in found else found


def _selector(content: Mapping[str, Any]) -> Selector:
    text = content["type"]
    types = None if text == ANY_TYPE else _types(text)
    ids = content.get("id", ())
    pattern = content.get("idPattern")
    return Selector(
        types,
        (ids,) if isinstance(ids, str) else tuple(ids),
        None if pattern is None else Pattern(pattern),
    )


@lru_cache(maxsize=4096)
def _types(text: str) -> TypeSelection:
    """Cached: many subscriptions are to few types."""
    return entity_types.parse(text, str)


def _triggers(names: list[str]) -> frozenset[Trigger]:
    found = frozenset(Trigger(name) for name in names if name != _ENTITY_UPDATED)
    return found | OF_ATTRIBUTES if _ENTITY_UPDATED in names else found


def _place(content: Mapping[str, Any]) -> GeoCondition | None:
    name = content.get("geoproperty", LOCATION)
    return geo.expanded(content["georel"], content["geometry"], content["coordinates"], name)


def _representation(kept: Kept, notification: Mapping[str, Any]) -> Representation:
    name = notification.get("format", "normalized")
    plain = Representation(
        cast(Format, "simplified" if name == "keyValues" else name),
        sys_attrs=notification.get("sysAttrs", False),
        version=_version(kept.get("ngsildConformance")),
    )
    picked, omitted = _members(notification, "pick"), _members(notification, "omit")
    if "attributes" in notification:
        picked = Members(frozenset(notification["attributes"]) | ENTITY_MEMBERS)
    datasets = frozenset(kept["datasetId"]) if "datasetId" in kept else None
    languages = language_ranges(kept["lang"]) if "lang" in kept else ()
    if picked is None and omitted is None and datasets is None and not languages:
        return plain
    return reduced(plain, datasets, languages, picked, omitted)


def _members(notification: Mapping[str, Any], member: str) -> Members | None:
    return projection.parse(",".join(notification[member]), str) if member in notification else None


def _version(text: str | None) -> Version | None:
    if text is None:
        return None
    major, minor = text.split(".")[:2]
    version = conformed((int(major), int(minor)))
    return None if version == CURRENT else version


def _join(notification: Mapping[str, Any], max_linked: int) -> Join | None:
    form = notification.get("join", "@none")
    if form == "@none":
        return None
    return Join(cast(JoinForm, form), notification.get("joinLevel", 1), most=max_linked)


def _check_links(q: Condition, join: Join | None) -> None:
    reached = 0 if join is None else join.level
    if depth(q) > reached:
        raise BadRequestData(
            f"Subscription: q: a path is {depth(q)} links deep, notification.join and joinLevel reach {reached}."
        )
    if sum(1 for _ in paths(q)) > MAX_LINK_CONDITIONS:
        raise TooComplexQuery(f"Subscription: q: more than {MAX_LINK_CONDITIONS} conditions on linked entities.")


def _endpoint(content: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        uri=content["uri"],
        accept=content.get("accept", JSON),
        receiver_info=_pairs(content.get("receiverInfo", ())),
        notifier_info=_pairs(content.get("notifierInfo", ())),
        timeout=_seconds(content.get("timeout")),
        cooldown=_seconds(content.get("cooldown")),
    )


def _pairs(content: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((pair["key"], pair["value"]) for pair in content)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
