"""Everything that is wrong with a file of entities, before it is sent: line, pointer, advice."""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from broker.errors import BadRequestData, BrokerError, Violation
from broker.jsonld.compiled import CompiledContext
from broker.model.entity import Entity
from broker.model.grammar import is_uri, shown
from broker.model.parse import parse_entity
from broker.validation import advice
from broker.validation.bundle import bundle
from broker.validation.engine import Validator
from broker.validation.lines import Broken, Located, located
from broker.validation.schemas import attributes

Json: TypeAlias = dict[str, Any]
Severity: TypeAlias = Literal["error", "warning", "note"]
Resolve: TypeAlias = Callable[[Any], Awaitable[CompiledContext]]
"""The compiled form of an @context; of None what applies where none is given."""

FAR: Final = 5.0
NEAR: Final = 1.0
"""Degrees from the middle of the other places: a position that is farther than FAR, and nearer than NEAR when its
coordinates are exchanged, most likely has them exchanged."""
LEAST_PLACES: Final = 3

_SYSTEM: Final = frozenset({"id", "@id", "type", "@type", "scope", "@context", "expiresAt"})
_TIMES: Final = frozenset({"createdAt", "modifiedAt", "deletedAt"})
_WHERE: Final = re.compile(r"Attribute ([^:\s]+)")


class Finding(NamedTuple):
    """Something that is wrong."""

    line: int
    pointer: str
    """RFC 6901, into the file as it was sent."""
    severity: Severity
    says: str
    advice: str = ""


class _Place(NamedTuple):
    line: int
    pointer: str
    longitude: float
    latitude: float


@dataclass
class Report:
    """What was found in a file."""

    findings: list[Finding] = field(default_factory=list)
    entities: int = 0

    @property
    def errors(self) -> int:
        """How many findings a strict broker refuses."""
        return sum(finding.severity == "error" for finding in self.findings)

    def summary(self) -> str:
        """One line."""
        warnings = sum(finding.severity == "warning" for finding in self.findings)
        return f"{self.entities} entities: {self.errors} errors, {warnings} warnings."


async def check_documents(text: str, resolve: Resolve, validator: Callable[[str], Validator | None]) -> Report:
    """Check an entity, an array of entities or NDJSON."""
    report = Report()
    places: list[_Place] = []
    for document in located(text):
        if isinstance(document, Broken):
            report.findings.append(Finding(document.line, "", "error", f"This is no JSON: {document.says}."))
            continue
        elements = enumerate(document.value) if isinstance(document.value, list) else [(None, document.value)]
        for position, payload in elements:
            prefix = "" if position is None else f"/{position}"
            report.entities += 1
            check = _Check(document, prefix, validator)
            await check.run(payload, resolve)
            report.findings.extend(check.findings)
            places.extend(check.places)
    report.findings.extend(_exchanged(places))
    report.findings.sort(key=lambda finding: finding.line)
    return report


