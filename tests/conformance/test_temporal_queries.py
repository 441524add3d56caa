"""Rows TE of docs/conformance.md: retrieving and querying history (GS CIM 009 §5.7.3, §5.7.4, §4.11, §4.5.19)."""

from math import sqrt
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.conformance.exchange import BAD_REQUEST_DATA, INVALID_REQUEST, NOT_FOUND, Json, create, done, refusal

pytestmark = pytest.mark.http

DAY = "2026-03-01"
ALWAYS = "timerel=after&timeAt=1970-01-01T00:00:00Z"


def at(clock: str) -> str:
    """A time of the day that all is about."""
    return f"{DAY}T{clock}:00Z"


def instances(*pairs: tuple[str, Any], **more: Any) -> list[Json]:
    """Properties with these values at these times of the day."""
    return [{"type": "Property", "value": value, "observedAt": at(clock), **more} for clock, value in pairs]


def evolve(api: httpx2.Client, entity_id: str, kind: str, **attributes: Any) -> None:
    """Give an entity a history."""
    answer = api.post("/temporal/entities", json={"id": entity_id, "type": kind, **attributes})
    assert answer.status_code == 201, answer.text


def asked(api: httpx2.Client, path: str, query: str, status: int = 200) -> Any:
    """The body of an answer."""
    answer = api.get(f"/temporal/entities{path}?{query}")
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def kind(api: httpx2.Client) -> str:
    """A type of which three entities have a history."""
    name = f"T{uuid4().hex}"
    evolve(
        api,
        f"urn:ngsi-ld:{name}:0",
        name,
        speed=[
            *instances(("12:00", 10), ("12:10", 30), ("12:20", 20)),
            *instances(("12:05", 5), datasetId="urn:x:gps"),
        ],
        label={"type": "LanguageProperty", "languageMap": {"en": "car", "de": "Auto"}, "observedAt": at("12:00")},
        location=[
            {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, 50]}, "observedAt": at(clock)}
            for lon, clock in ((10, "12:00"), (11, "13:00"))
        ],
    )
    evolve(api, f"urn:ngsi-ld:{name}:1", name, speed=instances(("12:00", 100), ("13:00", 1)))
    evolve(api, f"urn:ngsi-ld:{name}:2", name, height=instances(("12:00", 2)))
    return name


def which(api: httpx2.Client, kind: str, query: str) -> str:
    """The last parts of the ids of the entities that a query finds."""
    return "".join(each["id"][-1] for each in asked(api, "", f"type={kind}&{query}"))


def test_an_evolution_is_retrieved(api: httpx2.Client, kind: str) -> None:
    """TE-07, §5.7.3, §4.5.7: every attribute an array of instances, each with an id of its own."""
    answer = api.get(f"/temporal/entities/urn:ngsi-ld:{kind}:1")
    assert answer.status_code == 200
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in answer.headers["link"]
    body = answer.json()
    ids = [each.pop("instanceId") for each in body["speed"]]
    assert len(set(ids)) == 2
    assert body == {"id": f"urn:ngsi-ld:{kind}:1", "type": kind, "speed": instances(("12:00", 100), ("13:00", 1))}


