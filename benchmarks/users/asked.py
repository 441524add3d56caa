"""What a user asks: a name for the statistics, and an HTTP request."""

from typing import NamedTuple

from broker.names import API_ROOT, CONTEXT_REL


class Asked(NamedTuple):
    """One request; its body is JSON in the terms of `context`."""

    name: str
    method: str
    path: str
    context: str
    body: bytes | None = None

    @property
    def url(self) -> str:
        """The path from the root."""
        return API_ROOT + self.path

    @property
    def text(self) -> str | None:
        """The body as text: locust's client takes no bytes."""
        return None if self.body is None else self.body.decode()

    @property
    def headers(self) -> dict[str, str]:
        """The header lines that it needs."""
        lines = {"Link": f'<{self.context}>; rel="{CONTEXT_REL}"; type="application/ld+json"'}
        return lines if self.body is None else lines | {"Content-Type": "application/json"}
