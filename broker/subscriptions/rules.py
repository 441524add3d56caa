"""Rules of a Subscription that a schema does not say, or that ask for several members (GS CIM 009 §5.2.12–§5.2.15).

Each is a function of the Subscription as it is sent; it raises BadRequestData that names the member.
"""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from broker.errors import BadRequestData, TooComplexQuery
from broker.model.grammar import shown
from broker.model.languages import language_ranges
from broker.names import GEO_JSON
from broker.query import patterns, projection
from broker.subscriptions.names import ANY_TYPE

HTTP_SCHEMES: Final = frozenset({"http", "https"})
MQTT_SCHEMES: Final = frozenset({"mqtt", "mqtts"})
MAX_INTERVAL: Final = 366 * 86_400.0

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e\x80-\xff]*")
_FRAMING: Final = frozenset(
    {"content-length", "transfer-encoding", "connection", "host", "te", "trailer", "upgrade", "expect", "content-type"}
)
"""Headers that the broker sets itself, or that say where a message ends."""
_SIMPLIFIED: Final = frozenset({"simplified", "keyValues"})


def _watches(document: dict[str, Any]) -> None:
    if not ("entities" in document or "watchedAttributes" in document or document.get("localOnly")):
        raise BadRequestData("Subscription: entities or watchedAttributes is needed, unless localOnly is true.")


def _any_type(document: dict[str, Any]) -> None:
    if document.get("localOnly") is False and any(each["type"] == ANY_TYPE for each in document.get("entities", ())):
        raise BadRequestData("Subscription: entities: type * asks for local entities alone, and localOnly is false.")


def _patterns(document: dict[str, Any]) -> None:
    for each in document.get("entities", ()):
        if "idPattern" in each:
            patterns.check(each["idPattern"], "Subscription: entities: idPattern")


def _interval(document: dict[str, Any]) -> None:
    if "timeInterval" not in document:
        return
    for member in ("watchedAttributes", "throttling"):
        if member in document:
            raise BadRequestData(f"Subscription: timeInterval and {member} exclude each other.")
    if "entities" not in document and not document.get("localOnly"):
        raise BadRequestData("Subscription: timeInterval needs entities, unless localOnly is true.")
    if document["timeInterval"] > MAX_INTERVAL:
        raise BadRequestData(f"Subscription: timeInterval is longer than {MAX_INTERVAL:.0f} seconds.")


def _projection(document: dict[str, Any]) -> None:
    notification = document["notification"]
    for member in ("pick", "omit"):
        if "attributes" in notification and member in notification:
            raise BadRequestData(f"Subscription: notification.attributes and notification.{member} exclude each other.")
    found = []
    for member in ("pick", "omit"):
        if member in notification:
            try:
                members = projection.parse(",".join(notification[member]), str)
            except BadRequestData as error:
                raise BadRequestData(f"Subscription: notification.{member}: {error.detail}") from None
            followed = notification.get("joinLevel", 1) if notification.get("join", "@none") != "@none" else 0
            if members.depth > followed:
                raise BadRequestData(
                    f"Subscription: notification.{member}: braces reach {members.depth} links deep, "
                    f"join and joinLevel reach {followed}."
                )
            found.append(members)
    if len(found) == 2 and found[0].contradicts(found[1]):
        raise BadRequestData("Subscription: notification.pick and notification.omit name the same member.")


def _changes(document: dict[str, Any]) -> None:
    notification = document["notification"]
    if notification.get("showChanges") and notification.get("format") in _SIMPLIFIED:
        raise BadRequestData("Subscription: notification.showChanges: the simplified format cannot show changes.")


def _lang(document: dict[str, Any]) -> None:
    if "lang" in document:
        try:
            language_ranges(document["lang"])
        except BadRequestData as error:
            raise BadRequestData(f"Subscription: {error.detail.removeprefix('Parameter ')}.") from None


def _endpoint(document: dict[str, Any]) -> None:
    endpoint = document["notification"]["endpoint"]
    where = "Subscription: notification.endpoint"
    try:
        parts = urlsplit(endpoint["uri"])
        known = parts.scheme in HTTP_SCHEMES | MQTT_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise BadRequestData(f"{where}.uri is {shown(endpoint['uri'])}, no http, https, mqtt or mqtts URI with a host.")
    if parts.scheme in MQTT_SCHEMES:
        if endpoint.get("accept") == GEO_JSON:
            raise BadRequestData(f"{where}.accept: over MQTT there is no {GEO_JSON}.")
        if not parts.path.strip("/") or "+" in parts.path or "#" in endpoint["uri"]:
            raise BadRequestData(f"{where}.uri: its path is the topic, which has at least one level and no + or #.")
        _notifier(endpoint.get("notifierInfo", ()), where)
    for pair in endpoint.get("receiverInfo", ()):
        _header(pair, f"{where}.receiverInfo")


def _header(pair: dict[str, str], where: str) -> None:
    key, value = pair["key"], pair["value"]
    if not _TOKEN.fullmatch(key) or not _PRINTABLE.fullmatch(value):
        raise BadRequestData(f"{where}: {shown(key)} and its value are no header of HTTP.")
    if key.lower() in _FRAMING:
        raise BadRequestData(f"{where}: {shown(key)} is a header that the broker sets itself.")


_NOTIFIER: Final = {"MQTT-Version": ("mqtt3.1.1", "mqtt5.0"), "MQTT-QoS": ("0", "1", "2")}


def _notifier(pairs: list[dict[str, str]], where: str) -> None:
    for pair in pairs:
        allowed = _NOTIFIER.get(pair["key"])
        if allowed is not None and pair["value"] not in allowed:
            raise BadRequestData(
                f"{where}.notifierInfo: {pair['key']} is {shown(pair['value'])}, none of {', '.join(allowed)}."
            )


RULES: Final[tuple[Callable[[dict[str, Any]], None], ...]] = (
    _watches,
    _any_type,
    _patterns,
    _interval,
    _projection,
    _changes,
    _lang,
    _endpoint,
)


def check(document: dict[str, Any], *, max_join_level: int) -> None:
    """Raise BadRequestData for a Subscription that breaks a rule, TooComplexQuery for one beyond the limits."""
    for rule in RULES:
        rule(document)
    level = document["notification"].get("joinLevel", 1)
    if level > max_join_level:
        raise TooComplexQuery(f"Subscription: notification.joinLevel: at most {max_join_level}, found {level}.")