def test_an_evolution_in_json_ld(api: httpx2.Client, kind: str) -> None:
    """TE-07, §6.3.6: the @context is in the body; GeoJSON is no form of it."""
    path = f"/temporal/entities/urn:ngsi-ld:{kind}:1"
    assert "@context" in api.get(path, headers={"Accept": "application/ld+json"}).json()
    assert api.get(path, headers={"Accept": "application/geo+json"}).status_code == 406


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("urn:x:none", NOT_FOUND),
        ("none", BAD_REQUEST_DATA),
        ("{}?attrs=weight", NOT_FOUND),
        ("{}?pick=weight", NOT_FOUND),
        ("{}?pick=owner%7Bname%7D", BAD_REQUEST_DATA),
        ("{}?timerel=after", BAD_REQUEST_DATA),
        (f"{{}}?timeAt={at('12:00')}", BAD_REQUEST_DATA),
        (f"{{}}?timerel=between&timeAt={at('12:00')}", BAD_REQUEST_DATA),
        (f"{{}}?timerel=before&timeAt={at('12:00')}&endTimeAt={at('13:00')}", BAD_REQUEST_DATA),
        (f"{{}}?timerel=during&timeAt={at('12:00')}", INVALID_REQUEST),
        (f"{{}}?timerel=after&timeAt={DAY}", INVALID_REQUEST),
        ("{}?timeproperty=expiresAt", INVALID_REQUEST),
        ("{}?lastN=0", INVALID_REQUEST),
        ("{}?format=keyValues", INVALID_REQUEST),
        ("{}?format=aggregatedValues", BAD_REQUEST_DATA),
        ("{}?aggrMethods=median", INVALID_REQUEST),
        ("{}?aggrMethods=avg&aggrPeriodDuration=1h", INVALID_REQUEST),
        ("{}?join=inline", INVALID_REQUEST),
    ],
)
def test_what_cannot_be_retrieved(api: httpx2.Client, kind: str, path: str, expected: tuple[int, str]) -> None:
    """TE-07, TE-10, TE-12, §5.7.3, §4.11."""
    assert refusal(api.get(f"/temporal/entities/{path.format(f'urn:ngsi-ld:{kind}:1')}")) == expected


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"timerel=after&timeAt={at('12:10')}", [30, 20]),
        (f"timerel=after&timeAt={DAY}T12:10:00.000Z", [30, 20]),
        (f"timerel=before&timeAt={at('12:10')}", [10]),
        (f"timerel=between&timeAt={at('12:00')}&endTimeAt={at('12:20')}", [10, 30]),
        (f"timerel=between&timeAt={at('12:20')}&endTimeAt={at('12:00')}", None),
        (f"timerel=after&timeAt={at('14:00')}", None),
        ("lastN=2", [20, 30]),
        (f"lastN=1&timerel=before&timeAt={at('12:20')}", [30]),
        ("", [10, 30, 20]),
    ],
)
def test_times(api: httpx2.Client, kind: str, query: str, found: list[int] | None) -> None:
    """TE-10, TE-12, §4.11, §5.7.3: before is exclusive, after inclusive, between both; the newest first with lastN."""
    body = asked(api, f"/urn:ngsi-ld:{kind}:0", f"datasetId=@none&{query}")
    assert ([each["value"] for each in body["speed"]] if "speed" in body else None) == found


def test_the_last_of_each_attribute(api: httpx2.Client, kind: str) -> None:
    """TE-12, §5.7.4: so many of each attribute, over its datasetIds."""
    body = asked(api, f"/urn:ngsi-ld:{kind}:0", "lastN=1&pick=speed,location")
    assert {name: len(found) for name, found in body.items()} == {"speed": 1, "location": 1}


@pytest.mark.parametrize("timeproperty", ["createdAt", "modifiedAt", "deletedAt"])
def test_times_of_the_system(api: httpx2.Client, new_id: str, timeproperty: str) -> None:
    """TE-11, §4.11: instances without the time do not match; it is shown without sysAttrs, too."""
    create(api, new_id, a={"type": "Property", "value": 1}, b={"type": "Property", "value": 2})
    done(api.patch(f"/entities/{new_id}/attrs", json={"a": {"type": "Property", "value": 3}}))
    done(api.delete(f"/entities/{new_id}/attrs/b"))
    body = asked(api, f"/{new_id}", f"timeproperty={timeproperty}&{ALWAYS}")
    times = [each[timeproperty] for each in [*body.get("a", []), *body["b"]]]
    assert len(times) == (1 if timeproperty == "deletedAt" else 4)
    since = max(times)
    body = asked(api, f"/{new_id}", f"timeproperty={timeproperty}&timerel=after&timeAt={since}")
    assert all(each[timeproperty] >= since for name in ("a", "b") for each in body.get(name, []))
    assert asked(api, f"/{new_id}", ALWAYS).keys() == {"id", "type"}


