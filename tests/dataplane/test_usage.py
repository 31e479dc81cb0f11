"""Usage is witnessed and logged, and large bodies pass."""

import json

import pytest

from extproc import names
from tests.dataplane.envoy import eventually
from tests.dataplane.world import BAD, GOOD, World, decision, events

pytestmark = pytest.mark.envoy

USAGE = '{"prompt_tokens":5,"details":{"cached":1},"completion_tokens":7}'


BODIES: list[tuple[str, bytes, str | None]] = [
    ("behind the answer", b'{"choices":[],"usage": ' + USAGE.encode() + b"}", USAGE),
    ("before a long answer", b'{"usage":' + USAGE.encode() + b',"choices":["' + b"x" * 60_000 + b'"]}', USAGE),
    ("behind a long answer", b'{"choices":["' + b"x" * 600_000 + b'"],"usage":' + USAGE.encode() + b"}", USAGE),
    ("only quoted in the text", rb'{"text":"\"usage\":{\"prompt_tokens\":1}"}', None),
    ("after quoted text", rb'{"text":"\"usage\":{\"a\":1}","usage":' + USAGE.encode() + b"}", USAGE),
    ("null", b'{"usage":null}', None),
    ("never closed", b'{"usage":{"prompt_tokens":1', None),
    ("with bytes that are no text", b'{"usage":{"a":"\x00\xff\xc3"}}', '{"a":"???"}'),
    ("a brace in a string", rb'{"usage":{"a":"}\"}"}}', r'{"a":"}\"}"}'),
    ("none", b"", None),
]


@pytest.mark.parametrize(("where", "body", "usage"), BODIES, ids=[row[0] for row in BODIES])
def test_usage_of_whole_answers(world: World, where: str, body: bytes, usage: str | None) -> None:
    """The last usage object is told to the log, wherever it stands; the answer passes byte for byte."""
    GOOD.body = body
    assert world.chat("good").body == body, where
    assert world.usage().get(names.U_TEXT) == usage


TIERS = [
    (b'{"usage":' + USAGE.encode() + b',"service_tier":"flex"}', "flex"),
    (b'{"service_tier": "priority","x":"' + b"x" * 60_000 + b'","usage":' + USAGE.encode() + b"}", "priority"),
    (rb'{"text":"\"service_tier\":\"flex\"","usage":' + USAGE.encode() + b"}", None),
    (b'{"usage":' + USAGE.encode() + b',"service_tier":null}', None),
]


@pytest.mark.parametrize(("body", "tier"), TIERS)
def test_the_tier_of_service_beside_it(world: World, body: bytes, tier: str | None) -> None:
    GOOD.body = body
    assert world.chat("good").body == body
    assert world.usage().get(names.U_TIER) == tier


def test_usage_and_first_chunk_of_a_stream(world: World) -> None:
    """Each event may say `usage: null`; the last says how much."""
    GOOD.headers, GOOD.pause, GOOD.hang = {"content-type": "text/event-stream; charset=utf-8"}, 0.02, 0.1
    GOOD.chunks = events(*['{"usage":null}'] * 50, f'{{"choices":[],"usage":{USAGE}}}', "[DONE]")
    assert world.chat("good").body == b"".join(GOOD.chunks)
    usage = world.usage()
    assert usage[names.U_TEXT] == USAGE
    assert 90 <= usage[names.U_FIRST_CHUNK_MS] < 1000


def test_usage_split_over_chunks(world: World) -> None:
    """Where one chunk ends and the next begins makes no difference."""
    text = f'data: {{"usage":{USAGE}}}\n\n'.encode()
    GOOD.headers, GOOD.pause = {"content-type": "text/event-stream"}, 0.003
    GOOD.chunks = tuple(text[at : at + 1] for at in range(len(text)))
    assert world.chat("good").body == text
    assert world.usage()[names.U_TEXT] == USAGE


def test_other_answers_are_not_looked_at(world: World) -> None:
    """Audio that happens to hold the word passes without a note."""
    GOOD.headers, GOOD.body = {"content-type": "audio/mpeg"}, b'"usage":{"a":1}'
    assert world.chat("good").body == GOOD.body
    assert names.U_TEXT not in world.usage()


def test_large_requests_survive_a_failover(world: World) -> None:
    """12 MB, refused by the first, arrive at the second byte for byte; the same where bodies are not read."""
    BAD.status = 500
    body = b'{"x":"' + b"x" * (12 << 20) + b'"}'
    assert world.chat("bad,good", body).status == 200
    assert (BAD.asked[0][3], GOOD.asked[0][3]) == (body, body)
    audio = {"x-plan": "bad,good", "content-type": "multipart/form-data"}
    assert world.envoy.ask("POST", "/v1/audio/transcriptions", audio, body).status == 200
    assert GOOD.asked[1][3] == body


@pytest.mark.parametrize("size", [1_100_000, 8 << 20, 64 << 20])
def test_large_answers_pass(world: World, size: int) -> None:
    """Whole, on LLM routes and on services; Envoy lives."""
    GOOD.body = b'{"x":"' + b"x" * size + b'"}'
    assert world.chat("good").body == GOOD.body
    assert world.envoy.ask("GET", "/shop/large").body == GOOD.body
    audio = {"x-plan": "good", "content-type": "multipart/form-data"}
    assert world.envoy.ask("POST", "/v1/audio/transcriptions", audio, b"x").body == GOOD.body


def test_records_of_a_walk(world: World) -> None:
    """One of the exchange, one for each attempt, with cluster, limits and the decision."""
    BAD.status, BAD.headers = 429, {"retry-after": "3", "x-ratelimit-remaining-requests": "0"}
    world.chat("bad,nowhere,good")
    exchange = world.exchange()
    common = exchange.common_properties
    assert (common.upstream_cluster, common.upstream_request_attempt_count) == ("good-0a1b2c3d", 3)
    assert decision(exchange)[names.M_ID] == world.id
    assert exchange.response.response_headers[names.TARGET] == "good/m"
    bad, nowhere, good = world.attempts(3)
    assert bad.response.response_headers["retry-after"] == "3"
    assert bad.response.response_headers["x-ratelimit-remaining-requests"] == "0"
    assert nowhere.common_properties.upstream_remote_address.socket_address.port_value == 0
    assert good.common_properties.upstream_cluster == "good-0a1b2c3d"


def test_what_the_access_log_prints(world: World) -> None:
    """The decision and the provider's name, and no credential."""
    world.chat("none", authorization="Bearer very-secret")
    line, *_ = eventually(lambda: [line for line in world.envoy.log() if line["upstream"] == "none"])
    assert line["decision"] == {names.M_ID: world.id, names.M_TARGETS: ["none/m"]}
    assert "very-secret" not in json.dumps(world.envoy.log()) and "sk-of-a-test" not in json.dumps(world.envoy.log())


def test_exchanges_and_their_attempts_are_told_on_one_stream(world: World) -> None:
    """So that with several processors both come to the same one."""
    world.chat("bad,good")
    assert len(world.attempts(1)) >= 1 and world.exchange()
    assert world.processor.log_streams == 1
