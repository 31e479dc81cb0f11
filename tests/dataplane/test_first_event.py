"""A stream is held until its first event."""

import json

import pytest

from extproc import names
from tests.dataplane.envoy import eventually
from tests.dataplane.world import BAD, GOOD, World, stream

pytestmark = pytest.mark.envoy


def test_failover_on_the_first_event(world: World) -> None:
    """An error event first leads to the next target, and the caller sees nothing of it."""
    stream(BAD, '{"error":{"message":"overloaded"}}', "[DONE]")
    good = stream(GOOD, *[json.dumps({"n": n}) for n in range(300)])
    answer = world.chat("bad+held,good+held")
    assert (answer.status, answer.body) == (200, good)
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("good+held/m", "2")
    assert [name for name in answer.headers if name.startswith(names.CTL_PREFIX)] == []


def test_the_last_error_event_goes_to_the_caller(world: World) -> None:
    """With no target left the stream passes as it is."""
    bad = stream(BAD, '{"error":{"message":"overloaded"}}', "[DONE]")
    answer = world.chat("bad+held")
    assert (answer.status, answer.body) == (200, bad)
    assert names.CTL_RETRY not in answer.headers


def test_an_answer_is_held_longer_than_a_message(world: World) -> None:
    """Seconds may pass between an answer's headers and its first event."""
    GOOD.first_pause = 6.0
    good = stream(GOOD, '{"n":1}')
    assert world.chat("good+held").body == good


def test_a_twin_is_told_by_its_own_name(world: World) -> None:
    """The attempt and its record name the cluster with its suffix; printed is the provider's name."""
    stream(GOOD, '{"n":1}')
    world.chat("good+held")
    (attempt,) = world.attempts(1)
    assert attempt.common_properties.upstream_cluster == GOOD.asked[0][2]["x-cluster"] == "good-0a1b2c3d.held"
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
        assert world.chat("good+held").body == GOOD.body


def test_large_requests_pass_the_twin(world: World) -> None:
    """Its small pieces are of answers only."""
    stream(BAD, '{"error":{"message":"overloaded"}}')
    body = b'{"x":"' + b"x" * (12 << 20) + b'"}'
    assert world.chat("bad+held,good+held", body).headers[names.TARGET] == "good+held/m"
    assert (BAD.asked[0][3], GOOD.asked[0][3]) == (body, body)
