"""Writes of attributes (GS CIM 009 §5.6.2–§5.6.5, §5.6.19; draft of NGSI-LD 2.0: Set Attribute Value)."""

from collections.abc import Callable

from broker.call import Call
from broker.entities.commit import Target, change
from broker.model import merge as rules
from broker.model.entity import Entity, Instance
from broker.model.merge import UpdateResult
from broker.model.parse import Fragment
from broker.model.project import instance_of
from broker.store.store import Store


async def append(
    store: Store, call: Call, target: Target, fragment: Fragment, size: int, *, overwrite: bool = True
) -> UpdateResult:
    """Append Attributes; without `overwrite` those that exist are left alone and reported. Raises ResourceNotFound."""
    result: UpdateResult = await change(
        store, call, target, lambda old, now: rules.append(old, fragment, now, overwrite=overwrite), size
    )
    return result


async def update(store: Store, call: Call, target: Target, fragment: Fragment, size: int) -> UpdateResult:
    """Update Attributes: replace those that the fragment holds, add those that are missing. Raises ResourceNotFound."""
    result: UpdateResult = await change(store, call, target, lambda old, now: rules.update(old, fragment, now), size)
    return result


async def partial_update(store: Store, call: Call, target: Target, name: str, fragment: Instance, size: int) -> None:
    """Partial Attribute Update. Raises ResourceNotFound, BadRequestData."""
    await change(store, call, target, lambda old, now: (rules.partial_update(old, name, fragment, now), None), size)


async def replace(store: Store, call: Call, target: Target, name: str, instance: Instance, size: int) -> None:
    """Replace Attribute. Raises ResourceNotFound."""
    await change(store, call, target, lambda old, now: (rules.replace_attribute(old, name, instance, now), None), size)


async def replace_value(
    store: Store,
    call: Call,
    target: Target,
    name: str,
    dataset_id: str | None,
    read: Callable[[str], Instance],
    size: int,
) -> None:
    """Set Attribute Value: `read` makes a fragment for an attribute of a kind. Raises ResourceNotFound."""

    def step(old: Entity, now: str) -> tuple[Entity, None]:
        fragment = read(instance_of(old, name, dataset_id)["type"])
        if dataset_id is not None:
            fragment = {**fragment, "datasetId": dataset_id}
        return rules.partial_update(old, name, fragment, now), None

    await change(store, call, target, step, size)


async def delete(
    store: Store, call: Call, target: Target, name: str, dataset_id: str | None, *, delete_all: bool = False
) -> None:
    """Delete Attribute: one instance, or all. Raises ResourceNotFound."""
    await change(
        store, call, target, lambda old, now: (rules.delete_attribute(old, name, dataset_id, delete_all, now), None)
    )
