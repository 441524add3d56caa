"""Notifications on their way: HTTP and MQTT (GS CIM 009 §6.3.8, §7)."""

from typing import Final, NamedTuple

import orjson

from broker.outbound import mqtt
from broker.outbound.mqtt import Publisher, Version
from broker.outbound.posts import Headers, Posts, target
from broker.subscriptions.document import Endpoint

_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
"""Statuses of failures that may pass."""
LONGEST: Final = 60.0
"""Seconds that an endpoint has at most, whatever its subscription says."""
_QOS: Final = "MQTT-QoS"
_MQTT_VERSION: Final = "MQTT-Version"


class Message(NamedTuple):
    """A notification, rendered."""

    headers: Headers
    body: bytes


class Refused(Exception):
    """The endpoint has answered, and has not taken the notification. `passing`: it may take it later."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.passing = passing


class Transport:
    """One per worker. `timeout`: seconds that an endpoint has, unless the subscription says otherwise."""

    def __init__(self, posts: Posts, publisher: Publisher, timeout: float) -> None:
        self._posts = posts
        self._publisher = publisher
        self._timeout = timeout

    async def send(self, endpoint: Endpoint, message: Message) -> None:
        """Hand a notification over. Raises CallError if nobody has answered, Refused if it was not taken."""
        timeout = min(endpoint.timeout or self._timeout, LONGEST)
        if endpoint.is_mqtt:
            await self._publish(endpoint, message, timeout)
        else:
            await self._post(endpoint, message, timeout)

    async def _post(self, endpoint: Endpoint, message: Message, timeout: float) -> None:
        status = await self._posts.post(target(endpoint.uri, message.headers), message.body, timeout)
        if not 200 <= status < 300:
            raise Refused(f"it answers {status}", passing=status in _TRY_AGAIN)

    async def _publish(self, endpoint: Endpoint, message: Message, timeout: float) -> None:
        told = dict(endpoint.notifier_info)
        version: Version = "mqtt3.1.1" if told.get(_MQTT_VERSION) == "mqtt3.1.1" else "mqtt5.0"
        address = mqtt.address(endpoint.uri, version)
        qos = int(told[_QOS]) if told.get(_QOS) in ("0", "1", "2") else 0
        published = b'{"metadata":%b,"body":%b}' % (orjson.dumps(dict(message.headers)), message.body)
        await self._publisher.publish(address, published, qos=qos, timeout=timeout)
