"""A real Envoy and a stand-in for the processor: plans are walked, answers are dressed."""

import gzip

import pytest

from extproc import names
from tests.dataplane.world import BAD, GOOD, World

pytestmark = pytest.mark.envoy


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


def test_a_compressed_answer_that_nobody_reads_is_the_callers_to_read(world: World) -> None:
    GOOD.body = gzip.compress(b'{"a":"' + b"b" * 100_000 + b'"}')
    GOOD.headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = world.chat("good")
    assert (answer.body, answer.headers["content-encoding"]) == (GOOD.body, "gzip")
    assert answer.headers["content-length"] == str(len(GOOD.body))


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
