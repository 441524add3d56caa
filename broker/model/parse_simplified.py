"""Attributes in the simplified form (GS CIM 009 §4.5.4), which only Merge Entity takes.

The form does not say the kind: a value is a Property, a GeoProperty, or what its wrapper says. The merge gives it the
kind of the attribute that is there.
"""

from typing import Any

from broker.errors import BadRequestData
from broker.model.entity import Attributes, Instance
from broker.model.geometry import is_geometry
from broker.model.grammar import is_uri, shown
from broker.model.kinds import KIND_BY_MEMBER, KINDS
from broker.model.parse_attributes import DEFINED, attribute_name, check_kind, read_value
from broker.model.parse_values import Reading
from broker.names import DEFAULT_DATASET, NULL

_WRAPPED = {member: kind for member, kind in KIND_BY_MEMBER.items() if kind.wrapped}


def simplified_attributes(reading: Reading, members: list[tuple[str, Any]]) -> Attributes:
    """Canonical attributes from names and simplified contents."""
    attributes: Attributes = {}
    for name, content in members:
        iri = attribute_name(reading, name)
        if iri in attributes:
            raise BadRequestData(f"Attribute {name} is given twice, under two names.")
        if type(content) is dict and content.keys() == {"dataset"} and type(content["dataset"]) is dict:
            attributes[iri] = _datasets(reading, iri, content["dataset"], name)
        else:
            attributes[iri] = [_instance(reading, iri, content, name)]
    return attributes


def _datasets(reading: Reading, iri: str, by_dataset: dict[str, Any], where: str) -> list[Instance]:
    instances: list[Instance] = []
    for dataset, content in by_dataset.items():
        if dataset == DEFAULT_DATASET:
            instances.insert(0, _instance(reading, iri, content, where))
        elif is_uri(dataset):
            instances.append({**_instance(reading, iri, content, where), "datasetId": dataset})
        else:
            raise BadRequestData(f"Attribute {where}: datasetId is {shown(dataset)}, not a URI.")
    return instances


def _instance(reading: Reading, iri: str, content: Any, where: str) -> Instance:
    if content == [NULL]:
        return {"type": NULL}
    kind = KINDS["Property"]
    if type(content) is dict and len(content) == 1 and (wrapped := _WRAPPED.get(next(iter(content)))) is not None:
        kind, content = wrapped, content[wrapped.member]
    elif is_geometry(content):
        kind = KINDS["GeoProperty"]
    value = read_value(reading, iri, kind, content, where)
    instance = {"type": kind.name, kind.member: value} if value != NULL else {"type": NULL}
    if iri in DEFINED:
        check_kind(iri, instance, content, where)
    return instance
