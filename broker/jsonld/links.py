"""Link headers that name an @context (GS CIM 009 §6.3.6)."""

from functools import lru_cache
from typing import Final
from urllib.parse import quote

from broker.names import CONTEXT_REL, JSON_LD

_URI_SAFE: Final = ":/?#[]@!$&'()*+,;=%-._~"


@lru_cache(maxsize=1024)
def context_link(url: str) -> str:
    """The value of a Link header that names the @context of JSON."""
    return f'<{escaped(url)}>; rel="{CONTEXT_REL}"; type="{JSON_LD}"'


def escaped(url: str) -> str:
    """`url` with everything escaped that could end it, or the header line."""
    return quote(url, safe=_URI_SAFE)
