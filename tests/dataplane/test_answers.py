"""A real Envoy and a stand-in for the processor: plans are walked, answers are dressed, usage is witnessed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from extproc import names
from extproc.snapshot import Credential, Endpoint, FailoverSpec, PathMatch
from tests.dataplane.envoy import Answer, Running, eventually, running
from tests.dataplane.processor import Processor, serving, struct_to_dict
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering

pytestmark = pytest.mark.envoy

CHAT = "/v1/chat/completions"
USAGE = '{"prompt_tokens":5,"details":{"cached":1},"completion_tokens":7}'
NUMBERS = count()
GOOD, BAD = Upstream(), Upstream()
SHUT = Endpoint("http", "127.0.0.1", 1)


def decision(entry: Any) -> dict[str, Any]:
    return struct_to_dict(entry.common_properties.metadata.filter_metadata[names.META])


class World:
    def __init__(self, envoy: Running, processor: Processor) -> None:
        self.envoy = envoy
        self.processor = processor

    def chat(self, plan: str, body: bytes = b'{"model":"m"}', **headers: str) -> Answer:
        said = {"content-type": "application/json", "x-plan": plan}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.envoy.ask("POST", CHAT, said, body)

    def records(self, name: str) -> list[Any]:
        return [entry for log, entry in self.processor.records if log == name]

    @property
    def id(self) -> str:
        return self.processor.id

    def exchange(self) -> Any:
        """The record of this test's only exchange."""
        (entry,) = eventually(
            lambda: [one for one in self.records(names.LOG_EXCHANGE) if decision(one).get(names.M_ID) == self.id]
        )
        return entry

    def attempts(self, number: int) -> list[Any]:
        """The records of its attempts: they bear the exchange's x-request-id, and come on another stream."""
        stream = self.exchange().common_properties.stream_id

        def found() -> list[Any]:
            return [one for one in self.records(names.LOG_ATTEMPT) if one.request.request_id == stream]

        eventually(lambda: len(found()) >= number)
        return found()

    def usage(self) -> dict[str, Any]:
        return struct_to_dict(self.exchange().common_properties.metadata.filter_metadata[names.META_USAGE])


@pytest.fixture(scope="module")
def running_world() -> Iterator[World]:
    with answering(GOOD, BAD):
        parts = (
            provider("good", GOOD.endpoint),
            provider("bad", BAD.endpoint, credential=Credential("injected", "api-key", "")),
            provider("none", GOOD.endpoint, credential=Credential()),
            provider("shut", SHUT),
            provider("nowhere", Endpoint("http", "nowhere.invalid", 80)),
            service("shop", GOOD.endpoint),
            to_service("shop", PathMatch("glob", "/shop/*")),
            replace(llm(), failover=FailoverSpec(first_event=True)),
        )
        with running(snapshot(*parts)) as envoy, serving(Processor(), envoy.place) as processor:
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "good"}).status == 200, within=10)
            yield World(envoy, processor)


@pytest.fixture
def world(running_world: World) -> World:
    fresh = Upstream()
    for upstream in (GOOD, BAD):
        for name in ("status", "headers", "body", "chunks", "pause", "cut", "hang", "first_pause"):
            setattr(upstream, name, getattr(fresh, name))
        upstream.asked.clear()
    for kept in (running_world.processor.told, running_world.processor.routes, running_world.processor.records):
        kept.clear()
    running_world.processor.id = f"exchange-{next(NUMBERS)}"  # records of a test before may still be on their way
    running_world.processor.decision = {}
    running_world.processor.refuses = None
    running_world.processor.holds = 0.0
    return running_world


def test_an_answer_says_who_gave_it(world: World) -> None:
    """Target, attempts and our own id, put on by Envoy; the body untouched."""
    answer = world.chat("good")
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers[names.TARGET] == "good/m"
    assert answer.headers[names.ATTEMPTS] == "1"
    assert answer.headers[names.REQUEST_ID] == world.id
    assert names.REASON not in answer.headers
    assert [name for name in answer.headers if name.startswith((names.CTL_PREFIX, "x-envoy"))] == []


def test_the_reason_goes_to_who_asked(world: World) -> None:
    """And holds nothing that a header may not."""
    world.processor.decision = {names.M_EXPLAIN: True, names.M_REASON: "first\r\nin the file"}
    assert world.chat("good").headers[names.REASON] == "first??in the file"


