"""The rules of history below /admin/v1, as the tenant of the header has them."""

from typing import Any, Final

import httpx2
import pytest

pytestmark = pytest.mark.http

PATH: Final = "/history/rules"
NAME: Final = "https://uri.etsi.org/ngsi-ld/default-context/"
ID: Final = "urn:ngsi-ld:Meter:1"


@pytest.fixture
def meter(fresh: httpx2.Client) -> tuple[httpx2.Client, dict[str, str]]:
    """A client of a tenant with a meter, and the header that names the tenant."""
    fresh.post("/entities", json={"id": ID, "type": "Meter", "power": 0, "voltage": 0})
    return fresh, {"NGSILD-Tenant": fresh.headers["NGSILD-Tenant"]}


def points(client: httpx2.Client, attribute: str) -> int:
    answer = client.get(f"/temporal/entities/{ID}", params={"format": "temporalValues"}).json()
    return len(answer[attribute]["values"])


def test_a_rule_is_stated_listed_followed_and_removed(
    meter: tuple[httpx2.Client, dict[str, str]], admin: httpx2.Client
) -> None:
    client, tenant = meter
    rule = {"type": "Meter", "attribute": "power", "mode": "all", "deadBand": 5}
    assert admin.put(PATH, json={**rule, "mode": "off"}, headers=tenant).status_code == 204
    assert admin.put(PATH, json=rule, headers=tenant).status_code == 204  # instead of the one before
    assert admin.put(PATH, json={"retention": "P13M"}, headers=tenant).status_code == 204
    listed = admin.get(PATH, headers=tenant).json()
    assert sorted(listed, key=len) == [
        {"retention": "P13M"},
        {**rule, "type": f"{NAME}Meter", "attribute": f"{NAME}power"},
    ]
    for value in (10, 12, 20):
        client.patch(f"/entities/{ID}/attrs", json={"power": value, "voltage": value})
    assert (points(client, "power"), points(client, "voltage")) == (3, 4)

    one = {"type": f"{NAME}Meter", "attribute": "power"}
    assert admin.delete(PATH, params=one, headers=tenant).status_code == 204
    assert admin.delete(PATH, params=one, headers=tenant).status_code == 404
    assert admin.delete(PATH, headers=tenant).status_code == 204
    assert admin.get(PATH, headers=tenant).json() == []


def test_the_context_of_the_request_says_what_the_names_mean(
    meter: tuple[httpx2.Client, dict[str, str]], admin: httpx2.Client
) -> None:
    context = {"Zaehler": f"{NAME}Meter", "leistung": f"{NAME}power"}
    body = {"@context": context, "type": "Zaehler", "attribute": "leistung", "mode": "off"}
    answer = admin.put(PATH, json=body, headers={**meter[1], "Content-Type": "application/ld+json"})
    assert answer.status_code == 204
    (rule,) = admin.get(PATH, headers=meter[1]).json()
    assert rule == {"type": f"{NAME}Meter", "attribute": f"{NAME}power", "mode": "off"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "no object"),
        ({}, "the rule could say"),
        ({"type": "Meter"}, "the rule could say"),
        ({"mode": "perhaps"}, "Member mode"),
        ({"mode": []}, "Member mode"),
        ({"type": "", "mode": "off"}, "Rule: type: Name"),
        ({"attribute": "a b", "mode": "off"}, "Rule: attribute: Name"),
        ({"interval": "5 minutes"}, "Member interval"),
        ({"interval": "PT0S"}, "Member interval"),
        ({"retention": 30}, "Member retention"),
        ({"retention": "P1Y", "attribute": "power"}, "whole entities"),
        ({"deadBand": -1}, "Member deadBand"),
        ({"deadBand": True}, "Member deadBand"),
        ({"mode": "off", "more": 1}, "nothing else"),
    ],
)
def test_what_is_no_rule_is_refused(
    meter: tuple[httpx2.Client, dict[str, str]], admin: httpx2.Client, body: Any, words: str
) -> None:
    answer = admin.put(PATH, json=body, headers=meter[1])
    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert admin.get(PATH, headers=meter[1]).json() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_tenant_that_is_not_there_has_none(admin: httpx2.Client, method: str) -> None:
    body = {"mode": "off"} if method == "PUT" else None
    answer = admin.request(method, PATH, json=body, headers={"NGSILD-Tenant": "nobody"})
    assert answer.json()["type"].endswith("/NonexistentTenant")
