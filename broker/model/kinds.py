"""The kinds of attributes, as a table (GS CIM 009 §4.5.1–§4.5.24).

Every rule that differs from kind to kind is a column here, or is written in one place that looks the kind up.
"""

from dataclasses import dataclass
from typing import Any, Final

from broker.names import DEFAULT_DATASET, NGSI_LD, NULL


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of attribute.

    `name` is the `type` member; `member` holds the value and expands to `iri`; `plural` is the member of the simplified
    temporal representation, `previous` the one of showChanges. `wrapped`: simplified, the value stays an object
    `{member: value}`. `relationship`: it points to entities, and `unitCode` is prohibited. `null`: what the value
    member holds of what was deleted.
    """

    name: str
    member: str
    iri: str
    plural: str
    previous: str
    wrapped: bool = False
    relationship: bool = False
    null: Any = NULL


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("Property", "value", NGSI_LD + "hasValue", "values", "previousValue"),
        Kind("GeoProperty", "value", NGSI_LD + "hasValue", "values", "previousValue"),
        Kind("Relationship", "object", NGSI_LD + "hasObject", "objects", "previousObject", relationship=True),
        Kind(
            "LanguageProperty",
            "languageMap",
            NGSI_LD + "hasLanguageMap",
            "languageMaps",
            "previousLanguageMap",
            wrapped=True,
            null={DEFAULT_DATASET: NULL},
        ),
        Kind("VocabProperty", "vocab", NGSI_LD + "hasVocab", "vocabs", "previousVocab", wrapped=True),
        Kind("JsonProperty", "json", NGSI_LD + "hasJSON", "jsons", "previousJson", wrapped=True),
        Kind("ListProperty", "valueList", NGSI_LD + "hasValueList", "valueLists", "previousValueList", null=[NULL]),
        Kind(
            "ListRelationship",
            "objectList",
            NGSI_LD + "hasObjectList",
            "objectLists",
            "previousObjectList",
            relationship=True,
            null=[NULL],
        ),
    )
}
"""Kind by name."""

KIND_BY_MEMBER: Final = {kind.member: kind for kind in reversed(KINDS.values())}
"""Kind by value member; `value` means Property (a geometry as its value makes it a GeoProperty)."""

GEOMETRIES: Final = frozenset({"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"})
"""GeoJSON geometries; GeometryCollection is excluded (GS CIM 009 §4.7)."""

KIND_BY_IRI: Final = {NGSI_LD + kind.name: kind for kind in KINDS.values()}
"""Kind by expanded `type`."""

PROOF: Final = NGSI_LD + "ngsildproof"
"""The Property whose value is a W3C data integrity proof, kept as it comes (GS CIM 009 §4.5.2.2)."""

GEO_ATTRIBUTES: Final = frozenset(NGSI_LD + name for name in ("location", "observationSpace", "operationSpace"))
"""Attributes that hold geometries by definition (GS CIM 009 §4.7.1)."""

VALUE: Final = KINDS["Property"].iri
"""The core @context's term `value`."""

_NON_REIFIED: Final = (
    *("hasValueType", "hasObjectType", "observedAt", "unitCode", "datasetId", "instanceId", "scope", "lang"),
    *(
        "createdAt",
        "modifiedAt",
        "deletedAt",
        "expiresAt",
        "entity",
        "entityList",
        "entityIdSealed",
        "entityTypeSealed",
    ),
    *("has" + kind.previous[0].upper() + kind.previous[1:] for kind in KINDS.values()),
)
RESERVED: Final = frozenset(kind.iri for kind in KINDS.values()) | {NGSI_LD + term for term in _NON_REIFIED}
"""Non-reified terms of the core @context: no attribute can have such a name (GS CIM 009 §4.5.1)."""
