"""Compressed answers, at every split; what is none is an error, what is too much as well."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest

from extproc.dialects.inflate import Inflate, Uninflatable, inflates

TEXT = b'{"a": "' + bytes(range(32, 127)).replace(b'"', b"") * 20 + b'"}'
NOISE = repr([random.Random(n).random() for n in range(3000)]).encode()


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
        ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
        ("br", brotli.compress(TEXT)),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_any_split_gives_the_same(encoding: str, packed: bytes, size: int) -> None:
    assert inflates(encoding)
    inflate = Inflate(encoding)
    assert b"".join(inflate.feed(packed[at : at + size]) for at in range(0, len(packed), size)) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_what_is_none_is_an_error(encoding: str) -> None:
    with pytest.raises(Uninflatable):
        Inflate(encoding).feed(b"\xff\xfe this is plain text")


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("br", brotli.compress)])
def test_a_bomb_is_an_error(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """And is not blown up to learn that."""
    packed = pack(b"a" * (50 << 20))
    tracemalloc.start()
    with pytest.raises(Uninflatable, match="more than 100000"):
        Inflate(encoding, limit=100_000).feed(packed)
    assert tracemalloc.get_traced_memory()[1] < 5 << 20
    tracemalloc.stop()


def test_a_broken_one_is_an_error_where_it_breaks() -> None:
    for encoding, packed in (("gzip", gzip.compress(NOISE)), ("br", brotli.compress(NOISE))):
        broken = packed[:5000] + bytes(500) + packed[5500:]
        with pytest.raises(Uninflatable):
            Inflate(encoding).feed(broken)


def test_what_nobody_asked_for_is_not_known() -> None:
    assert not inflates("zstd")
