"""Entities as GeoJSON (GS CIM 009 §4.5.16, §4.5.17).

Feature            {"id": URI, "type": "Feature", "geometry": geometry or null, "properties": {"type": …, attributes}}
FeatureCollection  {"type": "FeatureCollection", "features": [Feature, …]}
"""

from collections.abc import Iterable
from typing import Any

from broker.model.entity import Entity, Names
from broker.model.render import Render, Representation, renderer
from broker.names import DEFAULT_DATASET, NGSI_LD

LOCATION = NGSI_LD + "location"


def feature_renderer(
    names: Names, representation: Representation, geometry_property: str = LOCATION, properties_of: Render | None = None
) -> Render:
    """A function that renders entities as Features; `geometry_property` is an expanded name.

    `properties_of` renders the entity whose members become the properties, `renderer(names, representation)` if absent.

    The geometry is that of the default instance, or of the instance that `representation.dataset_ids` names; null if
    there is none. It does not depend on what is picked and omitted.
    """
    render = properties_of or renderer(names, representation)
    dataset_ids = representation.dataset_ids

    def feature(entity: Entity) -> dict[str, Any]:
        properties = render(entity)
        out: dict[str, Any] = {"id": properties.pop("id")} if "id" in properties else {}
        out["type"] = "Feature"
        out["geometry"] = geometry(entity, geometry_property, dataset_ids)
        out["properties"] = properties
        return out

    return feature


def feature_collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Features as a FeatureCollection."""
    return {"type": "FeatureCollection", "features": list(features)}


def geometry(entity: Entity, name: str, dataset_ids: frozenset[str] | None = None) -> dict[str, Any] | None:
    """The geometry of a GeoProperty; None if the entity has no such, or only instances that were not asked for."""
    wanted = {DEFAULT_DATASET} if dataset_ids is None else dataset_ids
    for instance in entity.attributes.get(name, ()):
        if instance["type"] == "GeoProperty" and instance.get("datasetId", DEFAULT_DATASET) in wanted:
            value: dict[str, Any] | str = instance["value"]
            return None if isinstance(value, str) else value  # NGSI-LD Null, where a notification tells a deletion
    return None
