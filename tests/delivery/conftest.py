"""The real mongod of the tests of the store."""

from tests.store.conftest import client, mongodb, prefix

__all__ = ["client", "mongodb", "prefix"]
