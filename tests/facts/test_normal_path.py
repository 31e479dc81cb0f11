"""How Envoy reads a path. Each row was found out of Envoy; random paths are held against it in tests/dataplane."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.facts.normal_path import normal

READ = {
    "/a/b": "/a/b",
    "/a//b": "/a/b",
    "//a": "/a",
    "/a//": "/a/",
    "//": "//",
    "///": "//",
    "/a/./b": "/a/b",
    "/a/../b": "/b",
    "/a/..": "/",
    "/a/.": "/a/",
    "/..": "/",
    "/../../a": "/a",
    "/a//../b": "/a/b",
    "/a/%2e%2E/b": "/b",
    "/a/.%2e": "/",
    "/a/..;x/b": "/b",
    "/a/.;/b": "/a/b",
    "/a/%2e%2e;/b": "/a/..;/b",
    "/a/...": "/a/...",
    "/a\\..\\b": "/b",
    "/%41%2d%5F%7e": "/A-_~",
    "/%c3%A9%20%3f": "/%c3%A9%20%3f",
    "/%zz%": "/%zz%",
    "/{a}|<b>": "/%7Ba%7D|%3Cb%3E",
    "/A/b": "/A/b",
    "/a/..?x=/../y%2F": "/?x=/../y%2F",
    "/a?": "/a?",
}
REFUSED = ("", "a", "*", "/a b", "/a#b", "/a?#", "/%2Fa", "/a%5cb", "/%00", "/\u00e9", "/a?\u00e9", "/a\tb", "/a\x7f")


@pytest.mark.parametrize(("written", "read"), READ.items())
def test_a_path_is_read_as_envoy_does(written: str, read: str) -> None:
    assert normal(written) == read


@pytest.mark.parametrize("written", REFUSED)
def test_envoy_takes_no_such_path(written: str) -> None:
    assert normal(written) is None


@given(st.text("/.%2eE;aA\\?", max_size=12).map(lambda text: f"/{text}"))
def test_no_way_up_is_left(written: str) -> None:
    """Whatever is written, no part of the path as routes see it is `.` or `..`, and no two slashes follow each other
    but in the path that is nothing else."""
    read = normal(written)
    if read is not None:
        path = read.partition("?")[0]
        assert path.startswith("/") and not {".", ".."} & set(path.split("/"))
        assert "//" not in path or path == "//"