def test_the_times_of_the_system_are_shown(api: httpx2.Client, kind: str) -> None:
    """TE-07, §6.3.11: with sysAttrs."""
    body = asked(api, f"/urn:ngsi-ld:{kind}:2", "options=sysAttrs")
    assert {"createdAt", "modifiedAt"} <= body.keys()
    assert {"createdAt", "modifiedAt"} <= body["height"][0].keys()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (ALWAYS, "012"),
        (f"timerel=after&timeAt={at('12:30')}", "01"),
        (f"timerel=before&timeAt={at('12:00')}", ""),
        (f"{ALWAYS}&attrs=height", "2"),
        (f"{ALWAYS}&attrs=speed&datasetId=urn:x:gps", "0"),
        (f"{ALWAYS}&attrs=height&datasetId=urn:x:gps", ""),
        (f"{ALWAYS}&pick=id,height", "012"),
        (f"{ALWAYS}&orderBy=id;desc", "210"),
        (f"{ALWAYS}&orderBy=id;desc&limit=1&offset=1", "1"),
        (f"{ALWAYS}&limit=2", "01"),
        (f"{ALWAYS}&offset=2", "2"),
        (f"{ALWAYS}&idPattern=.*1$", "1"),
    ],
)
def test_entities_with_something_to_show(api: httpx2.Client, kind: str, query: str, found: str) -> None:
    """TE-08, TE-21, TE-22, §5.7.4: in the order of ids; those without an instance in the window are left out."""
    assert which(api, kind, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"q=speed>25&{ALWAYS}", "01"),
        (f"q=speed>25&timerel=after&timeAt={at('12:15')}", ""),
        (f"q=speed>25&timerel=between&timeAt={at('12:05')}&endTimeAt={at('12:15')}", "0"),
        (f"q=speed==5&{ALWAYS}", "0"),
        (f"q=speed==5;speed==30&{ALWAYS}", "0"),
        (f"q=height|speed==1&{ALWAYS}", "12"),
        (f"q=label[de]==%22Auto%22&{ALWAYS}", "0"),
        (f"georel=near;maxDistance==1000&geometry=Point&coordinates=[11,50]&{ALWAYS}", "0"),
        (f"georel=near;maxDistance==1000&geometry=Point&coordinates=[10,50]&timerel=after&timeAt={at('12:30')}", ""),
    ],
)
def test_conditions_over_the_window(api: httpx2.Client, kind: str, query: str, found: str) -> None:
    """TE-17, §5.7.4: checked against all instances in the window, and none outside."""
    assert which(api, kind, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"scopeQ=/A&{ALWAYS}", "01"),
        (f"scopeQ=/B&{ALWAYS}", "0"),
        (f"scopeQ=/A&timerel=after&timeAt={at('12:30')}", "1"),
        (f"scopeQ=/B&timerel=before&timeAt={at('12:30')}", ""),
        (f"scopeQ=/B/%23&timerel=after&timeAt={at('12:45')}", "0"),
        (f"scopeQ=/A;/B&{ALWAYS}", ""),
    ],
)
def test_scopes_over_the_window(api: httpx2.Client, query: str, found: str) -> None:
    """TE-17, TE-20, §5.7.4, §4.18: a scope is valid from when it is set until it is replaced."""
    name = f"T{uuid4().hex}"
    speed = instances(("12:00", 1), ("13:00", 2))
    evolve(api, f"urn:ngsi-ld:{name}:0", name, speed=speed, height=1)
    done(
        api.post(
            f"/temporal/entities/urn:ngsi-ld:{name}:0/attrs",
            json={"scope": instances(("11:00", "/A"), ("12:30", "/B"))},
        )
    )
    evolve(api, f"urn:ngsi-ld:{name}:1", name, speed=speed, height=1)
    done(api.post(f"/temporal/entities/urn:ngsi-ld:{name}:1/attrs", json={"scope": instances(("11:00", "/A"))}))
    assert which(api, name, query) == found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ALWAYS, BAD_REQUEST_DATA),
        (f"{ALWAYS}&id=urn:x:1", BAD_REQUEST_DATA),
        (f"{ALWAYS}&attrs=createdAt", BAD_REQUEST_DATA),
        ("type=T", BAD_REQUEST_DATA),
        ("type=T&timeproperty=createdAt", BAD_REQUEST_DATA),
        (f"type=T&{ALWAYS}&orderBy=speed", BAD_REQUEST_DATA),
        (f"type=T&{ALWAYS}&orderBy=id,speed", BAD_REQUEST_DATA),
        (f"type=T&{ALWAYS}&orderBy=id&local=false", BAD_REQUEST_DATA),
        (f"type=T&{ALWAYS}&pick=rel%7Ba%7D", BAD_REQUEST_DATA),
        (f"type=T&{ALWAYS}&q=rel%7Ba%7D==1", BAD_REQUEST_DATA),
        (f"type=T&{ALWAYS}&pick=a&omit=a", BAD_REQUEST_DATA),
        (f"type=T&{ALWAYS}&georel=near", BAD_REQUEST_DATA),
        (f"type=T&{ALWAYS}&limit=0", INVALID_REQUEST),
        (f"type=T&{ALWAYS}&format=geojson", INVALID_REQUEST),
        (f"type=T&{ALWAYS}&options=temporalValues,other", INVALID_REQUEST),
    ],
)
def test_queries_that_cannot_be(api: httpx2.Client, query: str, expected: tuple[int, str]) -> None:
    """TE-08, TE-22, §5.7.4: too wide, without a time, by an order that there is not."""
    assert refusal(api.get(f"/temporal/entities?{query}")) == expected