def test_a_plan_is_walked(world: World) -> None:
    """A bad status, a refused connection and a name that does not exist lead on, each with its own key."""
    BAD.status = 500
    answer = world.chat("bad,shut,nowhere,good", authorization="Bearer of-the-caller")
    assert answer.status == 200
    assert answer.headers[names.TARGET] == "good/m"
    assert answer.headers[names.ATTEMPTS] == "3"  # nowhere is no real target
    assert names.SHOULD_RETRY not in answer.headers
    ((_, path, to_bad, body),), ((_, _, to_good, _),) = BAD.asked, GOOD.asked
    assert (path, body) == ("/told", b'{"model":"m"}')
    assert names.CTL_HOSTS not in to_bad | to_good
    assert to_bad["api-key"] == "sk-of-a-test" and "authorization" not in to_bad
    assert to_good["authorization"] == "Bearer sk-of-a-test"
    assert to_good["x-cluster"] == "good-0a1b2c3d" and to_good["x-known-id"] == world.id


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_a_final_failure_is_not_run_again(world: World, status: int) -> None:
    """The last answer goes to the caller as it is, and tells its SDK to leave it at that."""
    GOOD.status, GOOD.headers = status, {"retry-after": "3", "content-type": "application/json"}
    GOOD.body = b'{"error":"theirs"}'
    answer = world.chat("good")
    assert (answer.status, answer.body) == (status, b'{"error":"theirs"}')
    assert (answer.headers["retry-after"], answer.headers[names.SHOULD_RETRY]) == ("3", "false")


def test_a_callers_error_is_final_and_says_nothing_of_retries(world: World) -> None:
    """A 400 goes back at once."""
    GOOD.status = 400
    answer = world.chat("good,bad")
    assert answer.status == 400 and names.SHOULD_RETRY not in answer.headers and BAD.asked == []


def test_nothing_reached(world: World) -> None:
    """Envoy's own answer is JSON, with our id."""
    answer = world.chat("shut")
    assert (answer.status, answer.code) == (503, "no_target_available")
    assert (answer.headers[names.REQUEST_ID], answer.headers[names.SHOULD_RETRY]) == (world.id, "false")


def test_nowhere_to_go(world: World) -> None:
    """Targets without an address count as no attempt; with a real one before them, that is the target."""
    answer = world.chat("nowhere")
    assert (answer.code, answer.headers[names.ATTEMPTS]) == ("no_target_available", "0")
    assert names.TARGET not in answer.headers
    answer = world.chat("shut,nowhere")
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("shut/m", "1")


def test_no_plan_fails_closed(world: World) -> None:
    """A decision without a plan leads to the sink."""
    assert world.chat("").code == "no_target_available"


def test_a_plan_of_an_unknown_cluster(world: World) -> None:
    """Says so as everything else that cannot be reached."""
    assert world.chat("unheard-of").code == "no_target_available"


def test_first_byte_timeout(world: World) -> None:
    """A target that says nothing is left; with none behind it, 504."""
    BAD.hang = 1.0
    assert world.chat("bad,good", x_first_byte="150").headers[names.TARGET] == "good/m"
    answer = world.chat("bad", x_first_byte="150")
    assert (answer.status, answer.code) == (504, "upstream_timeout")


def test_a_refusal_passes_as_it_is(world: World) -> None:
    """Our own words and headers, never Envoy's."""
    world.processor.refuses = 429
    answer = world.chat("good")
    assert (answer.status, answer.body) == (429, b'{"error":{"code":"ours"}}')
    assert (answer.headers["retry-after"], answer.headers[names.REQUEST_ID]) == ("7", world.id)
    assert names.TARGET not in answer.headers


def test_an_upstream_cannot_speak_for_us(world: World) -> None:
    """Headers of ours that an upstream sends are dropped."""
    GOOD.headers = dict.fromkeys((*names.ANSWER_HEADERS, names.CTL_RETRY), "forged")
    answer = world.chat("good")
    assert "forged" not in answer.headers.values()
    assert answer.headers[names.ATTEMPTS] == "1"


def test_spoofed_headers_have_no_effect(world: World) -> None:
    """Of x-extproc-*, only what callers may say arrives at the processor; of x-envoy-* nothing that steers."""
    allowed = dict.fromkeys(names.CALLER_HEADERS, "v")
    forged = {"x-extproc-ctl-retry": "1", "x-extproc-request-id": "mine", "X-Extproc-Providers": "x", "x-extproc-": "x"}
    answer = world.chat("good", **(allowed | forged | {"x-envoy-max-retries": "9", "x-envoy-retry-on": "5xx"}))
    (_, headers), *_ = world.processor.told
    assert {name for name in headers if name.startswith(names.PREFIX)} == set(names.CALLER_HEADERS)
    assert not {name for name in headers if name.startswith(names.ENVOY_PREFIX)} - {"x-envoy-external-address"}
    assert answer.headers[names.REQUEST_ID] == world.id


