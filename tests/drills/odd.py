"""Values, names and URLs that are wrong nearly everywhere."""

from typing import Any, Final
from urllib.parse import quote

from hypothesis import strategies as st

ODD: Final[list[Any]] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 2**53 + 1, 2**63, 2**64, 10**400, float("nan"), float("-inf")),
    *(
        "",
        " ",
        "\x00",
        "\ud800",
        "\udfff\ud800",
        "\u202e",
        "\ufeff",
        "a" * 5000,
        "\U0001f4a9",
        "a\nb",
        "'\"<>&",
        "%s%n",
    ),
    *("urn:ngsi-ld:null", "urn:", ":", "http://", "//x", "urn:a b", "@none", "@id", "@type", "@context", "@vocab"),
    *("$where", "a.b", "Property", "2026-13-01T00:00:00Z", "2026-05-01", "9999999-01-01T00:00:00Z", "xx-yy-zzzzzzzzzz"),
    *([], {}, [[]], [None], [{}], {"": {}}, {"$gt": 1}, {"a.b": 1}, {"\x00": 1}, {"@value": 1}, {"@list": [1]}),
    *({"@set": []}, {"@graph": []}, {"@reverse": {"a": "urn:a:b"}}, {"@id": 5}, {"@type": 5, "@value": {}}),
    *({"type": "Property"}, {"type": "Nonsense", "value": 1}, {"value": 1, "object": "urn:a:b"}, {"value": None}),
    {"type": "Property", "value": "urn:ngsi-ld:null"},
    {"type": "Relationship", "object": "urn:ngsi-ld:null"},
    {"type": "LanguageProperty", "languageMap": {"@none": "urn:ngsi-ld:null"}},
    {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1e9, 0]}},
    {"type": "GeoProperty", "value": {"type": "Point", "coordinates": ["0", "0"]}},
    {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}},
    {"type": "GeoProperty", "value": {"type": "GeometryCollection", "geometries": [None]}},
    {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
    {"type": "ListRelationship", "objectList": ["x"]},
    {"type": "Relationship", "object": []},
    {"type": "LanguageProperty", "languageMap": {"en": 5}},
    {"type": "JsonProperty", "json": None},
    {"type": "ListProperty", "valueList": 5},
    {"type": "VocabProperty", "vocab": 5},
    [{"type": "Property", "value": 1}, {"type": "Property", "value": 2}],
    [{"type": "Property", "value": 1, "datasetId": "@none"}, 5],
]
"""Values that are wrong in most places."""

_HOSTILE_NAMES: Final = (
    "",
    " ",
    "a.b",
    "a b",
    "a-b",
    "1a",
    "\x00",
    "\ud800",
    "é",
    "x" * 3000,
    "$set",
    "__proto__",
    "urn:x",
)
_KEYWORDS: Final = ("@id", "@type", "@context", "@graph", "@reverse", "@value", "@list", "@none", "@included")
_MEMBERS: Final = (
    "id",
    "type",
    "scope",
    "location",
    "value",
    "object",
    "datasetId",
    "unitCode",
    "createdAt",
    "modifiedAt",
)
_MORE_MEMBERS: Final = ("deletedAt", "expiresAt", "observedAt", "languageMap", "previousValue", "entity", "entityList")

MEMBER_NAMES: Final = st.sampled_from(_HOSTILE_NAMES + _KEYWORDS + _MEMBERS + _MORE_MEMBERS) | st.text(max_size=12)
"""Names that are wrong in most places, or mean something."""
VALUES: Final = st.recursive(
    st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBER_NAMES, inner, max_size=3),
    max_leaves=8,
)
"""JSON, mostly wrong."""

QUERY_TEXTS: Final = st.sampled_from(
    [
        *(b"", b",", b'"', b"\xc3\xa9", b"x" * 3000, b"9" * 30),
        *b"% %zz %ff %00 %ed%a0%80 %c0%af %D9%A3 + a=b ( ((((((a a; * -1 1.5 0x10 true TRUE null [] {} '".split(),
    ]
) | st.text(max_size=12).map(lambda text: quote(text).encode())
"""Names and values of parameters, as they are sent."""

BAD_URLS: Final = [
    *("", "/x", "http://a b/", "data:application/json,{}"),
    *[
        "x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "urn:ngsi-ld:x",
        "http://",
        "http:///x",
        "http://[",
        "http://[::1]:1/x",
    ],
    *[
        "http://127.0.0.1:1/x",
        "http://127.0.0.1:99999/x",
        "http://169.254.169.254/x",
        "http://0/x",
        "http://10.0.0.1/x",
    ],
    *["https://127.0.0.1:1/x", "http://user:word@127.0.0.1:1/"],
]
"""URLs where no @context is: none of them asks a name server."""