def test_a_count(api: httpx2.Client, kind: str) -> None:
    """TE-08, §6.3.13: of all that match, in a header."""
    answer = api.get(f"/temporal/entities?type={kind}&{ALWAYS}&attrs=speed&count=true&limit=0")
    assert (answer.json(), answer.headers["ngsild-results-count"]) == ([], "2")


@pytest.mark.parametrize("order", ["", "&orderBy=id%3Bdesc"])
def test_pages_of_entities(api: httpx2.Client, kind: str, order: str) -> None:
    """TE-08, §6.3.10: links lead from page to page, there and back."""
    seen, url = [], f"/temporal/entities?type={kind}&{ALWAYS}&limit=1{order}"
    while url:
        answer = api.get(url)
        seen.append(answer.json()[0]["id"][-1])
        url = answer.links.get("next", {}).get("url", "").removeprefix("/ngsi-ld/v1")
        back = answer.links.get("prev", {}).get("url", "").removeprefix("/ngsi-ld/v1")
    assert "".join(seen) == ("210" if order else "012")
    assert api.get(back).json()[0]["id"][-1] == "1"


def test_a_query_by_a_body(api: httpx2.Client, kind: str) -> None:
    """TE-09, §5.2.23, §5.2.21, §6.24.3.1."""
    body = {
        "type": "Query",
        "entities": [{"type": kind}],
        "q": "speed>25",
        "pick": ["id", "speed"],
        "temporalQ": {"timerel": "between", "timeAt": at("12:00"), "endTimeAt": at("13:00"), "lastN": 1},
    }
    answer = api.post("/temporal/entityOperations/query?limit=1", json=body)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()
    assert [each["value"] for each in found["speed"]] == [20]
    assert found.keys() == {"id", "speed"}


@pytest.mark.parametrize(
    "more",
    [
        {"temporalQ": {"timerel": "after"}},
        {"temporalQ": {"timerel": "during", "timeAt": at("12:00")}},
        {"temporalQ": {"timerel": "between", "timeAt": at("12:00")}},
        {"temporalQ": {"timerel": "after", "timeAt": at("12:00"), "lastN": 0}},
        {"temporalQ": {"timerel": "after", "timeAt": at("12:00"), "lastN": 2.5}},
        {"temporalQ": {"timerel": "after", "timeAt": at("12:00"), "timeproperty": "expiresAt"}},
        {"temporalQ": {"timerel": "after", "timeAt": 12}},
        {"temporalQ": {"timerel": "after", "timeAt": at("12:00"), "other": 1}},
        {"temporalQ": "after"},
        {"aggrParams": {"aggrMethods": ["median"]}},
        {"aggrParams": {"aggrMethods": ["avg"], "aggrPeriodDuration": "1h"}},
        {"aggrParams": {"aggrMethods": 1}},
    ],
)
def test_a_body_that_is_no_query(api: httpx2.Client, kind: str, more: Json) -> None:
    """TE-09, §5.2.21, §5.2.44."""
    temporal_q = {"timerel": "after", "timeAt": at("12:00")}
    body = {"type": "Query", "entities": [{"type": kind}], "temporalQ": temporal_q, **more}
    assert refusal(api.post("/temporal/entityOperations/query", json=body)) == BAD_REQUEST_DATA


