"""What a data model is: the JSON Schema of a type's entities in simplified form, and what a schema cannot say.

The schema speaks of names; entities are kept by IRIs. `names` has the IRI of each name in the schema, as the model's
own @context expands it, so that the vocabulary of whoever writes or reads an entity makes no difference.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

from broker.errors import BadRequestData
from broker.jsonld.compiled import CompiledContext
from broker.model.entity import Names
from broker.model.grammar import check_name
from broker.validation.schemas import Retrieve, words

Schema: TypeAlias = dict[str, Any]

_WORDS: Final = frozenset({"id", "type", "@context"})
"""Members that the standard has, whatever a context says."""


@dataclass(frozen=True, slots=True)
class DataModel:
    """A data model. JSON can hold all of it: `asdict`, and back by `DataModel(**…)`."""

    type: str
    """The type's IRI."""
    name: str
    """The type's name in the schema."""
    schema: Schema
    names: Mapping[str, str]
    """IRI to the schema's name: of attributes, members of their values, terms of enumerations."""
    units: Mapping[str, list[str]]
    """Attribute to the units of which its values may be, or of others of the same quantities; by UN/CEFACT codes."""
    targets: Mapping[str, Mapping[str, str]]
    """Relationship to the types of what it points to, name to IRI."""
    context: str = ""
    """URL of its own @context."""
    domain: str = ""
    """The city domain that it ships with; empty for a tenant's own model."""

    def document(self) -> dict[str, Any]:
        """The model as JSON."""
        return asdict(self)


def own_model(
    name: str,
    schema: Schema,
    context: CompiledContext,
    retrieve: Retrieve,
    *,
    units: Mapping[str, list[str]],
    targets: Mapping[str, list[str]],
) -> DataModel:
    """A tenant's own data model; `targets`: relationship to the types of what it points to. The context expands all.

    Raises BadRequestData for what is no name, and for a reference of the schema that leads nowhere.
    """
    names = names_of(schema, context, retrieve)
    for attribute in (*units, *targets):
        names.setdefault(context.expand(check_name(attribute)), attribute)
    pointed = {
        attribute: {_last(each): context.expand(check_name(each)) for each in types}
        for attribute, types in targets.items()
    }
    return DataModel(context.expand(check_name(name)), name, schema, names, units, pointed, context.link)


def _last(type_: str) -> str:
    """The name of a type, also of an IRI: what URNs have of it."""
    return re.split(r"[/#:]", type_)[-1] or type_


def names_of(schema: Schema, context: Names, retrieve: Retrieve) -> dict[str, str]:
    """IRI to name, of all the names in a schema that a context can expand; of two with one IRI the first.

    Raises BadRequestData for a reference of the schema that leads nowhere.
    """
    found: dict[str, str] = {}
    for word in words(schema, retrieve):
        if word in _WORDS:
            continue
        try:
            found.setdefault(context.expand(word), word)
        except BadRequestData:
            continue  # the context keeps it for something else: no attribute can have that name
    return found
