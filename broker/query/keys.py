"""The keys of an entity in the index of attributes: what `broker.store.shapes` writes and `to_mongo` asks for.

An entry `{k: key, v: scalar}` stands for each scalar, one without `v` for what is none:

    name            an attribute: each element of its value, of each instance
    name[member]    a member of an object, of expanded names
    name[=member]   a member of JSON that is kept as it was sent
    name[@tag]      a language, in lower case
    SCOPE           a scope, with a slash at both ends: what is below it begins so, too
    MORE            the entity has more than there are keys for: a query must look at the entity itself
"""

from typing import Final

from broker.names import SCOPE as SCOPE

MORE: Final = "@more"
"""No attribute can have this name."""
MAX_LENGTH: Final = 512
"""Strings are indexed up to this many characters; queries for longer ones look at the entity itself."""


def member(name: str, key: str) -> str:
    """Key of a member of an attribute's value."""
    return f"{name}[{key}]"


def raw_member(name: str, key: str) -> str:
    """Key of a member of an attribute's JSON that is kept as it was sent."""
    return f"{name}[={key}]"


def language(name: str, tag: str) -> str:
    """Key of a language of an attribute."""
    return f"{name}[@{tag.lower()}]"


def scope(text: str) -> str:
    """A scope as it is indexed."""
    return f"{text}/" if text.startswith("/") else f"/{text}/"