def test_members_languages_datasets(api: httpx2.Client, kind: str) -> None:
    """TE-21, §4.21, §4.15, §4.5.5: pick, omit, lang, datasetId."""
    path = f"/urn:ngsi-ld:{kind}:0"
    assert asked(api, path, "pick=type,label").keys() == {"type", "label"}
    assert asked(api, path, "omit=id,speed,location").keys() == {"type", "label"}
    (label,) = asked(api, path, "lang=de")["label"]
    assert (label["type"], label["value"], label["lang"]) == ("Property", "Auto", "de")
    assert asked(api, path, "lang=de&format=temporalValues")["label"]["values"] == [["Auto", at("12:00")]]
    assert [each["value"] for each in asked(api, path, "datasetId=urn:x:gps")["speed"]] == [5]


def test_values_of_several_datasets(api: httpx2.Client, kind: str) -> None:
    """TE-13, §4.5.9: an object for each datasetId."""
    assert asked(api, f"/urn:ngsi-ld:{kind}:0", "format=temporalValues&pick=speed")["speed"] == [
        {"type": "Property", "values": [[10, at("12:00")], [30, at("12:10")], [20, at("12:20")]]},
        {"type": "Property", "datasetId": "urn:x:gps", "values": [[5, at("12:05")]]},
    ]


# Aggregates.


def aggregates(api: httpx2.Client, entity_id: str, methods: str, query: str = "") -> Json:
    """The aggregates of the attribute `a`."""
    found: Json = asked(api, f"/{entity_id}", f"format=aggregatedValues&aggrMethods={methods}&{query}")["a"]
    return found


def test_all_methods(api: httpx2.Client, new_id: str) -> None:
    """TE-14, §4.5.19: of numbers; one period over all of the window without a duration."""
    numbers = [4, 1, 3, 1]
    evolve(api, new_id, "T", a=instances(*((f"12:{10 * i:02}", value) for i, value in enumerate(numbers))))
    window = f"timerel=between&timeAt={at('12:00')}&endTimeAt={at('13:00')}"
    methods = "totalCount,distinctCount,sum,avg,min,max,stddev,sumsq"
    found = aggregates(api, new_id, methods, window)
    mean, squares = sum(numbers) / 4, sum(each * each for each in numbers)
    expected = [4, 3, sum(numbers), mean, 1, 4, sqrt(squares / 4 - mean**2), squares]
    assert found.pop("type") == "Property"
    assert list(found) == methods.split(",")
    assert [found[method][0][0] for method in methods.split(",")] == pytest.approx(expected)
    assert {tuple(triple[1:]) for (triple,) in found.values()} == {(at("12:00"), at("13:00"))}


CLASSES: Json = {
    "boolean": (
        [{"value": True}, {"value": False}],
        {"sum": 1, "avg": 0.5, "min": 0, "max": 1, "stddev": 0.5, "sumsq": 1, "totalCount": 2, "distinctCount": 2},
    ),
    "string": ([{"value": "b"}, {"value": "a"}], {"min": "a", "max": "b", "totalCount": 2, "distinctCount": 2}),
    "array": (
        [{"value": [1, 2, 3]}, {"value": ["a"]}],
        {"sum": 4, "avg": 2, "min": 1, "max": 3, "totalCount": 2, "distinctCount": 2},
    ),
    "object": ([{"value": {"a": 1}}, {"value": {"a": 1}}], {"totalCount": 2, "distinctCount": 1}),
    "DateTime": (
        [{"value": {"@type": "DateTime", "@value": f"2026-01-0{day}T00:00:00Z"}} for day in (2, 1)],
        {"min": "2026-01-01T00:00:00Z", "max": "2026-01-02T00:00:00Z", "totalCount": 2, "distinctCount": 2},
    ),
    "Date": (
        [{"value": {"@type": "Date", "@value": f"2026-01-0{day}"}} for day in (2, 1)],
        {"min": "2026-01-01", "max": "2026-01-02", "totalCount": 2, "distinctCount": 2},
    ),
    "Time": (
        [{"value": {"@type": "Time", "@value": f"1{hour}:00:00Z"}} for hour in (2, 0)],
        {"min": "10:00:00Z", "max": "12:00:00Z", "avg": "11:00:00Z", "totalCount": 2, "distinctCount": 2},
    ),
    "uri": (
        [{"type": "Relationship", "object": "urn:x:1"}, {"type": "Relationship", "object": "urn:x:1"}],
        {"totalCount": 2, "distinctCount": 1},
    ),
}
"""By class of values: two of them, and what each method that they are eligible for makes of them."""


