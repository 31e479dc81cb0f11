"""An Envoy that is behind or ahead: counted, told once a minute, and shown as long as it lasts."""

import logging
from dataclasses import replace

import pytest

from extproc.app.agreement import MOST, RECENTLY, Agreement
from extproc.exchange.shelf import Shelf
from extproc.observe.metrics import Metrics
from tests.outcome.samples import SNAPSHOT


class Scene:
    def __init__(self, *, in_order: bool) -> None:
        self.now = 100.0
        self.shelf = Shelf(replace(SNAPSHOT, id="old"))
        self.shelf.put(replace(SNAPSHOT, id="new"))
        self.metrics = Metrics()
        self.agreement = Agreement(self.shelf, self.metrics, lambda: self.now, in_order=in_order)

    def counted(self, result: str) -> float:
        value = self.metrics.registry.get_sample_value("extproc_other_configuration_total", {"result": result})
        assert value is not None
        return value


@pytest.fixture
def alone() -> Scene:
    return Scene(in_order=False)


def test_an_envoy_with_our_configuration_is_no_news(alone: Scene, caplog: pytest.LogCaptureFixture) -> None:
    alone.agreement.met("new", served=True)
    assert (alone.counted("served"), caplog.records) == (0, [])
    assert alone.agreement.document() == {"hashes": ["new"], "error": None}


def test_another_one_is_counted_each_time_and_told_once_a_minute(
    alone: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for later in (0.0, 1.0, RECENTLY - 1):
        alone.now = 100.0 + later
        alone.agreement.met("old", served=True)
    alone.agreement.met("old", served=False)
    assert (alone.counted("served"), alone.counted("refused")) == (3, 1)
    sentence = "Envoy works with configuration 'old', the processor with new: render it again"
    assert [record.getMessage() for record in caplog.records] == [sentence]
    assert alone.agreement.document() == {"hashes": ["old"], "error": sentence}
    alone.now = 100.0 + RECENTLY
    alone.agreement.met("old", served=True)
    assert len(caplog.records) == 2
    alone.now += RECENTLY + 1
    assert alone.agreement.document() == {"hashes": [], "error": None}


def test_in_step_with_us_the_one_before_is_ours_too_and_a_stranger_is_not() -> None:
    scene = Scene(in_order=True)
    scene.agreement.met("old", served=True)
    assert scene.counted("served") == 0
    scene.agreement.met("strange", served=True)
    assert scene.counted("served") == 1


def test_whoever_makes_up_configurations_fills_no_memory(alone: Scene) -> None:
    for number in range(10 * MOST):
        alone.agreement.met(f"{number}" + "x" * 1000, served=False)
    told = alone.agreement.document()
    assert len(told["hashes"]) == MOST and len(told["error"]) < MOST * 200
