"""What the product itself says to Envoy, message by message, whatever the transport."""

import json
from typing import Any

import pytest

from extproc import names
from extproc.wire.pb.core_pb2 import HeaderMap, HeaderValue, HeaderValueOption
from extproc.wire.pb.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from extproc.wire.structs import write_struct
from tests.conversations import messages as say
from tests.conversations.peers import End
from tests.conversations.product import ATTEMPT, ID, ROUTER, Product, metadata_of, set_headers

CLEAN = End(clean=True)
BODY = json.dumps({"model": "smart", "messages": [], "team": "Zürich €"}, ensure_ascii=False).encode()
GO_ON = ProcessingResponse(request_headers={}).SerializeToString()
PASS_BODY = ProcessingResponse(request_body={}).SerializeToString()


@pytest.fixture
async def product(peer, directory):
    made = Product()
    await peer.serve(made.open_stream, directory)
    return made


async def decided(product, peer, body: bytes = BODY, **hello: Any) -> ProcessingResponse:
    line = peer.open(ROUTER)
    assert await line.say(product.hello(**hello)) == GO_ON
    reply = say.read(await line.say(say.body("request", body)))
    assert await line.hear() == CLEAN
    return reply


# --- what is asked and answered --------------------------------------------------------------------------------------


async def test_a_get_is_answered_by_its_first_message_and_the_stream_ends(product, peer):
    line = peer.open(ROUTER)
    reply = say.read(await line.say(product.hello(endpoint="models", pairs=say.GET, end=True)))
    answer = reply.immediate_response
    assert (answer.status.code, answer.details) == (200, "extproc_models")
    assert set_headers(answer.headers) == {"content-type": b"application/json", "x-extproc-request-id": b"id-1"}
    assert [model["id"] for model in json.loads(answer.body)["data"]][:2] == ["smart", "mine"]
    assert await line.hear() == CLEAN


async def test_headers_and_a_buffered_body_get_two_replies_and_the_second_is_exactly_the_plan(product, peer):
    reply = await decided(product, peer)
    expected = ProcessingResponse()
    common = expected.request_body.response
    for name, value in (("x-envoy-max-retries", b"1"), ("x-envoy-upstream-rq-per-try-timeout-ms", b"600000")):
        common.header_mutation.set_headers.append(
            HeaderValueOption(
                header=HeaderValue(key=name, raw_value=value),
                append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
            )
        )
    common.clear_route_cache = True
    providers = product.first.providers
    decision = {
        "id": ID, "snapshot": product.first.id, "route": "main", "endpoint": "chat", "dialect": "openai",
        "model": "smart", "strategy": metadata_of(reply)["extproc"]["strategy"],
        "targets": ["alpha/m", "beta/m"], "reason": metadata_of(reply)["extproc"]["reason"],
        "stream": False, "input_estimate": 3, "labels": {"team": "Zürich €"}, "tell_losses": True,
    }  # fmt: skip
    private = {
        "path": "/v1/chat/completions", "method": "POST", "content_type": "application/json", "body_model": "smart",
        "own_fields": ["team"], "ask_usage": False, "first_byte": 600, "body_bytes": len(BODY),
    }  # fmt: skip
    groups = [
        {"name": str(place), "clusters": [{"cluster_name": providers[name].cluster, "weight": 1}]}
        for place, name in enumerate(("alpha", "beta"))
    ]
    spaces = {"extproc": decision, "extproc.private": private, "extproc.plan": {"priority_groups": groups}}
    write_struct(expected.dynamic_metadata, spaces)
    assert reply == expected
    assert product.decisions() == 1


async def test_an_attempt_at_a_target_that_takes_the_body_as_it_is_ends_with_its_headers(product, peer):
    body = b'{"model":"m"}'
    metadata = metadata_of(await decided(product, peer, body))
    line = peer.open(ATTEMPT)
    reply = say.read(await line.say(product.attempt(metadata)))
    told = set_headers(reply.request_headers.response.header_mutation)
    assert (told[":path"], told[":authority"]) == (b"/v1/chat/completions", b"127.0.0.1:9001")
    assert told["content-length"] == str(len(body)).encode()
    assert await line.hear() == CLEAN


