"""What all users have in common: intended times, headers, and an answer that counts only if it is the right one."""

from collections.abc import Collection
from time import perf_counter
from typing import Any, ClassVar

import gevent
from locust import task
from locust.contrib.fasthttp import FastHttpUser

from benchmarks.users.asked import Asked
from benchmarks.users.options import Shared
from broker.names import TENANT_HEADER

UNKNOWN = 0
"""The status of a request that had no answer."""


class CityUser(FastHttpUser):
    """A user that asks one thing after the other, each at its intended time."""

    abstract = True
    shared: ClassVar[Shared]
    """Set for all users of the process when locust has read its options."""
    connection_timeout = 10.0
    network_timeout = 60.0
    max_retries = 0

    def __init__(self, environment: Any) -> None:
        self.host = self.host or environment.host  # locust sets it of the kinds alone that it starts itself
        super().__init__(environment)
        self.shared.users += 1
        self.number = self.shared.users
        """Among the users of this process."""
        self.random = self.shared.random(f"{type(self).__name__} {self.number}")
        self.body = ""
        """Of the last answer."""
        self._pace = self.shared.pace(f"{type(self).__name__} {self.number}")

    def ask(self) -> None:
        """Send the next request, by `send`."""
        raise NotImplementedError

    @task
    def turn(self) -> None:
        """Wait until the next request is due."""
        self.due = self._pace.next()
        gevent.sleep(max(0.0, self.due - perf_counter()))
        self.ask()

    def send(self, asked: Asked, success: Collection[int] = (200,)) -> int:
        """The status of the answer; its time counts from when the request was due."""
        headers = asked.headers | ({TENANT_HEADER: self.shared.tenant} if self.shared.tenant else {})
        with self.client.request(
            asked.method, asked.url, data=asked.text, headers=headers, name=asked.name, catch_response=True
        ) as response:
            self.body = response.text or ""
            status: int = response.status_code or UNKNOWN
            response.request_meta["response_time"] = (perf_counter() - self.due) * 1000
            if status in success:
                response.success()
            elif status != UNKNOWN:
                response.failure(f"{status}: {(response.text or '')[:200]}")
            else:
                response.failure(response.error or "no answer")
        return status
