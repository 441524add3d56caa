"""The pages of `contexts/`: one for each domain, one for the city."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from broker.validation.schemas import attributes, required
from broker.validation.units import symbol
from tests.contexts.city import AREAS, INDICATORS, SAREF4CITY
from tests.contexts.vocabulary import RETRIEVE, Combined

Json = dict[str, Any]

_MADE: Final = "Made by `python -m tests.contexts.make`; do not edit."
_UNTOLD: Final = frozenset({"id", "type"})
_KIND: Final = re.compile(r"^(Property|GeoProperty|Relationship)\b")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MODEL: Final = re.compile(r"(?:Model|Units?|Enum)\s*:\s*'[^']*'\.?\s*")


def domain(
    name: str,
    profile: Json,
    models: Mapping[str, Json],
    schemas: Mapping[str, Any],
    words: Combined,
    examples: Mapping[str, Json],
    address: str,
) -> str:
    """A domain's page."""
    parts = [
        f"# {profile['title']}\n\n{_MADE}\n",
        f"`@context` of the domain: <{address}> ([context.jsonld](context.jsonld)); it ships with the broker. Entities "
        "can as well be written and read with the contexts of their subjects: the IRIs are the same.\n",
    ]
    if words.qualified:
        parts.append(_ambiguous(words))
    for iri, told in models.items():
        parts.append("\n".join(_type(iri, told, schemas[told["name"]], profile["types"][told["name"]])))
        parts.append(_example(told["name"], examples[told["name"]]))
    return "\n".join(parts)


def _ambiguous(words: Combined) -> str:
    rows = "".join(
        f"| `{word}` | {', '.join(f'`{each}`' for each in names)} |\n" for word, names in words.qualified.items()
    )
    return (
        f"{len(words.qualified)} words mean different things in the subjects of this domain. In its context each "
        "meaning has a name of its own, and the word alone is refused.\n\n"
        f"| Word | Names |\n|---|---|\n{rows}"
    )


def _type(iri: str, told: Json, schema: Any, profiled: Json) -> Iterator[str]:
    said = attributes(schema, RETRIEVE)
    wanted = required(schema, RETRIEVE)
    yield f"## {told['name']}\n\n{_sentence(schema.get('description', ''))}\n"
    yield f"`{iri}`, [schema](schemas/{told['name']}.json), licence {profiled['licence']}.\n"
    yield "| Attribute | Kind | Values | Unit | What |\n|---|---|---|---|---|"
    for name in sorted(said.keys() - _UNTOLD, key=lambda each: (each not in wanted, each.lower(), each)):
        rule = said[name]
        kind = _KIND.match(rule.get("description", ""))
        units = ", ".join(f"{code} ({symbol(code)})" for code in told["units"].get(name, ()))
        yield (
            f"| `{name}`{' *' if name in wanted else ''} | {kind[1] if kind else ''} | "
            f"{_values(rule, told['targets'].get(name))} | {units} | {_sentence(rule.get('description', ''))} |"
        )
    yield "\n`*` must be there.\n"


def _values(rule: Json, targets: Mapping[str, str] | None) -> str:
    parts = []
    if targets:
        parts.append("of " + " or ".join(targets))
    elif "enum" in rule:
        parts.append(", ".join(f"`{each}`" for each in rule["enum"]))
    elif isinstance(rule.get("items"), dict) and "enum" in rule["items"]:
        parts.append("array of " + ", ".join(f"`{each}`" for each in rule["items"]["enum"]))
    else:
        type_ = rule.get("type")
        parts.append(" or ".join(type_) if isinstance(type_, list) else type_ or "")
    if "minimum" in rule or "maximum" in rule:
        parts.append(f"{rule.get('minimum', '…')} to {rule.get('maximum', '…')}")
    if "format" in rule:
        parts.append(rule["format"])
    return _cell(", ".join(filter(None, parts)))


def _sentence(description: str) -> str:
    """What a schema's description says, without what the other columns tell."""
    plain = _LINK.sub(r"\1", _MODEL.sub("", _KIND.sub("", description))).lstrip(". ")
    return _cell(plain if len(plain) <= 160 else plain[:157].rsplit(" ", 1)[0] + " …")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _example(name: str, entity: Json) -> str:
    shown = orjson.dumps(entity, option=orjson.OPT_INDENT_2).decode()
    return f"<details><summary>Example: {name}</summary>\n\n```json\n{shown}\n```\n\n</details>\n"


def city(words: Combined, address: str) -> str:
    """The city's page."""
    ambiguous = "".join(
        f"| `{word}` | {', '.join(f'`{name}`' for name in names)} |\n" for word, names in words.qualified.items()
    )
    indicators = "".join(
        f"| `{word}` | {f'`{there}`' if ':' in there else f'[`{there}`]({SAREF4CITY}{there})'} | {near} | {remark} |\n"
        for word, there, near, remark in INDICATORS
    )
    areas = ", ".join(f"[`{area}`]({SAREF4CITY}{area})" for area in AREAS)
    return f"""\
# The whole city

{_MADE}

One `@context` for all domains: <{address}> ([context.jsonld](context.jsonld)); it ships with the broker. It has
{len(words.terms)} words. {len(words.qualified)} words mean different things in different subjects; here each
meaning has a name of its own, the subject's name before the word, and the word alone is refused: a query for
`temperature` over all domains would else find those of one, silently. Inside a value, where JSON-LD drops a member that
means nothing, use the long name, too.

## SAREF4CITY

ETSI TS 103 410-4. The namespace is <{SAREF4CITY}>. Types of administrative areas are SAREF4CITY's own in this context:
{areas}. The words `{"`, `".join(_saref(words))}` are, too.

Smart Data Models' KeyPerformanceIndicator has IRIs of its own, which stay. What corresponds to what:

| Smart Data Models | SAREF4CITY | How near | |
|---|---|---|---|
{indicators}
## Words with several meanings

| Word | Names |
|---|---|
{ambiguous}"""


def _saref(words: Combined) -> list[str]:
    return [word for word, iri in words.terms.items() if (iri or "").startswith(SAREF4CITY) and word not in AREAS]