async def test_a_changed_body_comes_with_exactly_its_length(product, peer):
    metadata = metadata_of(await decided(product, peer))
    line = peer.open(ATTEMPT)
    sent = (*say.CHAT, ("content-length", str(len(BODY)).encode()))
    assert await line.say(product.attempt(metadata, 2, pairs=sent)) == GO_ON
    common = say.read(await line.say(say.body("request", BODY))).request_body.response
    assert json.loads(common.body_mutation.body) == {"model": "big-m", "messages": []}
    told = set_headers(common.header_mutation)
    assert told["content-length"] == str(len(common.body_mutation.body)).encode()
    assert await line.hear() == CLEAN


async def test_an_uploads_length_is_nobodys_to_set(product, peer):
    upload = (
        (":method", "POST"),
        (":path", "/v1/audio/transcriptions"),
        ("content-type", "multipart/form-data; boundary=x"),
    )
    line = peer.open(ROUTER)
    reply = say.read(await line.say(product.hello(endpoint="audio", pairs=(*upload, ("x-extproc-model", "listen")))))
    assert await line.hear() == CLEAN
    line = peer.open(ATTEMPT)
    reply = say.read(await line.say(product.attempt(metadata_of(reply), pairs=(*upload, ("content-length", "9")))))
    mutation = reply.request_headers.response.header_mutation
    assert "content-length" not in set_headers(mutation)
    assert "content-length" not in mutation.remove_headers


async def test_the_route_is_chosen_anew_only_where_there_is_a_plan(product, peer):
    plan = await decided(product, peer)
    assert plan.request_body.response.clear_route_cache
    service = say.read(await peer.open(ROUTER).say(product.hello("bills", "service", pairs=say.GET, end=True)))
    assert service.WhichOneof("response") == "request_headers"
    assert not service.request_headers.response.clear_route_cache
    assert metadata_of(service).keys() == {"extproc"}


# --- what cannot be read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b'{"model": "m', 400, "invalid_json", id="JSON that stops"),
        pytest.param(b'{"model": "\xff"}', 400, "invalid_request", id="bytes that are no UTF-8"),
        pytest.param(b"", 400, "invalid_json", id="nothing"),
        pytest.param(b'{"model": 5}', 400, "invalid_request", id="a model that is a number"),
        pytest.param(b'{"model": "none"}', 404, "model_not_found", id="a model that nothing serves"),
    ],
)
async def test_a_body_that_cannot_be_served_is_refused_in_json_with_the_id(body, status, code, product, peer):
    reply = await decided(product, peer, body)
    answer = reply.immediate_response
    assert (answer.status.code, answer.details) == (status, f"extproc_{code}")
    told = set_headers(answer.headers)
    assert told == {"content-type": b"application/json", "x-extproc-request-id": b"id-1"}
    assert json.loads(answer.body)["error"]["code"] == code
    assert metadata_of(reply)["extproc"] == {
        "id": ID, "refusal": code, "snapshot": product.first.id, "route": "main", "endpoint": "chat",
    }  # fmt: skip


async def test_a_body_without_a_model_goes_to_the_first_that_can_serve_it(product, peer):
    reply = await decided(product, peer, b'{"messages": []}')
    assert metadata_of(reply)["extproc"]["targets"] == ["alpha/m", "beta/m"]


async def test_a_body_that_is_streamed_to_us_is_refused_since_its_headers_have_left(product, peer):
    """Somebody's Envoy is set up otherwise than ours: better an error than a request without a plan."""
    line = peer.open(ROUTER)
    await line.say(product.hello(modes=("STREAMED", "NONE")))
    model, character = BODY.index(b"smart") + 2, BODY.index(b"\xc3") + 1
    assert await line.say(say.body("request", BODY[:model], end=False)) == PASS_BODY
    assert await line.say(say.body("request", BODY[model:character], end=False)) == PASS_BODY
    answer = say.read(await line.say(say.body("request", BODY[character:]))).immediate_response
    assert (answer.status.code, json.loads(answer.body)["error"]["code"]) == (500, "internal_error")
    assert await line.hear() == CLEAN


