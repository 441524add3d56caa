"""The data models that ship with the broker, read from the folder of contexts when they are first asked for."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from broker.errors import BadRequestData
from broker.hosting.bundled import folder
from broker.model.grammar import shown
from broker.validation.datamodel import DataModel

MODELS: Final = "models.json"
"""Type to its data model without its schema, in the folder of contexts; made by `tests.contexts.make`."""
SCHEMAS: Final = "schemas/index.json"
"""URL to file, of the schemas that others refer to."""


class Schemas:
    """The schemas that others refer to, by URL."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, str] = _read(root / SCHEMAS)
        self._documents: dict[str, Any] = {}

    def retrieve(self, url: str) -> Any:
        """The schema at a URL. Raises BadRequestData: nothing is fetched."""
        if url not in self._files:
            raise BadRequestData(f"The schema refers to {shown(url)}, which does not ship with the broker.")
        if url not in self._documents:
            self._documents[url] = _read(self._root / self._files[url])
        return self._documents[url]


class Bundle:
    """What ships: a model by its type's IRI or by its name, and the schemas that schemas may refer to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, dict[str, Any]] = _read(root / MODELS)
        self._models: dict[str, DataModel] = {}
        self.retrieve = Schemas(root).retrieve
        self.by_name = {each["name"]: type_ for type_, each in self._known.items()}
        """Name of a type to its IRI."""

    def __contains__(self, type_: str) -> bool:
        return type_ in self._known

    def __getitem__(self, type_: str) -> DataModel:
        model = self._models.get(type_)
        if model is None:
            told = self._known[type_]
            schema = _read(self._root / told["domain"] / "schemas" / f"{told['name']}.json")
            model = self._models[type_] = DataModel(type=type_, schema=schema, **told)
        return model

    @property
    def types(self) -> list[str]:
        """The IRIs of the types, by domain and name."""
        return list(self._known)

    def domain(self, type_: str) -> str:
        """The domain of a type."""
        domain: str = self._known[type_]["domain"]
        return domain


@cache
def bundle() -> Bundle:
    """The one of this process."""
    return Bundle(folder())


def _read(path: Path) -> Any:
    return orjson.loads(path.read_bytes())
