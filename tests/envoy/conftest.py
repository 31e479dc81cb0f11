"""Fixtures of the tests that run a real Envoy: three recording upstreams that live as long as the tests do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.envoy.demo import Demo, demo
from tests.envoy.upstream import Upstream


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.envoy)


@pytest.fixture(scope="session")
def _demos() -> Iterator[dict[str, Demo]]:
    with demo("lab") as lab, demo("other") as other, demo("third") as third:
        yield {"lab": lab, "other": other, "third": third}


@pytest.fixture
def lab(_demos: dict[str, Demo]) -> Demo:
    _demos["lab"].clear()
    return _demos["lab"]


@pytest.fixture
def other(_demos: dict[str, Demo]) -> Demo:
    _demos["other"].clear()
    return _demos["other"]


@pytest.fixture
def third(_demos: dict[str, Demo]) -> Demo:
    _demos["third"].clear()
    return _demos["third"]


@pytest.fixture(scope="session")
def demos(_demos: dict[str, Demo]) -> dict[str, Demo]:
    """By name; a gateway of a whole module is configured from these."""
    return _demos


@pytest.fixture
def quiet(upstream: Upstream) -> Upstream:
    """The module's own upstream, with nothing kept of what came before."""
    upstream.asked.clear()
    upstream.garbled.clear()
    return upstream
