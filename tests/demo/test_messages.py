"""The provider of Anthropic's dialect, without a socket: what it says in both forms, and what it refuses."""

import json
from typing import Any

import pytest

from extproc.demo.catalog import SAGE, Model, Provider
from extproc.demo.desk import answered
from extproc.demo.faults import FAULT_MODELS
from extproc.demo.reply import Offence, Plain, Reply, Streamed
from extproc.demo.request import Request

LAB = Provider("lab", dialect="anthropic", models=(Model("thinker", thinks=True, endpoints=frozenset({"messages"})),))
ANY = Provider("lab", dialect="anthropic", models=LAB.models, any_model=True)
USER: list[dict[str, Any]] = [{"role": "user", "content": "A secret sentence of the prompt"}]
TOOL = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
VERSION = "2023-06-01"


def ask(provider: Provider = ANY, path: str = "/v1/messages", method: str = "POST", **more: Any) -> Reply:
    body = json.dumps({"model": "any", "messages": USER, "max_tokens": 500, **more}).encode()
    return answered(provider, Request(method, path, body, api_key=provider.key, version=VERSION), 1, 1_700_000_000)


def whole(**more: Any) -> dict[str, Any]:
    reply = ask(**more)
    assert isinstance(reply, Plain)
    found: dict[str, Any] = json.loads(reply.body)
    assert reply.status == 200, found
    return found


def error(**more: Any) -> tuple[int, str, str]:
    reply = ask(**more)
    assert isinstance(reply, Plain)
    said = json.loads(reply.body)
    assert said["type"] == "error" and said["request_id"] == "req_lab_1"
    return reply.status, said["error"]["type"], said["error"]["message"]


def events(**more: Any) -> list[dict[str, Any]]:
    reply = ask(stream=True, **more)
    assert isinstance(reply, Streamed)
    told = []
    for event in b"".join(step.data for step in reply.steps).decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


