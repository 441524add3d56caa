"""Identifiers, names, scopes, languages: RFC 3986, RFC 3987, GS CIM 009 §4.6.2, §4.18, §4.6.5."""

import time

import pytest

from broker.errors import BadRequestData
from broker.model.grammar import MAX_NAME, MAX_URI, check_name, is_language, is_scope, is_uri, shown


@pytest.mark.parametrize(
    "text",
    [
        *(
            "urn:ngsi-ld:Vehicle:A100",
            "urn:ngsi-ld:Vehicle:A/100?x=1#y",
            "https://example.org/a%20b",
            "a:b",
            "A+1.-x:~",
        ),
        *("urn:ngsi-ld:Ciudad:París", "urn:ngsi-ld:東京:千代田", "mailto:a@b.c", "urn:x:(a);b=c'd,e!*[1]"),
    ],
)
def test_a_uri(text: str) -> None:
    assert is_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "a",
            "thisisaninvaliduri",
            ":a",
            "urn:",
            "1a:b",
            "ür:n",
            "urn:a b",
            " urn:a",
            "urn:a ",
            "urn:a\n",
            "urn:a\tb",
        ),
        *("urn:<a>", 'urn:"a"', "urn:{a}", "urn:a|b", "urn:a\\b", "urn:a^b", "urn:a`b", "urn:a%2", "urn:a%zz", "urn:%"),
        *("urn:a\x00b", "urn:a\x7fb", "urn:a\x85b", "urn:a\u00a0b", "urn:a\u200bb", "urn:a\u202eb", "urn:a\u2028b"),
        *("urn:a\ufeffb", "urn:a\ufe0fb", "urn:a\ufdd0b", "urn:a\uffffb", "urn:a\U0001ffffb", "urn:a\U000e0100b"),
        *("urn:ngsi-ld:null", "urn:" + "a" * MAX_URI, None, 5, ["urn:a"], {"id": "urn:a"}),
    ],
)
def test_what_is_no_uri(text: object) -> None:
    assert not is_uri(text)


@pytest.mark.parametrize(
    "name",
    ["a", "speed", "Speed_2", "straße", "výška_1", "東京", "a1", "ngsi-ld:speed", "fiware:speed_1", "https://a.b/c#d"],
)
def test_a_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "_a", "1a", "9Vehicle", "a b", "my attr", "N-TOT", "Cr-III", "a.b", "a$", "$a", "a\x00", "@id", "@value"),
        *("a:", ":a", "a:b:c d", "a/b", "<a>", "a(b)", "a=b", "a;b", "é-1", "x" * (MAX_NAME + 1), "urn:ngsi-ld:null"),
    ],
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(BadRequestData, match=r"^Name "):
        check_name(name)


@pytest.mark.parametrize("scope", ["/Madrid/Gardens/ParqueNorte", "Madrid", "/a", "a/b_1/ñ2"])
def test_a_scope(scope: str) -> None:
    assert is_scope(scope)


@pytest.mark.parametrize(
    "scope", ["", "/", "9bad", "/a//b", "a-b", "/a/", "a/9", "urn:ngsi-ld:null", "/a/#", "/+/a", "a\n", None, 1, ["/a"]]
)
def test_what_is_no_scope(scope: object) -> None:
    assert not is_scope(scope)


@pytest.mark.parametrize("tag", ["en", "nl-BE", "zh-Hant-TW", "de-CH-1996", "x-klingon", "@none"])
def test_a_language(tag: str) -> None:
    assert is_language(tag)


@pytest.mark.parametrize("tag", ["", "e n", "en_US", "-en", "en-", "abcdefghi", "en--us", "*", None, 1])
def test_what_is_no_language(tag: object) -> None:
    assert not is_language(tag)


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "'a'"), (1.5, "1.5"), (True, "true"), (None, "null"), ([1], "an array"), ({"a": 1}, "an object")],
)
def test_a_value_in_a_message(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_message_stays_short() -> None:
    assert len(shown("x" * 10_000)) == 78


@pytest.mark.parametrize("text", ["urn:" + "%20" * 600 + " ", "a" * 1000 + "-", ("a/" * 1000) + "-", "aa-" * 500])
def test_patterns_run_in_linear_time(text: str) -> None:
    start = time.perf_counter()
    is_uri(text), is_scope(text), is_language(text)
    assert time.perf_counter() - start < 1
