"""Reads answers of Anthropic's Messages and of Bedrock's Converse."""

from typing import Any

from reading import broken, refused, said

HELLO: list[Any] = [{"role": "user", "content": "hello"}]


def anthropic(url: str, model: str, stream: bool) -> dict[str, Any]:
    import anthropic as sdk

    client = sdk.Anthropic(base_url=url, api_key="none", max_retries=0)
    asked: Any = {"model": model, "max_tokens": 9, "messages": HELLO}
    try:
        if stream:
            with client.messages.stream(**asked) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**asked)
    except sdk.APIStatusError as error:
        return refused(error.status_code) if error.status_code >= 400 else broken(error)
    usage = message.usage
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = getattr(usage, "output_tokens_details", None)
    finishes = {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "pause_turn": "stop",
        "tool_use": "tool_calls",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "compaction": "length",
        "refusal": "content_filter",
    }
    return said(
        "".join(block.text for block in message.content if block.type == "text"),
        [(block.name, block.input) for block in message.content if block.type == "tool_use"],
        finishes.get(str(message.stop_reason), "stop"),
        prompt=usage.input_tokens + cached + written,
        completion=usage.output_tokens,
        cached=usage.cache_read_input_tokens,
        reasoning=getattr(details, "thinking_tokens", None),
        thought="".join(block.thinking for block in message.content if block.type == "thinking"),
    )


BEDROCK_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}


def bedrock(url: str, model: str, stream: bool) -> dict[str, Any]:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
        config=Config(retries={"total_max_attempts": 1}),
    )
    asked: Any = {"modelId": model, "messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    try:
        if stream:
            return _bedrock_events(client.converse_stream(**asked)["stream"])
        whole = client.converse(**asked)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return refused(status) if status and status >= 400 else broken(error)
    blocks = whole["output"]["message"]["content"]
    calls = [(block["toolUse"]["name"], block["toolUse"]["input"]) for block in blocks if "toolUse" in block]
    cited = [part for block in blocks for part in [block, *block.get("citationsContent", {}).get("content", [])]]
    text = "".join(part["text"] for part in cited if "text" in part)
    thoughts = [block["reasoningContent"].get("reasoningText", {}) for block in blocks if "reasoningContent" in block]
    thought = "".join(each.get("text", "") for each in thoughts)
    return _bedrock_said(text, calls, whole["stopReason"], whole["usage"], thought)


def _bedrock_events(events: Any) -> dict[str, Any]:
    text, thought, finish, usage = "", "", "", {}
    calls: dict[int, list[str]] = {}
    for event in events:
        if start := event.get("contentBlockStart", {}).get("start", {}).get("toolUse"):
            calls[event["contentBlockStart"]["contentBlockIndex"]] = [start["name"], ""]
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        text += delta.get("text", "")
        thought += delta.get("reasoningContent", {}).get("text", "")
        if "toolUse" in delta:
            calls[event["contentBlockDelta"]["contentBlockIndex"]][1] += delta["toolUse"]["input"]
        finish = event.get("messageStop", {}).get("stopReason", finish)
        usage = event.get("metadata", {}).get("usage", usage)
    return _bedrock_said(text, [(name, text) for name, text in calls.values()], finish, usage, thought)


def _bedrock_said(
    text: str, calls: list[tuple[str, Any]], finish: str, usage: dict[str, Any], thought: str
) -> dict[str, Any]:
    cached = usage.get("cacheReadInputTokens")
    return said(
        text,
        calls,
        BEDROCK_FINISHES.get(finish, "stop"),
        prompt=usage["inputTokens"] + (cached or 0) + usage.get("cacheWriteInputTokens", 0) if usage else None,
        completion=usage.get("outputTokens"),
        cached=cached,
        thought=thought,
    )
