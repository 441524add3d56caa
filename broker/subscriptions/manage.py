"""Create, change, delete, show subscriptions (GS CIM 009 §5.8.1–§5.8.5)."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import uuid4

from pymongo.asynchronous.client_session import AsyncClientSession

from broker.call import Call
from broker.errors import BadRequestData
from broker.jsonld.compiled import CompiledContext
from broker.model.entity import Names
from broker.model.grammar import is_uri, shown
from broker.model.instants import date_time
from broker.names import NULL
from broker.store import outbox
from broker.store import subscriptions as records
from broker.store.apart import apart
from broker.store.client import Database
from broker.store.outbox_status import STATUS, Status, Statuses
from broker.store.store import Store
from broker.store.subscriptions import CONTEXT, Listing
from broker.subscriptions import names, rules, schema
from broker.subscriptions.document import compile_kept, expired
from broker.subscriptions.names import CODED, Kept

_TIMES: Final = ("createdAt", "modifiedAt")

UrlOfContext: TypeAlias = Callable[[], Awaitable[str]]
"""Asked for the URL of a request's @context once the rest is known to be sound: what has no URL gets one by it."""


class Shown(NamedTuple):
    """A subscription as it is kept, and what became of its notifications."""

    kept: Kept
    status: Status


async def create(
    store: Store, call: Call, document: Any, now: str, *, max_join_level: int, url_of_context: UrlOfContext
) -> str:
    """Create Subscription; its id. Raises BadRequestData, TooComplexQuery, AlreadyExists."""
    document = _without_read_only(document)
    schema.check(document)
    document.setdefault("id", f"urn:ngsi-ld:Subscription:{uuid4()}")
    _check_expiry(document, now)
    kept = _kept(call.tenant, document, call.context, max_join_level)
    kept[CONTEXT] = document.get("jsonldContext") or await url_of_context()
    kept |= dict.fromkeys(_TIMES, now)

    async def write(control: Database, session: AsyncClientSession) -> None:
        await records.insert(control, session, call.tenant, kept)

    await store.configure(call.tenant, write, create_tenant=True)
    found: str = kept["id"]
    return found


async def update(
    store: Store,
    call: Call,
    subscription_id: str,
    fragment: Any,
    now: str,
    *,
    max_join_level: int,
    url_of_context: UrlOfContext | None,
) -> None:
    """Update Subscription: members instead of those that are there, NGSI-LD Nulls remove them (§5.5.8).

    `url_of_context`: None if the @context of notifications stays as it is, unless the fragment names one.
    Raises BadRequestData, TooComplexQuery, ResourceNotFound.
    """
    _check_id(subscription_id)
    fragment = _without_read_only(fragment)
    _check_fragment(subscription_id, fragment)
    _check_expiry(fragment, now)
    own = None if url_of_context is None else await url_of_context()

    async def write(control: Database, session: AsyncClientSession) -> None:
        old = await records.current(control, session, call.tenant, subscription_id)
        new = _updated(call.tenant, old, fragment, call.context, now, max_join_level)
        new[CONTEXT] = new.get("jsonldContext") or own or old[CONTEXT]
        await records.replace(control, session, call.tenant, new)

    await store.configure(call.tenant, write)


async def delete(store: Store, call: Call, subscription_id: str) -> None:
    """Delete Subscription, with what it is owed. Raises ResourceNotFound."""
    _check_id(subscription_id)

    async def write(control: Database, session: AsyncClientSession) -> None:
        await records.remove(control, session, call.tenant, subscription_id)
        key = records.key_of(call.tenant, subscription_id)
        await outbox.forget(control, session, key)
        await control[STATUS].delete_one({"_id": key}, session=session)

    await store.configure(call.tenant, write)


async def retrieve(store: Store, call: Call, subscription_id: str) -> Shown:
    """Retrieve Subscription. Raises ResourceNotFound."""
    _check_id(subscription_id)
    await store.check_tenant(call.tenant)
    kept = await apart(records.find(store.control, call.tenant, subscription_id))
    return (await _with_status(store, call, [kept]))[0]


async def listed(store: Store, call: Call, listing: Listing, *, count: bool) -> tuple[list[Shown], int | None]:
    """Query Subscriptions: those of a part of the list, and how many there are if that is asked for."""
    await store.check_tenant(call.tenant)
    total = await apart(records.count(store.control, call.tenant)) if count else None
    if not listing.limit:
        return [], total
    kept = await apart(records.listed(store.control, call.tenant, listing))
    return await _with_status(store, call, kept), total


