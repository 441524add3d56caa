"""Subscriptions that are refused, and how: by the member that is wrong (GS CIM 009 §5.2.12–§5.2.15, §5.2.22)."""

from typing import Any

import pytest

from broker.errors import BadRequestData, TooComplexQuery
from broker.subscriptions.document import compile_kept
from tests.subscriptions.building import kept, subscription


def _notification(**members: Any) -> dict[str, Any]:
    return {"notification": members}


def _endpoint(**members: Any) -> dict[str, Any]:
    return _notification(endpoint={"uri": "https://receiver.example/", **members})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "Entity"}, "type"),
    ({"id": "no uri"}, "id"),
    ({"watchedAttribute": ["a"]}, "watchedAttribute"),
    ({"entities": []}, "entities"),
    ({"entities": [{}]}, "entities[0].type"),
    ({"entities": [{"type": "T", "id": "x"}]}, "entities[0].id"),
    ({"entities": [{"type": "T", "idPattern": "("}]}, "idPattern"),
    ({"entities": [{"type": "T,(U"}]}, "type"),
    ({"entities": None}, "entities or watchedAttributes"),
    ({"entities": [{"type": "*"}], "localOnly": False}, "localOnly"),
    ({"watchedAttributes": []}, "watchedAttributes"),
    ({"watchedAttributes": ["a b"]}, "watchedAttributes"),
    ({"watchedAttributes": ["@id"]}, "watchedAttributes"),
    ({"notificationTrigger": ["changed"]}, "notificationTrigger[0]"),
    ({"notificationTrigger": []}, "notificationTrigger"),
    ({"q": "a>"}, "q"),
    ({"q": "a{b}>1"}, "q"),
    ({"csf": "a>"}, "csf"),
    ({"scopeQ": "a/#"}, "scopeQ"),
    ({"geoQ": {"georel": "within", "geometry": "Point"}}, "geoQ.coordinates"),
    ({"geoQ": {"georel": "beside", "geometry": "Point", "coordinates": [0, 0]}}, "georel"),
    ({"geoQ": {"georel": "within", "geometry": "Point", "coordinates": [200, 0]}}, "coordinates"),
    ({"timeInterval": 0}, "timeInterval"),
    ({"timeInterval": 5, "throttling": 5}, "throttling"),
    ({"timeInterval": 5, "watchedAttributes": ["a"]}, "watchedAttributes"),
    ({"timeInterval": 5, "watchedAttributes": None, "entities": None}, "entities"),
    ({"throttling": -1}, "throttling"),
    ({"throttling": True}, "throttling"),
    ({"expiresAt": "tomorrow"}, "expiresAt"),
    ({"isActive": "yes"}, "isActive"),
    ({"lang": "!"}, "lang"),
    ({"datasetId": ["x"]}, "datasetId[0]"),
    ({"jsonldContext": "context"}, "jsonldContext"),
    ({"temporalQ": {}}, "temporalQ"),
    (_notification(endpoint=None), "notification.endpoint"),
    (_notification(format="xml"), "notification.format"),
    (_notification(attributes=[]), "notification.attributes"),
    (_notification(attributes=["a"], pick=["a"]), "notification.pick"),
    (_notification(attributes=["a"], omit=["b"]), "notification.omit"),
    (_notification(pick=["a"], omit=["a"]), "notification.omit"),
    (_notification(pick=["a{b}"]), "notification.pick"),
    (_notification(showChanges=True, format="keyValues"), "notification.showChanges"),
    (_notification(join="sideways"), "notification.join"),
    (_notification(join="flat", joinLevel=0), "notification.joinLevel"),
    (_endpoint(uri="ftp://x/"), "notification.endpoint.uri"),
    (_endpoint(uri="http:///x"), "notification.endpoint.uri"),
    (_endpoint(uri="http://x:99999/"), "notification.endpoint.uri"),
    (_endpoint(uri="mqtt://x"), "notification.endpoint.uri"),
    (_endpoint(uri="mqtt://x/a/#"), "notification.endpoint.uri"),
    (_endpoint(uri="mqtt://x/a", accept="application/geo+json"), "notification.endpoint.accept"),
    (_endpoint(uri="mqtt://x/a", notifierInfo=[{"key": "MQTT-QoS", "value": "3"}]), "MQTT-QoS"),
    (_endpoint(accept="text/html"), "notification.endpoint.accept"),
    (_endpoint(receiverInfo=[{"key": "a"}]), "notification.endpoint.receiverInfo[0].value"),
    (_endpoint(receiverInfo=[{"key": "a b", "value": "x"}]), "receiverInfo"),
    (_endpoint(receiverInfo=[{"key": "a", "value": "x\r\nb: y"}]), "receiverInfo"),
    (_endpoint(receiverInfo=[{"key": "Host", "value": "x"}]), "receiverInfo"),
    (_endpoint(timeout=0), "notification.endpoint.timeout"),
    (_endpoint(cooldown="1"), "notification.endpoint.cooldown"),
]


@pytest.mark.parametrize(("members", "named"), REFUSED, ids=[named for _, named in REFUSED])
def test_what_is_wrong_is_refused_by_its_name(members: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRequestData) as refused:
        compile_kept("", kept(subscription(**members)))
    assert named in refused.value.detail


def test_a_deep_join_is_beyond_the_limits() -> None:
    with pytest.raises(TooComplexQuery):
        kept(subscription(**_notification(join="flat", joinLevel=99)))


SOUND: list[dict[str, Any]] = [
    {"entities": [{"type": "(T;U),V", "id": ["urn:x:1"], "idPattern": "^urn"}]},
    {"entities": None, "watchedAttributes": ["a", "https://x.example/b"]},
    {"entities": None, "localOnly": True},
    {"timeInterval": 0.5},
    {"throttling": 0.5, "expiresAt": "2199-01-01T00:00:00,5Z"},
    {"q": 'a.b[c]>1;a=="x",2|a==2..3|a~=^x', "expandValues": ["a"], "jsonKeys": "b", "scopeQ": "/a/#", "csf": "x==1"},
    {"geoQ": {"georel": "near;maxDistance==1", "geometry": "Point", "coordinates": "[0,0]", "geoproperty": "place"}},
    {"ngsildConformance": "1.5", "splitEntities": True, "description": "x", "subscriptionName": "y", "lang": "de"},
    _notification(pick=["a", "rel{b,c}"], omit=["c"], join="inline", joinLevel=2, sysAttrs=True, showChanges=True),
    _endpoint(uri="mqtts://user:secret@x:8883/a/b", notifierInfo=[{"key": "MQTT-QoS", "value": "1"}]),
    _endpoint(accept="application/geo+json", timeout=500, cooldown=1, receiverInfo=[{"key": "X-A", "value": "b"}]),
]


@pytest.mark.parametrize("members", SOUND, ids=lambda members: "-".join(members))
def test_what_is_sound_compiles(members: dict[str, Any]) -> None:
    assert compile_kept("", kept(subscription(**members))).id == "urn:s:1"