# --- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", [("raw_value",), ("value",), ("raw_value", "value")])
async def test_headers_are_read_in_every_spelling_of_their_values(spelling, product, peer):
    def line_of(name: str, value: str) -> HeaderValue:
        fields: dict[str, Any] = {"raw_value": value.encode(), "value": value}
        return HeaderValue(key=name, **{field: fields[field] for field in spelling})

    message = ProcessingRequest.FromString(product.hello())
    pairs = ((":method", "POST"), (":path", "/v1/chat/completions"), ("x-extproc-team", "red"))
    message.request_headers.headers.CopyFrom(HeaderMap(headers=[line_of(*pair) for pair in pairs]))
    line = peer.open(ROUTER)
    await line.say(message.SerializeToString())
    reply = say.read(await line.say(say.body("request", BODY)))
    assert metadata_of(reply)["extproc"]["labels"] == {"team": "red"}
    assert list(reply.request_body.response.header_mutation.remove_headers) == ["x-extproc-team"]


async def test_bytes_that_are_no_utf_8_are_left_to_the_header_that_has_them(product, peer):
    odd = (*say.CHAT, ("user-agent", b"\xff\xfe"), ("x-extproc-project", b"caf\xe9"))
    reply = await decided(product, peer, b'{"model":"m"}', pairs=odd)
    assert metadata_of(reply)["extproc"]["labels"] == {"project": "café"}
    line = peer.open(ATTEMPT)
    mutation = say.read(await line.say(product.attempt(metadata_of(reply), pairs=odd))).request_headers.response
    assert "user-agent" not in set_headers(mutation.header_mutation)
    assert list(mutation.header_mutation.remove_headers) == ["x-extproc-project"]


async def test_lines_of_one_name_are_removed_together_and_the_first_counts(product, peer):
    twice = (*say.CHAT, ("x-extproc-team", "red"), ("x-extproc-team", "blue"), ("cookie", "a"), ("cookie", "b"))
    reply = await decided(product, peer, pairs=twice)
    assert metadata_of(reply)["extproc"]["labels"]["team"] == "red"
    assert list(reply.request_body.response.header_mutation.remove_headers) == ["x-extproc-team", "cookie"]


async def test_headers_that_steer_the_gateway_are_never_taken_from_a_caller(product, peer):
    spoofed = (
        *say.CHAT,
        ("x-envoy-max-retries", "99"),
        ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
        ("x-extproc-ctl-retry", "1"),
        ("x-extproc-target", "beta/m"),
    )
    reply = await decided(product, peer, pairs=spoofed)
    mutation = reply.request_body.response.header_mutation
    assert set_headers(mutation)["x-envoy-max-retries"] == b"1"
    assert {option.append_action for option in mutation.set_headers} == {HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD}
    assert list(mutation.remove_headers) == ["x-extproc-ctl-retry", "x-extproc-target"]
    line = peer.open(ATTEMPT)
    await line.say(product.attempt(metadata_of(reply), pairs=spoofed))
    common = say.read(await line.say(say.body("request", BODY))).request_body.response
    removed = {name for name, _ in spoofed if name.startswith("x-")}
    assert set(common.header_mutation.remove_headers) == removed


@pytest.mark.parametrize("name", [names.META, names.META_PRIVATE, names.META_PLAN])
async def test_metadata_stands_in_our_namespaces_as_structs(name, product, peer):
    fields = (await decided(product, peer)).dynamic_metadata.fields
    assert set(fields) == {names.META, names.META_PRIVATE, names.META_PLAN}
    assert fields[name].WhichOneof("kind") == "struct_value"
