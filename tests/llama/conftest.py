"""A real llama.cpp server for a file's tests."""

from collections.abc import Iterator

import pytest

from tests.llama.running import Llama, llama_running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    with llama_running(tmp_path_factory.mktemp("llama")) as server:
        yield server


@pytest.fixture(scope="module")
def llama(server: Llama) -> str:
    """Its origin."""
    return server.origin
