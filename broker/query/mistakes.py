"""What is refused in the query languages, as a table: what the refusal says, and texts that are refused so.

Tests loop over it, and so does the page of the documentation.
"""

from collections.abc import Mapping
from typing import Final

Q: Final[Mapping[str, tuple[str, ...]]] = {
    "expected the name of an attribute": ("", ";a", "a;", "a|", "a;;b", "(", "1==a", "==1", "a.", "a.1", "!a", "()"),
    "expected ';', '|' or the end": ("a b", "a)", "a==1)", 'a=="x" "y"', "a=1", "a$"),
    "expected ')'": ("(a", "(a;b", "((a)"),
    "expected '}'": ("a{b", "a{b==1}"),
    "expected members in brackets": ("a[", "a[]", "a[b", "a[b..c]", "a[.b]", "a[b c]", 'a["b"]'),
    "expected an operator or the end after observedAt": ("a.observedAt.b",),
    "expected a number, a string in quotes or a DateTime at": ("a>", "a>true", "a>urn:x:1", "a<word", "a>=1e999"),
    "true, false or a URI": (
        "a==",
        "a==;b",
        "a!=,",
        'a=="x',
        'a=="\\x"',
        'a=="\\ud800"',
        "a==(1)",
        "a==1,",
        "a===1",
        "a==1]",
        "a==2026-13-45",
    ),
    "expected a value of the same kind": ('a==1.."b"', "a==true..2", "a==2026-01-01..12:00:00Z"),
    "is too complex": ('a~="(.{0,90}){0,9}"', 'a~="\\\\pL{9}"'),
    "is no regular expression": ("a~=(", 'a~="*"', "a~=[a", 'a!~="a**"', 'a~="(?=x)"'),
    "expected a pattern": ("a~=", 'a~=""', "a~=;b"),
    "longer than": ("a" * 9000,),
    "more than 200 terms": (";".join("a" * 201), "a==" + ",".join("1" * 201)),
    "nested deeper than": ("(" * 20 + "a" + ")" * 20, "a{" * 20 + "a" + "}" * 20, ".".join("a" * 20)),
}
"""Of `q`."""

SCOPE_Q: Final[Mapping[str, tuple[str, ...]]] = {
    "expected a scope": ("", "a", "/", "//", "/a//b", "/a/", "/#/a", "/1", "/a;", ",/a", "/a,,/b", "/a#", "/++"),
    "expected ',', '|' or ';'": ("/a /b", "/a)"),
    "expected ')'": ("(/a", "(/a;/b"),
    "more than 100 scopes": (",".join(["/a"] * 101),),
    "nest deeper": ("(" * 20 + "/a" + ")" * 20,),
    "longer than": ("/" + "a" * 9000,),
}
"""Of `scopeQ`."""

ORDER_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "expected the name of an attribute": ("", "a,", "a,,b", ";asc", "1"),
    "expected asc, desc": ("a;", "a;up", "a;asc;desc"),
    "expected the end": ("a b", "a==1"),
    "orders nothing": ("a{b}",),
    "more than 8 keys": ("a,b,c,d,e,f,g,h,i",),
}
"""Of `orderBy`."""

COLLATION: Final[Mapping[str, tuple[str, ...]]] = {
    "is no language tag": ("!!nope", "", "e", "not a bcp47 tag!!", "de_DE"),
    "is unknown here": ("de-u-xx-yes", "de-u-ks-level9", "de-u-co-nothing"),
    "where a key of two letters": ("de-u-phonebk", "de-u-co-phonebk-trad"),
}
"""Of `collation`."""
