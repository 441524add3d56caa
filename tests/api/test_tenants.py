"""Tenants over HTTP: GS CIM 009 §4.14, §5.5.10, §6.3.14."""

import httpx2
import pytest

from broker.api.operation import Operation
from broker.names import API_ROOT
from tests.api.table import ENTITY, NGSI_LD, body_of, name_of, url_of
from tests.conftest import OPERATOR, new_tenant

pytestmark = pytest.mark.http

NONEXISTENT = "https://uri.etsi.org/ngsi-ld/errors/NonexistentTenant"
URL = f"{API_ROOT}/entities"


def tenant(name: str) -> dict[str, str]:
    return {"NGSILD-Tenant": name, "Content-Type": "application/json"}


@pytest.mark.parametrize("operation", NGSI_LD, ids=name_of)
def test_only_operations_that_make_tenants_work_in_a_new_one(server: httpx2.Client, operation: Operation) -> None:
    name = new_tenant()
    headers = tenant(name) | OPERATOR
    answer = server.request(operation.method, url_of(operation), json=body_of(operation), headers=headers)
    assert answer.headers["ngsild-tenant"] == name
    if operation.creates_tenant:
        assert answer.is_success
        assert server.get(f"{URL}?type=Nothing", headers=tenant(name)).status_code == 200
    else:
        assert (answer.status_code, answer.json()["type"]) == (404, NONEXISTENT)


def test_tenants_do_not_see_each_other(server: httpx2.Client, new_id: str) -> None:
    first, second = new_tenant(), new_tenant()
    body = ENTITY | {"id": new_id}
    for each in (first, second):
        assert server.post(URL, json=body, headers=tenant(each)).status_code == 201
    assert server.delete(f"{URL}/{new_id}", headers=tenant(first)).status_code == 204
    assert server.get(f"{URL}/{new_id}", headers=tenant(first)).status_code == 404
    assert server.get(f"{URL}/{new_id}", headers=tenant(second)).status_code == 200
    assert server.get(f"{URL}/{new_id}").status_code == 404


def test_names_that_differ_by_case_are_two_tenants(server: httpx2.Client, new_id: str) -> None:
    name = new_tenant()
    assert server.post(URL, json=ENTITY | {"id": new_id}, headers=tenant(name)).status_code == 201
    answer = server.get(f"{URL}/{new_id}", headers=tenant(name.upper()))
    assert (answer.status_code, answer.json()["type"]) == (404, NONEXISTENT)


def test_the_default_tenant_is_always_there(server: httpx2.Client) -> None:
    answer = server.get(f"{URL}?type=Nothing")
    assert answer.status_code == 200
    assert "ngsild-tenant" not in answer.headers


def test_an_empty_name_is_the_default_tenant(server: httpx2.Client) -> None:
    answer = server.get(f"{URL}?type=Nothing", headers={"NGSILD-Tenant": ""})
    assert answer.status_code == 200
    assert "ngsild-tenant" not in answer.headers


@pytest.mark.parametrize("name", ["a b", "a/b", "../a", "$where", "x" * 64, "-a", "a,b", '"a"'])
def test_what_is_no_name_is_refused_and_not_echoed(server: httpx2.Client, name: str) -> None:
    answer = server.get(f"{URL}?type=Nothing", headers=tenant(name))
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("BadRequestData")
    assert "NGSILD-Tenant" in answer.json()["detail"]
    assert "ngsild-tenant" not in answer.headers
