"""What happens when a target fails: the next one of the plan, inside one request, and a breaker that remembers."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body, events
from tests.envoy.gateway import Gateway, free_port, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import Upstream, always, hang_up, scripted, silence, whole

STATUSES = (408, 409, 425, 429, 500, 503)
BREAKER_TIMEOUT = 1.5
PROBES = 3


def broken(status: int) -> bytes:
    said = b'{"error":{"message":"no","type":"t","code":"c"}}'
    return whole(said, status, "application/json", ("retry-after", "9"), ("x-ratelimit-limit-requests", "60"))


@pytest.fixture(scope="module")
def bad() -> Iterator[dict[str, Upstream]]:
    """Upstreams that fail in one way each."""
    scripts = {f"s{status}": always(broken(status)) for status in STATUSES}
    scripts |= {"resetting": hang_up, "silent": silence, "wrong": always(broken(400))}
    with ExitStack() as stack:
        yield {name: stack.enter_context(scripted(script)) for name, script in scripts.items()}


@pytest.fixture(scope="module")
def gateway(demos: dict[str, Demo], bad: dict[str, Upstream]) -> Iterator[Gateway]:
    # What fails on purpose here must not shut the breaker of another test.
    patient = {"circuit_breaker": {"failure_threshold": 10_000}}
    raw = {name: {"dialect": "openai", "base_url": f"{each.origin}/v1", **patient} for name, each in bad.items()}
    closed = {"dialect": "openai", "base_url": f"http://127.0.0.1:{free_port()}/v1", **patient}
    nowhere = {"dialect": "openai", "base_url": "http://no-such-host.invalid/v1", **patient}
    providers = {**raw, "refusing": closed, "nowhere": nowhere}
    providers |= {"lab": demos["lab"].configured(**patient), "other": demos["other"].configured(**patient)}
    named = [*bad, "refusing", "nowhere"]
    config = {
        "providers": providers,
        "routes": [
            {"match": {"path": "/v1/chat/completions", "headers": {"x-plain": "yes"}}},
            {"match": {"path": "/v1/*"}, "failover": {"first_event": True}},
        ],
        "aliases": {
            # A target that said 429 is out for its Retry-After, so each test has targets of its own.
            **{f"{name}-then-good": [f"{name}/whole", "lab/m"] for name in named},
            **{f"{name}-then-good-stream": [f"{name}/stream", "lab/m"] for name in named},
            **{f"{name}-alone": [f"{name}/alone"] for name in named},
            "event-then-good": ["other/fault-error-event", "lab/m"],
            "late-then-good": ["other/fault-late-error-event", "lab/m"],
            "slow-event-then-good": ["other/fault-slow-event", "lab/m"],
            "walk": ["refusing/m", "nowhere/m", "s500/m", "lab/m"],
            "long": ["s500/m", "s503/m", "s408/m", "lab/m"],
            "two-bad": ["s503/two", "s429/two"],
        },
        "failover": {"max_attempts": 3, "first_byte_timeout": "1500ms"},
    }
    with running(config) as gateway:
        yield gateway


def ask(gateway: Gateway, model: str, **more: object) -> httpx.Response:
    return httpx.post(gateway.url + CHAT, json=body(model, **more), trust_env=False, timeout=20)


@pytest.mark.parametrize("how", [f"s{status}" for status in STATUSES] + ["resetting", "refusing", "nowhere"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_next_target_answers(gateway: Gateway, how: str, stream: bool) -> None:
    """Refused, unknown host, reset before headers and every retriable status: one request, answered by the next."""
    answer = ask(gateway, f"{how}-then-good-stream" if stream else f"{how}-then-good", stream=stream)
    assert answer.status_code == 200, answer.text
    assert answer.headers[names.TARGET] == "lab/m"
    real = "1" if how == "nowhere" else "2"  # without an address there was no attempt
    assert answer.headers[names.ATTEMPTS] == real
    assert "x-should-retry" not in answer.headers


def test_a_silent_target_is_left_after_the_first_byte_timeout(gateway: Gateway) -> None:
    began = time.monotonic()
    answer = ask(gateway, "silent-then-good")
    assert answer.status_code == 200 and answer.headers[names.TARGET] == "lab/m"
    assert 0.65 < time.monotonic() - began < 3


def test_silence_of_all_is_504(gateway: Gateway) -> None:
    answer = ask(gateway, "silent-alone")
    assert answer.status_code == 504 and answer.json()["error"]["code"] == "upstream_timeout"
    assert answer.headers["x-should-retry"] == "false"


def test_an_error_of_the_caller_is_final(gateway: Gateway, lab: Demo) -> None:
    answer = ask(gateway, "wrong-then-good")
    assert answer.status_code == 400 and answer.headers[names.ATTEMPTS] == "1" and lab.received() == []


def test_an_error_as_first_event_goes_to_the_next_target(gateway: Gateway) -> None:
    answer = ask(gateway, "event-then-good", stream=True)
    said = events(answer.text)
    assert answer.status_code == 200 and answer.headers[names.TARGET] == "lab/m"
    assert said[-1] == "[DONE]" and not [each for each in said if "error" in each]


def test_a_slow_first_event_is_waited_for(gateway: Gateway) -> None:
    """Headers came in time; where first events are looked at, the event itself has its time too."""
    answer = ask(gateway, "slow-event-then-good", stream=True)
    assert answer.status_code == 200 and events(answer.text)[-1] == "[DONE]"


def test_a_later_error_event_reaches_the_caller(gateway: Gateway) -> None:
    answer = ask(gateway, "late-then-good", stream=True)
    assert answer.headers[names.TARGET] == "other/fault-late-error-event"
    assert "error" in events(answer.text)[-1]


def test_without_first_event_the_error_event_reaches_the_caller(gateway: Gateway) -> None:
    answer = httpx.post(
        gateway.url + CHAT,
        json=body("event-then-good", stream=True),
        headers={"x-plain": "yes"},
        trust_env=False,
        timeout=20,
    )
    assert answer.headers[names.TARGET] == "other/fault-error-event" and "error" in events(answer.text)[0]


@pytest.mark.parametrize("status", [429, 503])
def test_the_last_real_answer_is_kept(gateway: Gateway, status: int) -> None:
    """With its Retry-After and its limits, and the word that an SDK need not try the plan again."""
    answer = ask(gateway, f"s{status}-alone")
    assert answer.status_code == status and answer.json()["error"]["code"] == "c"
    assert answer.headers["retry-after"] == "9" and answer.headers["x-ratelimit-limit-requests"] == "60"
    assert answer.headers["x-should-retry"] == "false"
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == (f"s{status}/alone", "1")


def test_of_two_bad_ones_the_last_is_told(gateway: Gateway) -> None:
    answer = ask(gateway, "two-bad")
    assert (answer.status_code, answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == (429, "s429/two", "2")


@pytest.mark.parametrize("how", ["refusing", "nowhere", "resetting"])
def test_no_answer_at_all_is_503_in_our_words(gateway: Gateway, how: str) -> None:
    answer = ask(gateway, f"{how}-alone")
    assert answer.status_code in (502, 503), answer.text
    assert answer.json()["error"]["code"] in ("no_target_available", "upstream_failed")
    assert answer.headers["x-should-retry"] == "false"


def test_a_plan_is_cut_at_max_attempts(gateway: Gateway, lab: Demo) -> None:
    answer = ask(gateway, "long")
    assert answer.status_code == 408 and answer.headers[names.ATTEMPTS] == "3" and lab.received() == []


def test_a_provider_that_is_asked_for_has_nothing_behind_it(gateway: Gateway, lab: Demo) -> None:
    alone = ask(gateway, "s500-then-good", provider="s500")
    assert alone.status_code == 500 and lab.received() == []


def test_unless_the_caller_allows_it(gateway: Gateway) -> None:
    answer = ask(gateway, "s500-then-good", provider="s500", fallback_enabled=True)
    assert answer.status_code == 200 and answer.headers[names.TARGET] == "lab/m"
    assert answer.headers[names.ATTEMPTS] == "2"


def test_every_attempt_stands_in_the_decision_line(gateway: Gateway) -> None:
    answer = ask(gateway, "walk")
    assert answer.status_code in (200, 500)
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    tried = [each["target"] for each in line["attempts"]]
    assert tried == ["refusing/m", "s500/m"] and line["unreachable"] == ["nowhere/m"]
    assert line["attempts"][0]["status"] == 0 and line["attempts"][1]["status"] == 500


# --- the breaker -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ailing() -> Iterator[Upstream]:
    with scripted(always(broken(500))) as upstream:
        yield upstream


@pytest.fixture
def guarded(ailing: Upstream, demos: dict[str, Demo]) -> Iterator[Gateway]:
    breaker = {"failure_threshold": 5, "timeout": f"{int(BREAKER_TIMEOUT * 1000)}ms", "half_open_requests": PROBES}
    config = {
        "providers": {
            "ailing": {"dialect": "openai", "base_url": f"{ailing.origin}/v1", "circuit_breaker": breaker},
            "lab": demos["lab"].configured(),
        },
        "aliases": {"only": ["ailing/m"], "with-good": ["ailing/m", "lab/m"]},
    }
    with running(config) as gateway:
        yield gateway


def fail(gateway: Gateway, times: int) -> None:
    """One after the other, each known before the next."""
    for _ in range(times):
        answer = ask(gateway, "only")
        assert answer.status_code == 500, answer.text
        gateway.decision(answer.headers[names.REQUEST_ID])


def test_five_failures_shut_a_target_and_a_good_probe_opens_it(guarded: Gateway, ailing: Upstream) -> None:
    """Shut: 503 with Retry-After, at once, and nothing goes upstream. After the timeout one good probe is enough."""
    fail(guarded, 5)
    assert len(ailing.asked) == 5
    began = time.monotonic()
    shut = ask(guarded, "only")
    assert time.monotonic() - began < 0.5
    assert shut.status_code == 503 and shut.json()["error"]["code"] == "no_target_available"
    assert int(shut.headers["retry-after"]) >= 1
    assert len(ailing.asked) == 5, "something reached a target that is shut"
    passed_over = ask(guarded, "with-good")
    assert (passed_over.status_code, passed_over.headers[names.TARGET]) == (200, "lab/m")
    assert passed_over.headers[names.ATTEMPTS] == "1" and len(ailing.asked) == 5
    ailing.script = always(whole(b"{}"))
    time.sleep(BREAKER_TIMEOUT)
    eventually(lambda: ask(guarded, "only").status_code == 200, "a probe", 5)
    assert [ask(guarded, "only").status_code for _ in range(5)] == [200] * 5


def test_a_bad_probe_shuts_it_again(guarded: Gateway, ailing: Upstream) -> None:
    fail(guarded, 5)
    time.sleep(BREAKER_TIMEOUT + 0.3)
    before = len(ailing.asked)
    probe = ask(guarded, "only")
    assert probe.status_code == 500 and len(ailing.asked) == before + 1
    guarded.decision(probe.headers[names.REQUEST_ID])
    assert ask(guarded, "only").status_code == 503 and len(ailing.asked) == before + 1


def test_a_429_takes_a_target_out_for_its_retry_after(guarded: Gateway, ailing: Upstream) -> None:
    ailing.script = always(broken(429))
    first = ask(guarded, "only")
    assert first.status_code == 429
    guarded.decision(first.headers[names.REQUEST_ID])
    second = ask(guarded, "only")
    assert second.status_code == 503 and 1 <= int(second.headers["retry-after"]) <= 9 and len(ailing.asked) == 1
