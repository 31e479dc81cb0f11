"""A request over HTTP/2 that ends in trailers: its buffered body reaches the processor without an end of stream."""

import json
import socket
import struct

import pytest

from tests.envoy.demo import body
from tests.envoy.gateway import running
from tests.envoy.upstream import always, scripted, whole

DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def line(name: str, value: str) -> bytes:
    """A header as HPACK's plainest form: a literal that is not indexed."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def chat_with_trailers(sent: bytes) -> bytes:
    head = {":method": "POST", ":scheme": "http", ":path": "/v1/chat/completions", ":authority": "x"}
    head["content-type"] = "application/json"
    return b"".join(
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            frame(SETTINGS, 0, 0),
            frame(HEADERS, END_HEADERS, 1, b"".join(line(*pair) for pair in head.items())),
            frame(DATA, 0, 1, sent),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, line("x-checksum", "1")),
        )
    )


def answer_to(port: int, sent: bytes) -> bytes:
    """All data of the answer's stream."""
    got, answer = b"", b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        while True:
            part = connection.recv(65536)
            assert part, "the connection ended before the answer did"
            got += part
            while len(got) >= 9 and len(got) >= 9 + (size := int.from_bytes(got[:3], "big")):
                kind, flags, payload = got[3], got[4], got[9 : 9 + size]
                got = got[9 + size :]
                if kind == DATA:
                    answer += payload
                if kind in (DATA, HEADERS) and flags & END_STREAM:
                    return answer


@pytest.mark.parametrize("upstream_model", ["m", "other"], ids=["the body passes", "the body changes"])
def test_a_request_with_trailers_is_decided_and_answered_like_one_without(upstream_model: str) -> None:
    with scripted(always(whole(b'{"id":"answered"}'))) as upstream:
        provider = {"dialect": "openai", "base_url": f"{upstream.origin}/v1", "models": {"m": upstream_model}}
        with running({"providers": {"one": provider}}) as gateway:
            answer = answer_to(gateway.port, chat_with_trailers(json.dumps(body("m")).encode()))
        assert answer == b'{"id":"answered"}'
        (asked,) = upstream.asked
        assert json.loads(asked.body)["model"] == upstream_model
