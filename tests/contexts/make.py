"""What is made in `contexts/`: `python -m tests.contexts.make` writes it, a test says when it is out of date.

Made of each domain's `profile.json`, its schemas, the contexts of the subjects and the sample city:
a context of each domain, one of the whole city, `models.json`, example entities, and a page for each.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from broker.hosting.bundled import folder
from broker.validation.datamodel import names_of
from tests.contexts import pages
from tests.contexts.city import CITY, city_context
from tests.contexts.examples import examples
from tests.contexts.vocabulary import RETRIEVE, Combined, combine, meanings, subject_context, subject_url

ROOT: Final = folder()
DOMAINS: Final = (
    "health-social-care",
    "building-management",
    "connected-homes",
    "urban-lighting",
    "water-and-waste",
    "energy",
    "mobility",
    "cross-domain",
)
ADDRESS: Final = "https://ngsild-broker.example/contexts/{}.jsonld"
"""Where the contexts are known to the broker. Nothing is at that address: a city publishes the file under its own."""


def profile(domain: str) -> dict[str, Any]:
    """A domain's profile."""
    read: dict[str, Any] = orjson.loads((ROOT / domain / "profile.json").read_bytes())
    return read


def schema(domain: str, name: str) -> Any:
    """The schema of a type."""
    return orjson.loads((ROOT / domain / "schemas" / f"{name}.json").read_bytes())


def subjects() -> dict[str, list[tuple[str, str]]]:
    """Subject to its types: (domain, name)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for domain in DOMAINS:
        for name, told in profile(domain)["types"].items():
            found.setdefault(told["subject"], []).append((domain, name))
    return found


def models() -> dict[str, dict[str, Any]]:
    """`models.json`: type to its data model, without the schema."""
    contexts = {subject: subject_context(subject) for subject in subjects()}
    listed = {
        name: (domain, told, contexts[told["subject"]].expand(name))
        for domain in DOMAINS
        for name, told in profile(domain)["types"].items()
    }
    iris = {name: iri for name, (_, _, iri) in listed.items()}
    return {
        iri: {
            "name": name,
            "domain": domain,
            "context": subject_url(told["subject"]),
            "units": told["units"],
            "targets": {
                attribute: {each: iris.get(each) or contexts[told["subject"]].expand(each) for each in targets}
                for attribute, targets in told["targets"].items()
            },
            "names": names_of(schema(domain, name), contexts[told["subject"]], RETRIEVE),
        }
        for name, (domain, told, iri) in listed.items()
    }


def vocabulary(*domains: str) -> Combined:
    """The vocabularies of all subjects of some domains in one."""
    wanted = {told["subject"] for domain in domains for told in profile(domain)["types"].values()}
    return combine(
        {
            subject: meanings(subject, [schema(domain, name) for domain, name in types])
            for subject, types in subjects().items()
            if subject in wanted
        }
    )


def made() -> Iterator[tuple[Path, str]]:
    """Every file that is made, with what it shall hold."""
    described = models()
    yield Path("models.json"), _json(described)
    shown = examples({domain: profile(domain) for domain in DOMAINS})
    for domain in DOMAINS:
        words = vocabulary(domain)
        yield Path(domain, "context.jsonld"), _json({"@context": words.terms})
        for name, entity in shown[domain].items():
            yield Path(domain, "examples", f"{name}.json"), _json(entity)
        mine = {iri: told for iri, told in described.items() if told["domain"] == domain}
        schemas = {told["name"]: schema(domain, told["name"]) for told in mine.values()}
        page = pages.domain(domain, profile(domain), mine, schemas, words, shown[domain], ADDRESS.format(domain))
        yield Path(domain, "README.md"), page
    city = city_context(vocabulary(*DOMAINS))
    yield Path(CITY, "context.jsonld"), _json({"@context": city.terms})
    yield Path(CITY, "README.md"), pages.city(city, ADDRESS.format(CITY))


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


if __name__ == "__main__":
    for path, content in made():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(content)
