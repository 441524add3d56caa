"""What only an operator may ask (RFC 6750: bearer tokens)."""

from pathlib import Path

import httpx2
import pytest

from broker.api.operation import Action
from broker.api.operations import OPERATIONS
from broker.names import ADMIN_ROOT
from tests.conftest import ADMIN_TOKEN, serving, wait_for

pytestmark = pytest.mark.http


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {ADMIN_TOKEN}"},
        {"Authorization": ADMIN_TOKEN},
        {"Authorization": f"Bearer {ADMIN_TOKEN}x"},
    ],
    ids=["none", "another", "empty", "another scheme", "no scheme", "a longer one"],
)
def test_who_does_not_bear_the_token_is_refused(server: httpx2.Client, headers: dict[str, str]) -> None:
    answer = server.get(f"{ADMIN_ROOT}/tenants", headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="admin"')
    assert answer.json()["status"] == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_who_bears_the_token_is_answered(server: httpx2.Client, scheme: str) -> None:
    """The scheme's name has no case (RFC 9110 §11.1)."""
    answer = server.get(f"{ADMIN_ROOT}/tenants", headers={"Authorization": f"{scheme} {ADMIN_TOKEN}"})
    assert answer.status_code == 200


def test_tenants_are_listed_the_default_one_first(admin: httpx2.Client, api: httpx2.Client) -> None:
    api.post("/entities", json={"id": "urn:ngsi-ld:Lamp:1", "type": "Lamp"})
    listed = admin.get("/tenants").json()
    assert listed[0]["tenant"] == ""
    assert {"entityCount": 1, "dropping": False}.items() <= next(
        each for each in listed if each["tenant"] == api.headers["NGSILD-Tenant"]
    ).items()


def test_without_a_token_there_is_nothing_to_administer(tmp_path: Path) -> None:
    with serving(tmp_path, admin_token="") as broker:
        wait_for(broker, "/ready")
        for headers in ({}, {"Authorization": "Bearer"}):
            assert httpx2.get(f"{broker.url}{ADMIN_ROOT}/tenants", headers=headers).status_code == 404


def test_all_and_only_what_is_below_admin_needs_the_token() -> None:
    for operation in OPERATIONS:
        assert (operation.action is Action.ADMINISTER) == operation.path.startswith(f"{ADMIN_ROOT}/"), operation.name