def put_together(told: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that the events tell."""
    message: dict[str, Any] = told[0]["message"]
    for event in told:
        match event["type"]:
            case "content_block_start":
                assert event["index"] == len(message["content"])
                message["content"].append({**event["content_block"], "input": ""})
            case "content_block_delta":
                _add(message["content"][event["index"]], event["delta"])
            case "content_block_stop":
                block = message["content"][event["index"]]
                said = block.pop("input")
                if block["type"] == "tool_use":
                    block["input"] = json.loads(said)
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
    return message


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    field = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(delta["type"])
    if field is None:
        block["input"] += delta["partial_json"]
    else:
        block[field] += delta[field]


FORMS: list[dict[str, Any]] = [
    {},
    {"max_tokens": 4},
    {"stop_sequences": ["million", "answering"]},
    {"tools": [TOOL]},
    {"model": "thinker"},
    {"model": "thinker", "tools": [TOOL]},
    {"model": "thinker", "max_tokens": 5},
    {"system": [{"type": "text", "text": "Be brief."}], "temperature": 0.5},
]


@pytest.mark.parametrize("more", FORMS)
def test_a_stream_put_together_is_the_whole_message(more: dict[str, Any]) -> None:
    told = events(**more)
    assert put_together(told) == whole(**more)
    assert [event["type"] for event in told[:3]] == ["message_start", "content_block_start", "ping"]
    assert [event["type"] for event in told[-2:]] == ["message_delta", "message_stop"]


def test_says_who_answered_and_what_arrived_but_not_the_prompt() -> None:
    said = whole()
    text = said["content"][0]["text"]
    assert "from lab, answering as any" in text and "1 message of" in text and "secret" not in text
    assert said["usage"]["cache_read_input_tokens"] == said["usage"]["cache_creation_input_tokens"] == 0
    longer = whole(system="x" * 400)
    assert longer["usage"]["input_tokens"] == said["usage"]["input_tokens"] + 100


def test_why_it_stopped() -> None:
    def ending(**more: Any) -> tuple[str, str | None]:
        said = whole(**more)
        return said["stop_reason"], said["stop_sequence"]

    assert ending() == ("end_turn", None)
    assert ending(max_tokens=4) == ("max_tokens", None)
    assert ending(stop_sequences=["million", "answering"]) == ("stop_sequence", "answering")
    assert ending(stop_sequences=["million"], max_tokens=4) == ("max_tokens", None)
    assert ending(tools=[TOOL]) == ("tool_use", None)
    assert whole(max_tokens=4)["usage"]["output_tokens"] == 4


def test_a_tool_is_called_once_and_its_result_is_answered_with_text() -> None:
    called = whole(tools=[TOOL])
    use = called["content"][0]
    assert (use["type"], use["name"], use["input"]) == ("tool_use", "weather", {"city": "lab"})
    turns = [*USER, {"role": "assistant", "content": called["content"]}, _result(use["id"])]
    assert whole(tools=[TOOL], messages=turns)["content"][0]["type"] == "text"
    assert whole(tools=[TOOL], tool_choice={"type": "none"})["stop_reason"] == "end_turn"
    other = {**TOOL, "name": "other"}
    named = whole(tools=[other, TOOL], tool_choice={"type": "tool", "name": "weather"})
    assert named["content"][0]["name"] == "weather"
    assert whole(tools=[TOOL], messages=turns, tool_choice={"type": "any"})["stop_reason"] == "tool_use"


def _result(call_id: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": "sunny"}]}


def test_an_answer_fits_the_schema_that_was_asked_for() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 5}}}
    said = whole(output_config={"format": {"type": "json_schema", "schema": schema}})
    assert json.loads(said["content"][0]["text"]) == {"n": 5}


def test_a_thought_is_signed_and_taken_back_unchanged_only() -> None:
    called = whole(model="thinker", tools=[TOOL])
    thought, use = called["content"]
    assert thought["type"] == "thinking" and thought["thinking"] and thought["signature"]

    def back(thinking: dict[str, Any]) -> dict[str, Any]:
        turn = {"role": "assistant", "content": [thinking, use]}
        return {"model": "thinker", "tools": [TOOL], "messages": [*USER, turn, _result(use["id"])]}

    assert [block["type"] for block in whole(**back(thought))["content"]] == ["thinking", "text"]
    changed = error(**back({**thought, "thinking": "something else"}))
    assert changed == (400, "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block")


def test_a_thought_uses_up_the_limit() -> None:
    said = whole(model="thinker", max_tokens=5)
    assert [block["type"] for block in said["content"]] == ["thinking"]
    assert said["stop_reason"] == "max_tokens" and said["usage"]["output_tokens"] == 5


CALLED = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}]}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens: must be"),
        ({"temperature": 1.5}, "temperature: must be"),
        ({"stop_sequences": [" "]}, "stop_sequences: "),
        ({"messages": []}, "messages: at least one"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages: the first"),
        ({"messages": [*USER, {"role": "system", "content": "x"}]}, "messages.1.role: must be"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "messages.0: text content"),
        ({"messages": [*USER, _result("toolu_1")]}, "messages.1: each `tool_result`"),
        ({"messages": [*USER, CALLED, *USER]}, "messages.2: `tool_use` without"),
        ({"frequency_penalty": 1}, "Invalid request: Object contains unknown field `frequency_penalty`"),
        ({"thinking": {"type": "adaptive"}}, "thinking.type: any does not think"),
        ({"model": "thinker", "thinking": {"type": "disabled"}}, "thinking.type: thinker always thinks"),
        ({"model": "thinker", "thinking": {"type": "enabled", "budget_tokens": 100}}, "thinking.budget_tokens: "),
        ({"model": ""}, "You must provide a model"),
        ({"messages": [{"role": "user", "content": "x" * 600_000}]}, "prompt is too long: 150004 tokens > 128000"),
    ],
)
def test_refuses_what_the_real_api_refuses(more: dict[str, Any], said: str) -> None:
    status, kind, message = error(**more)
    assert (status, kind) == (400, "invalid_request_error")
    assert message.startswith(said)


def test_what_is_not_there() -> None:
    assert error(provider=LAB, model="nope") == (404, "not_found_error", "model: nope")
    assert error(path="/v1/chat/completions")[:2] == (404, "not_found_error")
    assert error(method="GET")[:2] == (405, "invalid_request_error")


def test_the_key_and_the_version() -> None:
    def status(**headers: str) -> tuple[int, str]:
        reply = answered(SAGE, Request("GET", "/v1/models", **headers), 0, 0)
        assert isinstance(reply, Plain) and b"secret" not in reply.body
        return reply.status, json.loads(reply.body).get("error", {}).get("type", "")

    assert status(api_key="demo-sage", version=VERSION) == (200, "")
    assert status(authorization="Bearer demo-sage", version=VERSION) == (200, "")
    assert status(api_key="demo-sage") == (400, "invalid_request_error")
    assert status(version=VERSION) == (401, "authentication_error")
    assert status(api_key="secret", version=VERSION) == (401, "authentication_error")
    assert status(api_key="secret", authorization="Bearer demo-sage", version=VERSION)[0] == 401


def test_lists_its_models() -> None:
    reply = ask(provider=SAGE, path="/v1/models", method="GET")
    assert isinstance(reply, Plain)
    listed = json.loads(reply.body)
    assert [model["id"] for model in listed["data"]] == ["demo-chat", "demo-thinker"]
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == ("demo-chat", "demo-thinker", False)
    one = ask(provider=SAGE, path="/v1/models/demo-chat", method="GET")
    assert isinstance(one, Plain) and json.loads(one.body) == listed["data"][0]


def test_faults_are_told_in_its_own_words() -> None:
    assert error(model="fault-500")[:2] == (500, "api_error")
    assert error(model="fault-429")[:2] == (429, "rate_limit_error")
    assert error(model="fault-401")[:2] == (401, "authentication_error")
    late = events(model="fault-late-error-event")
    assert late[0]["type"] == "message_start" and late[-1]["type"] == "error"
    assert late[-1]["error"]["type"] == "api_error"
    broken = ask(model="fault-error-event")
    assert isinstance(broken, Plain) and json.loads(broken.body)["type"] == "error"
    assert ask(model="fault-reset") is Offence.RESET
    assert all(_status(ask(model=model)) != 404 for model in FAULT_MODELS)


def _status(reply: Reply) -> int:
    return reply.status if isinstance(reply, Plain) else 0


def test_a_flaky_one_fails_in_its_own_words() -> None:
    flaky = Provider("lab", dialect="anthropic", any_model=True, fails_every=1)
    assert error(provider=flaky)[:2] == (500, "api_error")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null", b'{"model":"m","messages":[{}]}'])
def test_every_body_gets_a_reply_in_its_own_words(body: bytes) -> None:
    reply = answered(ANY, Request("POST", "/v1/messages", body, api_key=ANY.key, version=VERSION), 1, 0)
    assert isinstance(reply, Plain) and reply.status == 400
    assert json.loads(reply.body)["error"]["type"] == "invalid_request_error"
