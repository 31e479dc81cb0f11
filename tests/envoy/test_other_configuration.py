"""An Envoy with another configuration than the processor has: served as far as it can be, and told of."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from extproc import names
from tests.envoy.beside import CALLER, Beside, Processor, beside, load, write
from tests.envoy.demo import Demo
from tests.envoy.gateway import free_port
from tests.envoy.processes import eventually

QUICK = ("--linger", "100ms", "--drain", "2s")


def config(*providers: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {name: settings for one in providers for name, settings in one.items()}
    return {"providers": made, "callers": [{"name": "ci", "key": CALLER}], **more}


def openai(demo: Demo) -> dict[str, Any]:
    return {demo.name: demo.configured(models=["m", demo.name])}


@pytest.fixture
def here(lab: Demo, other: Demo) -> Iterator[Beside]:
    with beside(config(openai(lab))) as made:
        yield made


def rendered(here: Beside, for_envoy: dict[str, Any]) -> Processor:
    """Both with the same configuration."""
    here.edit(for_envoy)
    address = f"127.0.0.1:{free_port()}"
    processor = here.processor("--listen", address, *QUICK).until()
    here.render(for_envoy, (address,))
    here.envoy()
    here.until_answered()
    return processor


def edited(here: Beside, processor: Processor, config: dict[str, Any]) -> None:
    before = processor.readyz()["config"]["hash"]
    here.edit(config)
    eventually(lambda: processor.readyz()["config"]["hash"] != before, "the edit", 20)


def test_what_an_operator_writes_holds_although_envoy_is_not_rendered_again(here: Beside, lab: Demo) -> None:
    processor = rendered(here, config(openai(lab)))
    edited(here, processor, config(openai(lab), aliases={"nick": ["lab/m"]}))
    assert here.ask("nick").status_code == 200
    edited(here, processor, {**config(openai(lab)), "callers": [{"name": "ci", "key": "another-key"}]})
    assert here.ask().status_code == 401


def test_no_plan_names_what_this_envoy_was_not_given(here: Beside, lab: Demo, other: Demo) -> None:
    processor = rendered(here, config(openai(lab)))
    # other goes first now, and Envoy does not have it
    edited(here, processor, config(openai(other), openai(lab)))
    answer = here.ask("m")
    assert (answer.status_code, answer.headers[names.TARGET]) == (200, "lab/m")
    answer = here.ask("other")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "snapshot_lost")
    assert "another configuration" in answer.json()["error"]["message"]
    told = processor.readyz()
    assert told["code"] == 200 and "render it again" in told["envoys"]["error"]
    assert processor.metric("extproc_other_configuration_total", 'result="served"') >= 2
    assert "render it again" in processor.err.text()


def test_a_provider_that_moved_gets_nothing_at_its_old_address(here: Beside, lab: Demo, other: Demo) -> None:
    processor = rendered(here, config(openai(lab)))
    moved = {"lab": {**other.configured(models=["m", "lab"])}}
    lab.clear()
    edited(here, processor, config(moved))
    answer = here.ask("m")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "snapshot_lost")
    assert lab.received() == [] and other.received() == []


def test_an_answer_that_this_envoy_does_not_show_is_not_asked_for_in_another_dialect(here: Beside, lab: Demo) -> None:
    """Its route was made when nobody on it needed a translation; the answer would pass as it is."""
    foreign = {"claude": {"dialect": "anthropic", "base_url": "http://127.0.0.1:1", "models": ["c"]}}
    routes = [
        {"name": "chat", "match": {"path": "/v1/chat/*"}, "providers": ["lab"]},
        {"name": "rest", "match": {"path": "/v1/*"}},
    ]
    whole = config(openai(lab), foreign, routes=routes)
    processor = rendered(here, whole)
    wider = [{**routes[0], "providers": ["lab", "claude"]}, routes[1]]
    edited(here, processor, config(openai(lab), foreign, routes=wider))
    answer = here.ask("claude/c")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "snapshot_lost")
    assert here.ask("m").status_code == 200


def test_a_route_that_is_gone_is_refused(here: Beside, lab: Demo) -> None:
    routes = [{"name": "chat", "match": {"path": "/v1/chat/*"}}, {"name": "rest", "match": {"path": "/v1/*"}}]
    processor = rendered(here, config(openai(lab), routes=routes))
    edited(here, processor, config(openai(lab), routes=routes[1:]))
    answer = here.ask()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "snapshot_lost")
    assert "no route chat" in answer.json()["error"]["message"]
    assert processor.metric("extproc_other_configuration_total", 'result="refused"') >= 1


def test_two_processors_of_which_one_has_not_seen_the_edit_yet_fail_nothing(
    here: Beside, lab: Demo, other: Demo
) -> None:
    """A mounted file reaches them a minute apart: what one decides, the other may be asked to carry out."""
    wide = config(openai(other), openai(lab))
    here.edit(wide)
    late_file = here.directory / "late.yaml"
    write(late_file, config(openai(lab)))
    addresses = tuple(f"127.0.0.1:{free_port()}" for _ in range(2))
    here.processor("--listen", addresses[0], *QUICK).until()
    late = Processor(here.directory, late_file, "--listen", addresses[1], *QUICK)
    here.processors.append(late.until())
    here.render(wide, addresses)
    here.envoy()
    here.until_answered()
    with load(here.url) as under:
        time.sleep(3)
    assert under.failed == {} and under.answers["200"] > 30
    assert other.received() and lab.received()
    assert late.decided() > 0