@pytest.mark.parametrize("name", CLASSES)
def test_what_values_are_eligible_for(api: httpx2.Client, new_id: str, name: str) -> None:
    """TE-14, §4.5.19: InvalidRequest for another method on an attribute that is asked for by name."""
    content, expected = CLASSES[name]
    evolve(
        api,
        new_id,
        "T",
        a=[{"type": "Property", **each, "observedAt": at(f"12:0{i}")} for i, each in enumerate(content)],
        b=instances(("12:00", 1)),
    )
    found = aggregates(api, new_id, ",".join(expected), "pick=a")
    assert {method: found[method][0][0] for method in expected} == expected
    for method in {"sum", "avg", "min", "max", "stddev", "sumsq"} - expected.keys():
        query = f"format=aggregatedValues&aggrMethods={method}"
        assert refusal(api.get(f"/temporal/entities/{new_id}?{query}&attrs=a")) == INVALID_REQUEST
        assert "a" not in asked(api, f"/{new_id}", query)


@pytest.mark.parametrize(
    ("duration", "periods"),
    [
        ("PT0S", [(10, "2026-01-31T00", "2026-05-01T00")]),
        (
            "P1M",
            [
                (3, "2026-01-31T00", "2026-02-28T00"),
                (3, "2026-02-28T00", "2026-03-31T00"),
                (4, "2026-03-31T00", "2026-04-30T00"),
            ],
        ),
        ("P1Y", [(10, "2026-01-31T00", "2026-05-01T00")]),
        ("P8W", [(3, "2026-01-31T00", "2026-03-28T00"), (7, "2026-03-28T00", "2026-05-01T00")]),
        (
            "PT1H",
            [
                (1, "2026-02-01T00", "2026-02-01T01"),
                (2, "2026-02-02T00", "2026-02-02T01"),
                (3, "2026-03-28T00", "2026-03-28T01"),
                (4, "2026-04-01T00", "2026-04-01T01"),
            ],
        ),
    ],
)
def test_periods(api: httpx2.Client, new_id: str, duration: str, periods: list[tuple[int, str, str]]) -> None:
    """TE-15, §4.5.19.1: laid end to end from timeAt on, months by the calendar; PT0S is all of the window."""
    values = (("2026-02-01", 1), ("2026-02-02", 2), ("2026-03-28", 3), ("2026-04-01", 4))
    evolve(
        api, new_id, "T", a=[{"type": "Property", "value": v, "observedAt": f"{day}T00:00:00Z"} for day, v in values]
    )
    window = "timerel=between&timeAt=2026-01-31T00:00:00Z&endTimeAt=2026-05-01T00:00:00Z"
    found = aggregates(api, new_id, "sum", f"aggrPeriodDuration={duration}&{window}")
    assert found["sum"] == [[value, f"{start}:00:00Z", f"{end}:00:00Z"] for value, start, end in periods]


def test_periods_begin_with_the_first_value(api: httpx2.Client, new_id: str) -> None:
    """TE-15, §4.5.19.1: where no time is given to begin with."""
    evolve(api, new_id, "T", a=instances(("12:03", 1), ("12:59", 2), ("13:03", 4)))
    found = aggregates(api, new_id, "sum", "aggrPeriodDuration=PT1H")
    assert found["sum"] == [[3, at("12:03"), at("13:03")], [4, at("13:03"), at("14:03")]]


def test_aggregates_of_a_query(api: httpx2.Client, kind: str) -> None:
    """TE-14, TE-09: of each entity; by parameters, and by a body."""
    query = f"type={kind}&attrs=speed&datasetId=@none&{ALWAYS}&aggrMethods=max"
    expected = [30, 100]
    assert [each["speed"]["max"][0][0] for each in asked(api, "", query)] == expected
    body = {
        "type": "Query",
        "entities": [{"type": kind}],
        "attrs": ["speed"],
        "datasetId": ["@none"],
        "temporalQ": {"timerel": "after", "timeAt": "1970-01-01T00:00:00Z"},
        "aggrParams": {"aggrMethods": ["max"], "aggrPeriodDuration": "PT0S"},
    }
    found = api.post("/temporal/entityOperations/query", json=body).json()
    assert [each["speed"]["max"][0][0] for each in found] == expected
