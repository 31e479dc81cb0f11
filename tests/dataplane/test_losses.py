"""What a target could not be told is said of the attempt that answered, and of no other."""

import pytest

from extproc import names
from tests.dataplane.world import BAD, GOOD, World, decision

pytestmark = pytest.mark.envoy


@pytest.mark.parametrize(
    ("bad", "good", "header"),
    [
        (["seed"], ["tools", "logit_bias"], "tools, logit_bias"),
        (["seed", "stop"], [], None),
        ([], ["seed"], "seed"),
        ([], [], None),
    ],
)
def test_the_winning_attempts_losses_are_told(
    world: World, bad: list[str], good: list[str], header: str | None
) -> None:
    BAD.status = 500
    world.processor.losses = {"bad": bad, "good": good}
    world.processor.decision = {names.M_TELL_LOSSES: True}
    answer = world.chat("bad,good")
    assert (answer.status, answer.headers.get(names.LOSSES)) == (200, header)
    assert decision(world.exchange()).get(names.M_LOSSES) == good


def test_without_being_asked_nothing_is_told(world: World) -> None:
    world.processor.losses = {"good": ["seed"]}
    assert names.LOSSES not in world.chat("good").headers
    assert decision(world.exchange())[names.M_LOSSES] == ["seed"]


def test_they_are_printable(world: World) -> None:
    world.processor.losses = {"good": ["se\r\ned: é"]}
    world.processor.decision = {names.M_TELL_LOSSES: True}
    assert world.chat("good").headers[names.LOSSES] == "se??ed: ??"


def test_an_upstream_does_not_tell_them(world: World) -> None:
    GOOD.headers = {names.LOSSES: "forged"}
    assert names.LOSSES not in world.chat("good").headers