def test_the_processor_learns_the_route(world: World) -> None:
    """By its name, which holds snapshot, route and endpoint."""
    world.chat("good")
    world.envoy.ask("GET", "/models", {"x-plan": "good"})
    world.envoy.ask("GET", "/shop/a")
    assert [names.parse_route_key(route) for route in world.processor.routes] == [
        ("5a5a5a5a", "llm", "chat"),
        ("5a5a5a5a", "llm", "models"),
        ("5a5a5a5a", "glob /shop/*", "service"),
    ]


def test_a_service_keeps_its_answer(world: World) -> None:
    """It gets our id and nothing else; its failures are its own."""
    GOOD.status, GOOD.body = 503, b"closed"
    answer = world.envoy.ask("GET", "/shop/a", {"x-extproc-team": "blue"})
    assert (answer.status, answer.body, answer.headers[names.REQUEST_ID]) == (503, b"closed", world.id)
    assert names.SHOULD_RETRY not in answer.headers
    assert not [name for name in GOOD.asked[0][2] if name.startswith((names.PREFIX, names.ENVOY_PREFIX))]


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


def events(*texts: str) -> tuple[bytes, ...]:
    return tuple(f"data: {text}\n\n".encode() for text in texts)


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


def stream(upstream: Upstream, *texts: str) -> bytes:
    upstream.headers, upstream.chunks = {"content-type": "text/event-stream"}, events(*texts)
    return b"".join(upstream.chunks)


def test_failover_on_the_first_event(world: World) -> None:
    """An error event first leads to the next target, and the caller sees nothing of it."""
    stream(BAD, '{"error":{"message":"overloaded"}}', "[DONE]")
    good = stream(GOOD, *[json.dumps({"n": n}) for n in range(300)])
    answer = world.chat("bad+first,good+first")
    assert (answer.status, answer.body) == (200, good)
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("good+first/m", "2")
    assert [name for name in answer.headers if name.startswith(names.CTL_PREFIX)] == []


def test_the_last_error_event_goes_to_the_caller(world: World) -> None:
    """With no target left the stream passes as it is."""
    bad = stream(BAD, '{"error":{"message":"overloaded"}}', "[DONE]")
    answer = world.chat("bad+first")
    assert (answer.status, answer.body) == (200, bad)
    assert names.CTL_RETRY not in answer.headers


def test_an_answer_is_held_longer_than_a_message(world: World) -> None:
    """Seconds may pass between an answer's headers and its first event."""
    GOOD.first_pause = 6.0
    good = stream(GOOD, '{"n":1}')
    assert world.chat("good+first").body == good


def test_a_twin_is_told_by_its_own_name(world: World) -> None:
    """The attempt and its record name the cluster with its suffix; printed is the provider's name."""
    stream(GOOD, '{"n":1}')
    world.chat("good+first")
    (attempt,) = world.attempts(1)
    assert attempt.common_properties.upstream_cluster == GOOD.asked[0][2]["x-cluster"] == "good-0a1b2c3d.first"
    line, *_ = eventually(
        lambda: [line for line in world.envoy.log() if dict(line["decision"] or {}).get("id") == world.id]
    )
    assert line["upstream"] == "good"


@pytest.mark.parametrize("size", [1_100_000, 8 << 20, 64 << 20])
def test_large_answers_pass_the_twin(world: World, size: int) -> None:
    """Also where they come faster than the stand-in lets go of them; in larger pieces they crash Envoy."""
    GOOD.headers, GOOD.body = {"content-type": "application/json"}, b"x" * size
    world.processor.holds = 0.3
    for _ in range(3):
        assert world.chat("good+first").body == GOOD.body


def test_large_requests_pass_the_twin(world: World) -> None:
    """Its small pieces are of answers only."""
    stream(BAD, '{"error":{"message":"overloaded"}}')
    body = b'{"x":"' + b"x" * (12 << 20) + b'"}'
    assert world.chat("bad+first,good+first", body).headers[names.TARGET] == "good+first/m"
    assert (BAD.asked[0][3], GOOD.asked[0][3]) == (body, body)
