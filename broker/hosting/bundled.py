"""The @contexts that ship with the broker: they resolve without a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

_PACKAGE: Final = Path(__file__).parent.parent
INDEX: Final = "index.json"
"""URL to file, in the folder of contexts."""


def folder() -> Path:
    """Where the contexts are: beside the package in a checkout, inside it in an installation."""
    installed = _PACKAGE / "_contexts"
    return installed if installed.is_dir() else _PACKAGE.parent / "contexts"


class Bundled:
    """The documents in the folder of contexts, by URL, each read when it is first asked for."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = folder() if root is None else root
        self._files: Mapping[str, str] = orjson.loads((self._root / INDEX).read_bytes())
        self._documents: dict[str, Any] = {}

    @property
    def urls(self) -> frozenset[str]:
        """Every address that is served from here."""
        return frozenset(self._files)

    def __contains__(self, url: str) -> bool:
        return url in self._files

    def __getitem__(self, url: str) -> Any:
        file = self._files[url]
        if file not in self._documents:
            self._documents[file] = orjson.loads((self._root / file).read_bytes())
        return self._documents[file]
