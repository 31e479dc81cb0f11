"""The product where a conversation does not go as usual: strange beginnings, early answers, resets, reloads, bugs."""

import asyncio
import json
import logging

import pytest

from extproc import names
from extproc.wire.pb.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from extproc.wire.structs import read_struct
from tests.conversations import messages as say
from tests.conversations.peers import PATIENCE, End
from tests.conversations.product import ATTEMPT, ID, ROUTER, Product, metadata_of, set_headers
from tests.conversations.test_product import BODY, CLEAN, GO_ON, PASS_BODY, decided
from tests.exchange.scene import PROVIDERS, ROUTES, snapshot

EMPTY = {
    kind: ProcessingResponse(**{kind: {}}).SerializeToString()
    for kind in ("response_headers", "response_body", "response_trailers", "request_trailers")
}
BOTH = pytest.mark.parametrize("filter_metadata", [ROUTER, ATTEMPT], ids=["router", "attempt"])
ATTENDED = ("BUFFERED", "NONE")
SSE = ((":status", b"200"), ("content-type", b"text/event-stream"))


@pytest.fixture
async def product(peer, directory):
    made = Product()
    await peer.serve(made.open_stream, directory)
    return made


@BOTH
async def test_an_answer_of_an_earlier_filter_passes_and_nothing_is_decided(filter_metadata, product, peer):
    line = peer.open(filter_metadata)
    denied = ((":status", b"401"), ("content-type", b"text/plain"))
    assert await line.say(say.headers("response", denied, modes=ATTENDED)) == EMPTY["response_headers"]
    assert await line.say(say.body("response", b"no", end=False)) == EMPTY["response_body"]
    assert await line.say(say.trailers("response")) == EMPTY["response_trailers"]
    assert product.decisions() == 0


async def test_a_router_that_is_sent_no_headers_lets_the_body_pass_without_a_plan(product, peer):
    """Without a plan Envoy has no cluster to send it to."""
    line = peer.open(ROUTER)
    assert await line.say(say.body("request", BODY, modes=ATTENDED)) == PASS_BODY
    assert product.decisions() == 0


async def test_an_attempt_that_is_sent_no_headers_is_refused(product, peer):
    line = peer.open(ATTEMPT)
    answer = say.read(await line.say(say.body("request", BODY, modes=ATTENDED))).immediate_response
    assert (answer.status.code, answer.details) == (500, "extproc_internal_error")
    assert await line.hear() == CLEAN


async def test_a_buffered_body_in_front_of_trailers_is_whole_although_it_is_not_the_end(product, peer):
    """Envoy sends it once, without end_of_stream, because the trailers are the end."""
    line = peer.open(ROUTER)
    await line.say(product.hello())
    reply = say.read(await line.say(say.body("request", BODY, end=False)))
    assert metadata_of(reply)[names.META]["targets"] == ["alpha/m", "beta/m"]
    line = peer.open(ATTEMPT)
    assert await line.say(product.attempt(metadata_of(reply))) == GO_ON
    common = say.read(await line.say(say.body("request", BODY, end=False))).request_body.response
    assert json.loads(common.body_mutation.body)["model"] == "m"


async def test_trailers_of_a_request_that_stays_are_answered_by_trailers(product, peer):
    line = peer.open(ROUTER)
    await line.say(product.hello("attended"))
    assert say.kind(await line.say(say.body("request", BODY))) == "request_body"
    assert await line.say(say.trailers("request")) == EMPTY["request_trailers"]
    await line.say(say.headers("response", SSE, attributes={names.ATTR_ATTEMPT: 1}))
    await line.say(say.body("response", b"data: 1\n\n", end=False))
    assert await line.say(say.trailers("response")) == EMPTY["response_trailers"]
    assert await line.hear() == CLEAN


@BOTH
async def test_under_observability_nothing_is_said_and_nothing_decided(filter_metadata, product, peer):
    line = peer.open(filter_metadata)
    await line.tell(product.hello(observability=True))
    await line.tell(say.body("request", BODY, observability=True))
    await peer.open(ROUTER).say(product.hello(endpoint="models", pairs=say.GET, end=True))  # the server had its turn
    await line.reset()
    assert await line.hear() == End(clean=False)
    assert product.decisions() == 0


@pytest.mark.parametrize("cut", range(0, 130, 9))
async def test_an_attended_stream_hides_its_usage_wherever_it_is_cut_and_asks_for_modes_only_once(cut, product, peer):
    delta, end = b'data: {"choices":[{}]}\r\n\r\n', b"data: [DONE]\r\n\r\n"
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\r\n\r\n'
    whole = delta + usage + end
    line = peer.open(ROUTER)
    replies = [await line.say(product.hello("exact"))]
    replies.append(await line.say(say.body("request", b'{"model":"m","stream":true}')))
    replies.append(await line.say(say.headers("response", SSE, attributes={names.ATTR_ATTEMPT: 1})))
    said = b""
    for part, last in ((whole[:cut], False), (whole[cut:], True)):
        replies.append(await line.say(say.body("response", part, end=last)))
        response = say.read(replies[-1]).response_body.response
        changed = response.HasField("body_mutation")
        said += response.body_mutation.body if changed else part
    assert said == delta + end
    assert await line.hear() == CLEAN
    with_modes = [say.kind(reply) for reply in replies if say.read(reply).HasField("mode_override")]
    assert with_modes == ["response_headers"]
    assert read_struct(say.read(replies[-1]).dynamic_metadata)[names.META_USAGE]["counted"]["input"] == 3


