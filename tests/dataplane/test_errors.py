"""An upstream's errors are shown to the processor, each once, and nothing else is."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from extproc import names
from tests.dataplane.envoy import eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, snapshot
from tests.dataplane.upstream import Upstream, answering
from tests.dataplane.world import BAD, CHAT, GOOD, World, stream

pytestmark = pytest.mark.envoy
ERROR = b'{"error":{"message":"theirs"}}'


def shown(world: World) -> int:
    return world.processor.opened.count(names.FILTER_ERRORS)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
def test_an_error_is_shown_once_and_passes_untouched(world: World, status: int) -> None:
    GOOD.status, GOOD.body = status, ERROR
    answer = world.chat("good")
    assert (answer.status, answer.body) == (status, ERROR)
    assert world.processor.errors == [(str(status), ERROR)]
    assert world.processor.opened == [names.FILTER_ROUTER, names.FILTER_ATTEMPT, names.FILTER_ERRORS]
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("good/m", "1")


@pytest.mark.parametrize("status", [401, 429, 500])
def test_an_error_is_replaced(world: World, status: int) -> None:
    """And says who gave it, though the answer filter does not see it."""
    BAD.status = GOOD.status = status
    GOOD.body = b"secret of the provider"
    world.processor.maps = 502
    answer = world.chat("good")
    assert (answer.status, answer.body) == (502, b'{"error":{"code":"mapped"}}')
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("good/m", "1")
    assert (answer.headers[names.REQUEST_ID], answer.headers[names.SHOULD_RETRY]) == (world.id, "false")
    assert world.exchange().response.response_code_details == "extproc_upstream_auth"


def test_behind_a_retry_it_is_replaced_too(world: World) -> None:
    """Envoy's flag for «no retry left» does not make another answer of it."""
    BAD.status = GOOD.status = 500
    world.processor.maps = 502
    answer = world.chat("bad,good")
    assert (answer.status, answer.code, answer.headers[names.ATTEMPTS]) == (502, "mapped", "2")
    assert answer.headers[names.TARGET] == "good/m"
    assert shown(world) == 1


def test_an_error_without_a_body(world: World) -> None:
    GOOD.status, GOOD.body = 401, b""
    world.processor.maps = 502
    assert world.chat("good").code == "mapped"
    assert world.processor.errors == [("401", b"")]


def test_an_error_in_chunks_comes_whole(world: World) -> None:
    GOOD.status, GOOD.chunks = 500, (b"a" * 1000,) * 30
    assert world.chat("good").body == b"a" * 30_000
    assert world.processor.errors == [("500", b"a" * 30_000)]


@pytest.mark.parametrize("chunked", [False, True])
def test_an_endless_error_is_let_go(world: World, chunked: bool) -> None:
    """Above what Envoy holds, its beginning is shown and it passes whole."""
    GOOD.status, piece = 500, b"x" * (1 << 20)
    if chunked:
        GOOD.chunks = (piece,) * 40
    else:
        GOOD.body = piece * 40
    assert len(world.chat("good").body) == 40 << 20
    ((_, beginning),) = world.processor.errors
    assert beginning is not None and (32 << 20) < len(beginning) <= (40 << 20)


def test_nothing_of_a_good_answer_is_shown(world: World) -> None:
    """Small, large and streamed: two streams of ours in all, both over with the request."""
    assert world.chat("good").status == 200
    GOOD.chunks = (b"x" * 65536,) * 160
    assert len(world.chat("good").body) == 10 << 20
    sent = stream(GOOD, *[json.dumps({"n": n}) for n in range(100)])
    assert world.chat("good").body == sent
    BAD.status = 500  # nor of an error that nobody got
    assert world.chat("bad,good").status == 200
    assert (shown(world), world.processor.errors) == (0, [])


def test_nor_of_what_envoy_and_we_say(world: World) -> None:
    world.processor.maps = 418
    BAD.hang = 1.0
    asked = [world.chat(""), world.chat("shut"), world.chat("unheard-of"), world.chat("bad", x_first_byte="100")]
    asked += [world.chat("good", b"x" * (33 << 20)), world.envoy.ask("GET", "/v1/unheard-of")]
    world.processor.refuses = 429
    asked.append(world.chat("good"))
    assert [answer.status for answer in asked] == [503, 503, 503, 504, 413, 503, 429]
    assert shown(world) == 0


def test_nor_of_a_services(world: World) -> None:
    GOOD.status, GOOD.body = 503, b"closed"
    world.processor.maps = 418
    answer = world.envoy.ask("GET", "/shop/a")
    assert (answer.status, answer.body, shown(world)) == (503, b"closed", 0)


def test_nor_of_an_attended_exchange(world: World) -> None:
    """There a stream of ours reads errors already."""
    world.processor.decision = {names.M_ATTENDED: True}
    world.processor.maps = 418
    GOOD.status = 401
    assert world.chat("good").status == 401
    assert shown(world) == 0


def test_without_a_processor_no_error_passes() -> None:
    """The provider's no to our own key does not reach the caller; the gateway says in JSON that it is down."""
    upstream = Upstream(status=401, body=b"secret of the provider", hang=1.0)
    with answering(upstream), running(snapshot(provider("good", upstream.endpoint), llm())) as envoy:
        processor, asking = Processor(), {"x-plan": "good", "content-type": "application/json"}
        with ThreadPoolExecutor(1) as pool:
            with serving(processor, envoy.place):
                asked = pool.submit(envoy.ask, "POST", CHAT, asking, b"{}")
                eventually(lambda: upstream.asked)
            answer = asked.result()
    assert (answer.status, answer.code) == (503, "processor_unavailable")
    assert b"secret" not in answer.body
    assert answer.headers[names.REQUEST_ID] == processor.id
