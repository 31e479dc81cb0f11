"""Exchanges and attempts of a configuration that is not ours: the current one holds, as far as this Envoy has it."""

from dataclasses import replace

import pytest

from extproc import names
from extproc.exchange.attempt import AttemptExchange
from extproc.exchange.matched import find_route
from extproc.facts.given import Given
from extproc.protocol.elsewhere import AskAnother
from extproc.refusal import Reason, Refusal
from tests.exchange.attempts import attempt, planned
from tests.exchange.scene import Scene, snapshot


class Alone:
    """No supervisor tells Envoy of our configuration."""

    in_order = False

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []
        self.sent: set[str] = set()

    def met(self, snapshot_id: str, *, served: bool) -> None:
        self.seen.append((snapshot_id, served))

    def send_away(self, attempt: str) -> bool:
        fresh = attempt not in self.sent
        self.sent.add(attempt)
        return fresh


@pytest.fixture
def scene() -> Scene:
    made = Scene(replace(snapshot(), id="old"), replace(snapshot(), id="new"))
    made.desk = replace(made.desk, agreement=Alone())
    return made


def route_of(scene: Scene) -> str:
    return next(route.name for route in scene.current.routes if route.kind == "llm")


def test_alone_the_current_configuration_holds_though_the_old_one_is_known(scene: Scene) -> None:
    given = Given(frozenset(), True)
    found = find_route(names.route_key("old", route_of(scene), "chat"), scene.desk, given)
    assert not isinstance(found, Refusal)
    assert (found.snapshot.id, found.given) == ("new", given)
    assert scene.desk.agreement.seen == [("old", True)]


def test_an_envoy_that_agrees_has_all_that_we_name(scene: Scene) -> None:
    found = find_route(names.route_key("new", route_of(scene), "chat"), scene.desk, Given(frozenset(), False))
    assert not isinstance(found, Refusal) and found.given is None


@pytest.mark.parametrize("endpoint", ["chat", "service"])
def test_a_route_that_is_gone_or_of_another_kind_is_refused(scene: Scene, endpoint: str) -> None:
    name = "gone" if endpoint == "chat" else route_of(scene)
    found = find_route(names.route_key("old", name, endpoint), scene.desk)
    assert isinstance(found, Refusal) and found.reason is Reason.SNAPSHOT_LOST
    assert scene.desk.agreement.seen == [("old", False)]


async def test_an_attempt_that_we_know_nothing_of_is_sent_to_another_processor_once(scene: Scene) -> None:
    strange = attempt(scene, await planned(Scene(), {"model": "smart", "messages": []}), cluster="elsewhere-1")
    with pytest.raises(AskAnother):
        await AttemptExchange(scene.desk).on(strange)
    turn = await AttemptExchange(scene.desk).on(strange)
    assert turn.reply.status == 503
