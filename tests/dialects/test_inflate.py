"""Compressed answers, at every split; what is none is an error, what is too much as well."""

import gzip
import zlib

import pytest

from extproc.dialects.inflate import Inflate, Uninflatable, inflates

TEXT = b'{"a": "' + bytes(range(32, 127)).replace(b'"', b"") * 20 + b'"}'


def raw(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_any_split_gives_the_same(encoding: str, packed: bytes, size: int) -> None:
    assert inflates(encoding)
    inflate = Inflate(encoding)
    assert b"".join(inflate.feed(packed[at : at + size]) for at in range(0, len(packed), size)) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_is_none_is_an_error(encoding: str) -> None:
    with pytest.raises(Uninflatable):
        Inflate(encoding).feed(b"\xff\xfe this is plain text")


def test_a_bomb_is_an_error() -> None:
    with pytest.raises(Uninflatable, match="more than 1000"):
        Inflate("gzip", limit=1000).feed(gzip.compress(b"a" * 10_000))


def test_what_nobody_asked_for_is_not_known() -> None:
    assert not inflates("br")