def as_shown(shown: Shown, context: Names, now: str, *, sys_attrs: bool) -> dict[str, Any]:
    """The subscription with the names of a request, and the members that the broker writes (§5.2.12, §5.2.14.2)."""
    kept, status = shown
    document = names.compacted(kept, context)
    if not sys_attrs:
        for member in _TIMES:
            document.pop(member, None)
    document.setdefault("notificationTrigger", list(schema.DEFAULT_TRIGGERS))
    document["status"] = _state(kept, now)
    if isinstance(kept[CONTEXT], str):
        document["jsonldContext"] = kept[CONTEXT]
    notification = document["notification"]
    if status.sent:
        notification["status"] = "ok" if status.ok else "failed"
        notification["timesSent"] = status.sent
        notification["timesFailed"] = status.failed
        moments = {
            "lastNotification": status.last_notification,
            "lastSuccess": status.last_success,
            "lastFailure": status.last_failure,
        }
        notification |= {member: moment for member, moment in moments.items() if moment is not None}
    return document


def _state(kept: Kept, now: str) -> str:
    if expired(kept.get("expiresAt"), now):
        return "expired"
    return "active" if kept.get("isActive", True) else "paused"


async def _with_status(store: Store, call: Call, kept: list[Kept]) -> list[Shown]:
    keys = {each["id"]: records.key_of(call.tenant, each["id"]) for each in kept}
    statuses = await apart(Statuses(store.control).read(list(keys.values()))) if kept else {}
    return [Shown(each, statuses.get(keys[each["id"]], Status())) for each in kept]


def _kept(tenant: str, document: dict[str, Any], context: CompiledContext, max_join_level: int) -> Kept:
    """A Subscription that looks like one, to be kept; it compiles."""
    rules.check(document, max_join_level=max_join_level)
    kept = names.expanded(document, context)
    compile_kept(tenant, kept)
    return kept


def _updated(
    tenant: str, old: Kept, fragment: dict[str, Any], context: CompiledContext, now: str, max_join_level: int
) -> Kept:
    """What follows an old one: the fragment's members are read with the request's @context, the others as they were."""
    document = names.compacted(old, context)
    for member in _TIMES:
        document.pop(member, None)
    for member, content in fragment.items():
        if content == NULL:
            document.pop(member, None)
        else:
            document[member] = content
    schema.check(document)
    untouched = names.Q_MEMBERS.isdisjoint(fragment)
    q = document.pop("q", None) if untouched else None
    kept = _kept(tenant, document, context, max_join_level)
    if q is not None:
        kept |= {"q": q, CODED: old[CODED]}
        compile_kept(tenant, kept)  # it may follow links, as many as the fragment lets it
    return kept | {"createdAt": old["createdAt"], "modifiedAt": now}


def _without_read_only(document: Any) -> dict[str, Any]:
    """The document without what clients cannot write: that is ignored. Raises BadRequestData if it is no object."""
    if not isinstance(document, dict):
        raise BadRequestData("The body is no object of type Subscription.")
    kept = {member: content for member, content in document.items() if member not in schema.READ_ONLY}
    notification = kept.get("notification")
    if isinstance(notification, dict):
        kept["notification"] = {
            member: content for member, content in notification.items() if member not in schema.READ_ONLY_NOTIFICATION
        }
    return kept


def _check_id(subscription_id: str) -> None:
    if not is_uri(subscription_id):
        raise BadRequestData(f"Subscription id {shown(subscription_id)} is no URI.")


def _check_fragment(subscription_id: str, fragment: dict[str, Any]) -> None:
    if fragment.get("id", subscription_id) != subscription_id:
        raise BadRequestData(f"Subscription: id is {shown(fragment['id'])}, and that cannot be changed.")
    if fragment.get("type", "Subscription") != "Subscription":
        raise BadRequestData(f"Subscription: type is {shown(fragment['type'])}, not Subscription.")
    if not fragment.keys() - {"id", "type"}:
        raise BadRequestData("Subscription: the fragment changes nothing.")


def _check_expiry(document: dict[str, Any], now: str) -> None:
    expires_at = date_time(document.get("expiresAt"))
    if expires_at is not None and expired(expires_at, now):
        raise BadRequestData(f"Subscription: expiresAt is {shown(expires_at)}, which is past.")


def is_context(named: Any) -> bool:
    """Whether a `jsonldContext` can be looked up."""
    return is_uri(named)