async def test_an_attended_answer_is_told_what_it_cost_before_it_leaves(product, peer):
    line = peer.open(ROUTER)
    await line.say(product.hello("attended"))
    await line.say(say.body("request", b'{"model":"m"}'))
    answer = b'{"usage":{"prompt_tokens":1000,"completion_tokens":500}}'
    pairs = (*say.OK, ("content-length", str(len(answer)).encode()))
    reply = say.read(await line.say(say.headers("response", pairs, attributes={names.ATTR_ATTEMPT: 1})))
    assert reply.mode_override.response_body_mode == 2
    reply = say.read(await line.say(say.body("response", answer)))
    assert set_headers(reply.response_body.response.header_mutation) == {"x-extproc-cost": b"0.002"}
    assert await line.hear() == CLEAN


async def test_an_answer_that_comes_before_the_body_has_ended_passes_undecided(product, peer):
    line = peer.open(ROUTER)
    await line.say(product.hello())
    assert await line.say(say.headers("response", ((":status", b"413"),))) == EMPTY["response_headers"]
    assert await line.hear() == CLEAN
    assert product.decisions() == 0


async def test_an_upgrade_to_a_service_passes_at_its_headers(product, peer):
    upgrade = ((":method", "GET"), (":path", "/billing/ws"), ("connection", "upgrade"), ("upgrade", "websocket"))
    line = peer.open(ROUTER)
    reply = say.read(await line.say(product.hello("bills", "service", pairs=upgrade, modes=("NONE", "NONE"))))
    assert reply.WhichOneof("response") == "request_headers"
    assert await line.hear() == CLEAN


async def test_a_connect_that_no_route_knows_is_refused(product, peer):
    line = peer.open(ROUTER)
    connect = ((":method", "CONNECT"), (":authority", "db:5432"))
    answer = say.read(await line.say(product.hello("main", "unknown", pairs=connect))).immediate_response
    assert answer.status.code == 404


@BOTH
@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\xa2\x06\x02\x08\x01", id="a part of a newer protocol"),
        pytest.param(ProcessingRequest().SerializeToString(), id="no part at all"),
        pytest.param(b"\xff\xff\xff", id="no message"),
    ],
)
async def test_what_is_not_understood_ends_the_stream_with_an_error(message, filter_metadata, product, peer):
    assert await peer.open(filter_metadata).say(message) == End(clean=False)
    assert product.metric("extproc_bugs_total") == 0


@BOTH
async def test_a_reset_in_the_middle_leaves_nothing_behind(filter_metadata, product, peer, caplog):
    metadata = metadata_of(await decided(product, peer))
    line = peer.open(filter_metadata)
    hello = product.hello() if filter_metadata is ROUTER else product.attempt(metadata)
    assert await line.say(hello) == GO_ON
    gauge = {"filter": filter_metadata[names.FILTER_METADATA]}
    assert product.metric("extproc_streams_open", **gauge) == 1
    await line.reset()

    async def until_closed() -> None:
        while product.metric("extproc_streams_open", **gauge):
            await asyncio.sleep(0)

    await asyncio.wait_for(until_closed(), PATIENCE)
    assert caplog.records == []
    assert product.decisions() == 1


async def test_a_stream_that_began_before_a_reload_is_decided_by_what_it_began_with(product, peer):
    old, new = peer.open(ROUTER), peer.open(ROUTER)
    await old.say(product.hello())
    product.swap(snapshot(PROVIDERS.replace("9001", "9991"), ROUTES))
    reply = metadata_of(say.read(await old.say(say.body("request", BODY))))
    assert reply[names.META]["snapshot"] == product.first.id
    await new.say(product.hello())  # Envoy still routes by the old table
    again = metadata_of(say.read(await new.say(say.body("request", BODY))))
    assert again[names.META]["snapshot"] == product.first.id
    told = say.read(await peer.open(ATTEMPT).say(product.attempt({**reply, **with_nothing_to_change(reply)})))
    assert set_headers(told.request_headers.response.header_mutation)[":authority"] == b"127.0.0.1:9001"


def with_nothing_to_change(metadata):
    """The same decision about a body that may pass as it is."""
    return {names.META_PRIVATE: {**metadata[names.META_PRIVATE], "body_model": "m", "own_fields": []}}


async def test_a_bug_in_a_decision_is_a_500_with_the_id_that_its_log_line_has(product, peer, caplog):
    def broken() -> float:
        raise LookupError("of a rule")

    product.set(draw=broken)
    with caplog.at_level(logging.ERROR, "extproc"):
        reply = await decided(product, peer, b'{"model": "m", "messages": [{"content": "a secret prompt"}]}')
    answer = reply.immediate_response
    assert (answer.status.code, answer.details) == (500, "extproc_internal_error")
    error = json.loads(answer.body)["error"]
    assert error["code"] == "internal_error"
    assert ID in error["message"]
    assert set_headers(answer.headers)["x-extproc-request-id"] == ID.encode()
    assert set_headers(answer.headers)["x-should-retry"] == b"false"
    assert product.metric("extproc_bugs_total") == 1
    (record,) = caplog.records
    assert ID in record.getMessage()
    assert "a secret prompt" not in caplog.text + answer.body.decode()
