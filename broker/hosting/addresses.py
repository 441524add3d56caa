"""The addresses of contexts that this broker serves itself.

A broker has many names: of its machines, of the proxy before them. So a context is known by the end of its URL's path,
whose random part no other broker has given to one of its own.
"""

import re
from typing import Final

from broker.names import CONTEXTS_PATH

_LOCAL: Final = re.compile(rf"https?://[^/?#]+(?:/[^?#]*)?{re.escape(CONTEXTS_PATH)}/([0-9a-f]{{32}})", re.IGNORECASE)


def url_of(local_id: str, base: str) -> str:
    """The URL of a context that is served here; `base`: what clients put before the API's root."""
    return f"{base}{CONTEXTS_PATH}/{local_id}"


def local_id(url: str) -> str | None:
    """The id of the context that is served here at a URL, None if it can't be one of ours."""
    found = _LOCAL.fullmatch(url)
    return found[1].lower() if found is not None else None


def stored_id(url: str) -> str:
    """The id by which the context at a URL is stored: its local id, or the URL itself."""
    return local_id(url) or url
