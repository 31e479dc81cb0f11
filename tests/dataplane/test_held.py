"""An error's answer is held in the twin of a cluster until its body is there."""

import pytest

from extproc import names
from tests.dataplane.world import BAD, GOOD, World

pytestmark = pytest.mark.envoy
ERROR = b'{"error":{"code":"context_length_exceeded"}}'


@pytest.mark.parametrize("chunks", [None, (ERROR,)])
@pytest.mark.parametrize("status", [400, 401, 404])
def test_an_error_leads_to_the_next_target(world: World, status: int, chunks: tuple[bytes, ...] | None) -> None:
    """Which no status of Envoy's policy would; the caller sees nothing of it."""
    BAD.status, BAD.body, BAD.chunks = status, ERROR, chunks
    answer = world.chat("bad+held,good")
    assert (answer.status, answer.body) == (200, b"{}")
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("good/m", "2")
    assert [name for name in answer.headers if name.startswith(names.CTL_PREFIX)] == []
    assert world.processor.errors == []


def test_it_walks_the_whole_plan(world: World) -> None:
    BAD.status, BAD.body = 400, ERROR
    GOOD.status, GOOD.body = 400, b'{"error":"of the last"}'
    answer = world.chat("bad+held,bad+held,good")
    assert (answer.status, answer.body) == (400, GOOD.body)
    assert (answer.headers[names.ATTEMPTS], len(BAD.asked)) == ("3", 2)
    assert world.processor.errors == [("400", GOOD.body)]  # the only one that a caller was to get


def test_with_no_target_left_the_error_itself_goes_to_the_caller(world: World) -> None:
    """Though it was marked for the next."""
    BAD.status, BAD.body = 400, ERROR
    answer = world.chat("bad+held")
    assert (answer.status, answer.body) == (400, ERROR)
    assert names.CTL_RETRY not in answer.headers
    assert world.processor.errors == [("400", ERROR)]


@pytest.mark.parametrize("size", [2, 100_000, 1_100_000, 8 << 20])
def test_one_that_is_let_go_is_whole(world: World, size: int) -> None:
    BAD.status, BAD.body = 400, b"x" * size
    for _ in range(3):
        answer = world.chat("bad+held,good")
        assert (answer.status, answer.body) == (400, BAD.body)
    assert GOOD.asked == []


def test_one_without_a_body_is_not_waited_for(world: World) -> None:
    BAD.status, BAD.body = 404, b""
    assert world.chat("bad+held,good").status == 404