class _Check:
    """The check of one entity."""

    def __init__(self, document: Located, prefix: str, validator: Callable[[str], Validator | None]) -> None:
        self._document = document
        self._prefix = prefix
        self._validator = validator
        self.findings: list[Finding] = []
        self.places: list[_Place] = []
        self._unread: set[str] = set()
        """Attributes that were refused by themselves."""

    async def run(self, payload: Any, resolve: Resolve) -> None:
        """Note all that is wrong."""
        if not isinstance(payload, dict):
            self._note("", "error", f"This is {shown(payload)}, not an entity: an object.")
            return
        for pointer in self._document.doubled:
            if pointer.startswith(f"{self._prefix}/"):
                self._note(pointer[len(self._prefix) :], "error", "This member is there twice; one of them is lost.")
        content = {name: each for name, each in payload.items() if name != "@context"}
        names = await self._context(payload, resolve)
        entity = self._parsed(content, names)
        if entity is not None:
            self._against_models(entity, content, names)
        dates = advice.on_dates({name: each for name, each in content.items() if name not in _SYSTEM})
        if dates:
            self._note("/dateObserved", "warning", "No measured value has observedAt.", dates)

    async def _context(self, payload: Json, resolve: Resolve) -> CompiledContext:
        try:
            return await resolve(payload.get("@context"))
        except BrokerError as error:
            self._note("/@context", "error", error.detail)
            return await resolve([])

    def _parsed(self, content: Json, names: CompiledContext) -> Entity | None:
        """The entity, of the attributes that can be read; None if it has no type."""
        try:
            head = parse_entity(
                {"id": "urn:x:y", **{each: content[each] for each in ("type", "@type") if each in content}}, names
            )
        except BadRequestData as error:
            self._note("/type", "error", error.detail, "" if "type" in content else "Every entity has a type.")
            return None
        id_ = content.get("id", content.get("@id"))
        if not is_uri(id_):
            says = f"Entity: id is {shown(id_)}, not a URI" if id_ is not None else "Entity: id is missing"
            self._note("/id", "error", says, advice.on_refusal("id is x, not a URI"))
            id_ = "urn:x:y"
        id_ = str(id_)
        found: dict[str, Any] = {}
        for name, each in content.items():
            if name in _SYSTEM or name in _TIMES:
                continue
            try:
                found |= parse_entity({"id": id_, "type": "T", name: each}, names).attributes
            except BadRequestData as error:
                self._refused(name, error.detail)
            self._place(name, each)
        return head._replace(id=id_, attributes=found)

    def _refused(self, name: str, says: str) -> None:
        self._unread.add(name)
        where = _WHERE.search(says)
        path = where[1].split(".") if where is not None and where[1].split(".")[0] == name else [name]
        self._note("".join(f"/{each}" for each in path), "error", says, advice.on_refusal(says))

    def _against_models(self, entity: Entity, content: Json, names: CompiledContext) -> None:
        for type_ in entity.types:
            validator = self._validator(type_)
            if validator is None:
                name = names.compact(type_)
                ours = bundle().by_name.get(name.rpartition("/")[2])
                known = (
                    ""
                    if ours is None
                    else f"Its @context says another {name}: the model's own is {bundle()[ours].context}."
                )
                self._note("/type", "note", f"There is no data model of {shown(type_)} to check it against.", known)
                continue
            sent = {names.expand(each): each for each in content if each not in _SYSTEM and _is_name(each, names)}
            self._names(validator, entity, sent)
            for violation in validator.violations(entity):
                self._violation(validator, violation, sent)

    def _names(self, validator: Validator, entity: Entity, sent: dict[str, str]) -> None:
        """Attributes that the model does not know, and most likely should."""
        known = attributes(validator.model.schema, bundle().retrieve)
        for iri in entity.attributes:
            if iri in validator.model.names:
                continue
            word = sent.get(iri, iri)
            near = word if word in known else advice.nearest(word, known)
            if near == word:
                says = f"{word} is not the {word} of the data model: its @context maps it to {iri}."
                self._note(f"/{word}", "warning", says, f"Use the model's @context: {validator.model.context}.")
            elif near is not None:
                self._note(f"/{word}", "warning", f"The data model has no {word}.", f"Is it {near}?")

    def _violation(self, validator: Validator, violation: Violation, sent: dict[str, str]) -> None:
        steps = violation.pointer.split("/")[1:]
        ours = {name: iri for iri, name in validator.model.names.items()}
        name = sent.get(ours.get(steps[0], steps[0]), steps[0]) if steps else ""
        said = attributes(validator.model.schema, bundle().retrieve).get(steps[0], {}) if steps else {}
        listed = said.get("enum", [])
        if violation.value is None and steps[0] in self._unread:
            return
        if violation.value is None:
            near = advice.nearest(steps[-1], sent.values())
            says = f"The data model requires {steps[-1]}."
            self._note("/".join(["", *steps[:-1]]), "error", says, f"Is it {near}, misspelt?" if near else "")
            return
        rest = "".join(f"/{step}" for step in steps[1:])
        inner = (f"/{name}{member}{rest}" for member in ("/value", "/object", "/vocab", "/json", ""))
        pointer = next(filter(self._is_there, inner), f"/{name}")
        says = f"It is {shown(violation.value)}, not {violation.expectation}."
        self._note(pointer, "error", says, advice.on_violation(violation, [str(each) for each in listed]))

    def _is_there(self, pointer: str) -> bool:
        return self._prefix + pointer in self._document.lines

    def _place(self, name: str, content: Any) -> None:
        geometry = content.get("value", content) if isinstance(content, dict) else None
        if isinstance(geometry, dict) and geometry.get("type") == "Point":
            position = geometry.get("coordinates")
            if (
                isinstance(position, list)
                and len(position) >= 2
                and all(isinstance(each, int | float) for each in position)
            ):
                pointer = f"{self._prefix}/{name}"
                self.places.append(_Place(self._document.line(pointer), pointer, *map(float, position[:2])))

    def _note(self, pointer: str, severity: Severity, says: str, what: str = "") -> None:
        whole = self._prefix + pointer
        self.findings.append(Finding(self._document.line(whole), whole, severity, says, what))


def _is_name(name: str, names: CompiledContext) -> bool:
    try:
        names.expand(name)
    except BadRequestData:
        return False
    return True


def _exchanged(places: list[_Place]) -> Iterator[Finding]:
    """Positions that lie among the others only when their coordinates are exchanged."""
    if len(places) < LEAST_PLACES:
        return
    longitude, latitude = median(each.longitude for each in places), median(each.latitude for each in places)
    for place in places:
        as_sent = max(abs(place.longitude - longitude), abs(place.latitude - latitude))
        exchanged = max(abs(place.latitude - longitude), abs(place.longitude - latitude))
        if as_sent > FAR and exchanged < NEAR:
            says = "The position is far from all others, and among them with its coordinates exchanged."
            yield Finding(place.line, place.pointer, "warning", says, "GeoJSON writes the longitude first.")
