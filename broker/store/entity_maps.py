"""Entity maps: which entities a query found, kept so that its pages are of these (GS CIM 009 §5.2.39, §5.5.9.3).

They stand in the control database, where every worker finds them, and mongod removes them when they expire:

    entityMaps   {_id: "<tenant>/<id>", tenant: tenant, x: DateTime when it expires, ids: [entity id, …] in order}
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

from broker.errors import TooManyResults
from broker.store.apart import apart
from broker.store.client import Database
from broker.store.errors import asking

ENTITY_MAPS: Final = "entityMaps"
MOST_MAPS: Final = 1000
"""Most entity maps of a tenant: a further one takes the place of that which expires first."""
MAX_BYTES: Final = 12 * 2**20
"""Most bytes of ids in one map: a document of MongoDB holds 16 MiB."""


class EntityMap(NamedTuple):
    """A part of an entity map, in order; `total` ids are in it. It expires at a whole millisecond."""

    id: str
    expires_at: datetime
    ids: list[str]
    total: int


class EntityMaps:
    """The entity maps of a tenant. What has expired is not there. Everything raises StoreUnavailable."""

    def __init__(self, control: Database, tenant: str) -> None:
        self._maps = control[ENTITY_MAPS]
        self._tenant = tenant

    async def create(self, ids: Sequence[str], expires_at: datetime) -> EntityMap:
        """A new map. Raises TooManyResults if the ids are too long."""
        if sum(map(len, ids)) * 4 > MAX_BYTES and sum(len(each.encode()) + 16 for each in ids) > MAX_BYTES:
            raise TooManyResults(
                f"The ids of an entity map would take more than {MAX_BYTES} bytes. Narrow the query down."
            )
        created = EntityMap(f"urn:ngsi-ld:EntityMap:{uuid4()}", expires_at, list(ids), len(ids))
        with asking("entityMaps"):
            if await apart(self._maps.count_documents({"tenant": self._tenant}, limit=MOST_MAPS)) >= MOST_MAPS:
                await apart(self._maps.find_one_and_delete({"tenant": self._tenant}, {"_id": 1}, sort=[("x", 1)]))
            await apart(
                self._maps.insert_one(
                    {"_id": self._key(created.id), "tenant": self._tenant, "x": expires_at, "ids": created.ids}
                )
            )
        return created

    async def part(self, map_id: str, offset: int = 0, limit: int = 2**31 - 1) -> EntityMap | None:
        """Some ids of a map, all by default; None if there is no such map."""
        fields = {"x": 1, "ids": {"$slice": ["$ids", offset, limit]}, "total": {"$size": "$ids"}}
        with asking("entityMaps"):
            found: dict[str, Any] | None = await apart(self._maps.find_one(self._living(map_id), fields))
        return None if found is None else EntityMap(map_id, found["x"], found["ids"], found["total"])

    async def remove(self, map_id: str, ids: Collection[str]) -> None:
        """Take ids out of a map: those of entities that do not match any more."""
        with asking("entityMaps"):
            await apart(self._maps.update_one(self._living(map_id), {"$pull": {"ids": {"$in": list(ids)}}}))

    async def expire(self, map_id: str, expires_at: datetime) -> bool:
        """Set when a map expires; whether there was one."""
        with asking("entityMaps"):
            result = await apart(self._maps.update_one(self._living(map_id), {"$set": {"x": expires_at}}))
        return result.matched_count > 0

    async def delete(self, map_id: str) -> bool:
        """Delete a map; whether there was one."""
        with asking("entityMaps"):
            return (await apart(self._maps.delete_one(self._living(map_id)))).deleted_count > 0

    def _key(self, map_id: str) -> str:
        return f"{self._tenant}/{map_id}"

    def _living(self, map_id: str) -> dict[str, Any]:
        return {"_id": self._key(map_id), "x": {"$gt": datetime.now(UTC)}}
