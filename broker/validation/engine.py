"""Entities against data models: the simplified form with the model's names, its units and relationship targets.

The engine is jsonschema-rs, which finds and explains (docs/decisions/0009-validation.md). No reference is fetched.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

from broker.errors import BadRequestData, Violation
from broker.model.entity import Entity, Instance
from broker.model.kinds import KINDS, PROOF
from broker.validation import units
from broker.validation.datamodel import DataModel
from broker.validation.expectations import explained, pointer
from broker.validation.schemas import Retrieve, attributes

MAX_VIOLATIONS: Final = 50
"""Most that are told of one entity."""
MAX_DOCUMENTS: Final = 64
"""Most values of one attribute, of several instances or languages, that are looked at."""
_BACKTRACKS: Final = 100_000
_SCALARS: Final = frozenset({str, int, float, bool})
_URN: Final = "urn:ngsi-ld:"
_TIME: Final = re.compile(r"(?:[01]\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?")
_FORMATS: Final = {"time": lambda text: _TIME.fullmatch(text) is not None}
"""Opening hours are local: JSON Schema wants a zone with a time, and the published examples have none."""


class Validator:
    """A data model, compiled. Pure, and fast: 20 µs for an entity of a dozen attributes."""

    def __init__(self, model: DataModel, retrieve: Retrieve, known: Iterable[str] = ()) -> None:
        """`known`: names of types, by which URNs tell what they point to. Raises BadRequestData for a bad schema."""
        self.model = model
        self._names = model.names
        self._known = frozenset(known)
        self._targets = model.targets
        self._units = {name: _alike(codes) for name, codes in model.units.items()}
        try:
            self._engine = jsonschema_rs.validator_for(
                model.schema,
                validate_formats=True,
                formats=_FORMATS,
                retriever=retrieve,
                pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS),
            )
        except BadRequestData:
            raise
        except Exception as error:
            raise BadRequestData(
                f"The schema of {model.name} is none: {str(error).splitlines()[0].rstrip('.')}."
            ) from error
        said = attributes(model.schema, retrieve)
        self._arrays = frozenset(name for name, each in said.items() if each.get("type") == "array")

    def violations(self, entity: Entity) -> tuple[Violation, ...]:
        """Where an entity is not as the model says, each place once."""
        found: dict[tuple[str, str], Violation] = {}
        for violation in self._found(entity):
            found.setdefault((violation.pointer, violation.expectation), violation)
            if len(found) >= MAX_VIOLATIONS:
                break
        return tuple(found.values())

    def documents(self, entity: Entity) -> list[dict[str, Any]]:
        """The entity in simplified form, as the schema speaks of it.

        Of attributes with several values, one of each; in as many documents that all values are in one.
        """
        base: dict[str, Any] = {"id": entity.id, "type": self.model.name}
        further: dict[str, list[Any]] = {}
        for iri, instances in entity.attributes.items():
            if iri == PROOF:
                continue
            name = self._names.get(iri, iri)
            values = self._values(name, instances[0])
            for instance in instances[1:]:
                values.extend(self._values(name, instance))
            base[name] = values[0]
            if len(values) > 1:
                further[name] = values
        count = min(max(map(len, further.values()), default=1), MAX_DOCUMENTS)
        others = range(1, count)
        return [base, *(base | {name: each[min(at, len(each) - 1)] for name, each in further.items()} for at in others)]

    def is_valid(self, document: dict[str, Any]) -> bool:
        """Whether the schema accepts a document."""
        return self._engine.is_valid(document)

    def _found(self, entity: Entity) -> Iterator[Violation]:
        for document in self.documents(entity):
            if not self._engine.is_valid(document):
                yield from explained(self._engine.iter_errors(document))
        for iri, instances in entity.attributes.items():
            name = self._names.get(iri, iri)
            for instance in instances:
                if "unitCode" in instance:
                    yield from self._unit(name, instance["unitCode"])
                if name in self._targets and KINDS[instance["type"]].relationship:
                    yield from self._pointing(name, instance, self._targets[name])

    def _values(self, name: str, instance: Instance) -> list[Any]:
        """The values of an instance, as a schema may speak of them: plain ones, without their kinds' wrappers."""
        kind = instance["type"]
        content = instance[KINDS[kind].member]
        if kind == "LanguageProperty":  # every language says it
            return [self._array(name, text) for text in content.values()] or [""]
        if content.__class__ in _SCALARS:
            plain = self._names.get(str(content), content) if kind == "VocabProperty" else content
        elif kind == "GeoProperty" or kind == "JsonProperty" or KINDS[kind].relationship:
            plain = content
        else:
            plain = self._plain(content, vocabulary=kind == "VocabProperty")
        return [self._array(name, plain)]

    def _array(self, name: str, value: Any) -> Any:
        """Where the model has an array, one value stands for an array of it: JSON-LD knows no difference."""
        return [value] if name in self._arrays and value.__class__ is not list else value

    def _plain(self, value: Any, *, vocabulary: bool = False) -> Any:
        """A compound value with the model's names; typed values are their bare ones."""
        if value.__class__ is dict:
            if "@value" in value:
                return value["@value"]
            names = self._names
            return {_member(key, names.get(key, key)): self._member(key, each) for key, each in value.items()}
        if value.__class__ is list:
            return [self._plain(each, vocabulary=vocabulary) for each in value]
        return self._names.get(value, value) if vocabulary else value

    def _member(self, key: str, value: Any) -> Any:
        return self._plain(value, vocabulary=key == "@type")

    def _unit(self, name: str, code: Any) -> Iterator[Violation]:
        """A unit must be of the quantity, which a schema does not see."""
        alike = self._units.get(name)
        if alike is None:
            if not (isinstance(code, str) and units.is_code(code)):
                yield Violation(pointer([name, "unitCode"]), "a UN/CEFACT common code", code)
        elif code not in alike:
            wanted = " or ".join(f"{each} ({units.symbol(each)})" for each in self.model.units[name])
            yield Violation(pointer([name, "unitCode"]), f"{wanted}, or another unit of the same quantity", code)

    def _pointing(self, name: str, instance: Instance, targets: Mapping[str, str]) -> Iterator[Violation]:
        """What a relationship points to must be of the types, as far as the entity tells them."""
        wanted = f"the id of {' or '.join(sorted(targets))}"
        types = instance.get("objectType")
        if types is not None:
            stated = [types] if isinstance(types, str) else types
            if not any(each in targets.values() for each in stated):
                yield Violation(pointer([name, "objectType"]), " or ".join(sorted(targets)), types)
            return
        content = instance[KINDS[instance["type"]].member]
        for each in content if isinstance(content, list) else [content]:
            type_ = each[len(_URN) :].partition(":")[0] if each.startswith(_URN) else ""
            if type_ in self._known and type_ not in targets:
                yield Violation(pointer([name]), wanted, each)


def _alike(codes: Iterable[str]) -> frozenset[str]:
    """The codes and those of their quantities."""
    given = frozenset(codes)
    return given.union(*(each for each in units.QUANTITIES.values() if given & each))


def _member(key: str, name: str) -> str:
    return name.removeprefix("@") if key in {"@type", "@id"} else name


def sentence(entity: Entity, model: DataModel, violations: tuple[Violation, ...], told: str) -> str:
    """Why an entity is refused."""
    count = "a violation" if len(violations) == 1 else f"{len(violations)} violations"
    return f"Entity {entity.id} has {count} of its data model {model.name}: {told}."
