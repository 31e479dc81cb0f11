"""Reads recorded answers with the vendor's own SDK, straight from the upstream that serves them.

Law: what the SDK gives is told in the words of `reading`, by the published meaning of each number: a prompt counts what
was cached, a completion counts what was thought.
"""

from typing import Any

from reading import broken, refused, said

HELLO: list[Any] = [{"role": "user", "content": "hello"}]


def read(question: dict[str, Any]) -> dict[str, Any]:
    readers = {
        "anthropic": _anthropic,
        "bedrock": _bedrock,
        "gemini": _gemini,
        "vertex": _gemini,
        "cohere": _cohere,
        "mistral": _mistral,
        "ollama": _ollama,
    }
    return readers[question["dialect"]](question["base_url"], question["model"], question["stream"])


def _anthropic(url: str, model: str, stream: bool) -> dict[str, Any]:
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key="none", max_retries=0)
    asked: Any = {"model": model, "max_tokens": 9, "messages": HELLO}
    try:
        if stream:
            with client.messages.stream(**asked) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**asked)
    except anthropic.APIStatusError as error:
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


def _bedrock(url: str, model: str, stream: bool) -> dict[str, Any]:
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
    text = "".join(block["text"] for block in blocks if "text" in block)
    return _bedrock_said(text, calls, whole["stopReason"], whole["usage"])


def _bedrock_events(events: Any) -> dict[str, Any]:
    text, finish, usage = "", "", {}
    calls: dict[int, list[str]] = {}
    for event in events:
        if start := event.get("contentBlockStart", {}).get("start", {}).get("toolUse"):
            calls[event["contentBlockStart"]["contentBlockIndex"]] = [start["name"], ""]
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        text += delta.get("text", "")
        if "toolUse" in delta:
            calls[event["contentBlockDelta"]["contentBlockIndex"]][1] += delta["toolUse"]["input"]
        finish = event.get("messageStop", {}).get("stopReason", finish)
        usage = event.get("metadata", {}).get("usage", usage)
    return _bedrock_said(text, [(name, text) for name, text in calls.values()], finish, usage)


def _bedrock_said(text: str, calls: list[tuple[str, Any]], finish: str, usage: dict[str, Any]) -> dict[str, Any]:
    cached = usage.get("cacheReadInputTokens")
    return said(
        text,
        calls,
        BEDROCK_FINISHES.get(finish, "stop"),
        prompt=usage["inputTokens"] + (cached or 0) + usage.get("cacheWriteInputTokens", 0) if usage else None,
        completion=usage.get("outputTokens"),
        cached=cached,
    )


GEMINI_FINISHES = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
    "OTHER": "error",
}


def _gemini(url: str, model: str, stream: bool) -> dict[str, Any]:
    from google import genai
    from google.genai import errors

    client = genai.Client(api_key="none", http_options={"base_url": url, "api_version": "v1beta"})
    try:
        if stream:
            answers = list(client.models.generate_content_stream(model=model, contents="hello"))
        else:
            answers = [client.models.generate_content(model=model, contents="hello")]
    except errors.APIError as error:
        return refused(error.code)
    text, calls, finish, usage = "", [], None, None
    for answer in answers:
        usage = answer.usage_metadata or usage
        candidate = answer.candidates[0] if answer.candidates else None
        if candidate is None:
            blocked = answer.prompt_feedback is not None and answer.prompt_feedback.block_reason
            finish = "content_filter" if blocked else finish
            continue
        if candidate.finish_reason is not None:
            finish = GEMINI_FINISHES.get(candidate.finish_reason.value, "content_filter")
        for part in (candidate.content and candidate.content.parts) or []:
            if part.function_call is not None:
                calls.append((part.function_call.name or "", part.function_call.args))
            elif part.text and not part.thought:
                text += part.text
    if usage is None:
        return said(text, calls, finish)
    return said(
        text,
        calls,
        finish,
        prompt=(usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        completion=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        cached=usage.cached_content_token_count,
        reasoning=usage.thoughts_token_count,
    )


COHERE_FINISHES = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR": "error",
    "TIMEOUT": "error",
}


def _cohere(url: str, model: str, stream: bool) -> dict[str, Any]:
    import cohere
    from cohere.core import ApiError

    client = cohere.ClientV2(api_key="none", base_url=url)
    try:
        if stream:
            return _cohere_events(client.chat_stream(model=model, messages=HELLO))
        whole = client.chat(model=model, messages=HELLO, request_options={"max_retries": 0})
    except ApiError as error:
        return refused(error.status_code or 0)
    message = whole.message
    text = "".join(part.text for part in message.content or [] if part.type == "text")
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
    return _cohere_said(text, calls, str(whole.finish_reason), whole.usage, message.tool_plan)


def _cohere_events(events: Any) -> dict[str, Any]:
    text, plan, finish, usage = "", "", "", None
    calls: list[list[str]] = []
    for event in events:
        message = getattr(getattr(event, "delta", None), "message", None)
        if event.type == "content-delta":
            text += (message and message.content and message.content.text) or ""
        elif event.type == "tool-plan-delta":
            plan += message.tool_plan or ""
        elif event.type == "tool-call-start":
            calls.append([message.tool_calls.function.name, message.tool_calls.function.arguments or ""])
        elif event.type == "tool-call-delta":
            calls[-1][1] += message.tool_calls.function.arguments or ""
        elif event.type == "message-end":
            finish, usage = str(event.delta.finish_reason), event.delta.usage
    return _cohere_said(text, [(name, text) for name, text in calls], finish, usage, plan)


def _cohere_said(text: str, calls: list[tuple[str, Any]], finish: str, usage: Any, plan: str | None) -> dict[str, Any]:
    tokens = usage.tokens if usage is not None else None
    return said(
        text,
        calls,
        COHERE_FINISHES.get(finish, "stop"),
        plan=plan,
        prompt=tokens and tokens.input_tokens,
        completion=tokens and tokens.output_tokens,
        cached=getattr(usage, "cached_tokens", None),
    )


def _mistral(url: str, model: str, stream: bool) -> dict[str, Any]:
    from mistralai.client import Mistral
    from mistralai.client.errors import MistralError

    client = Mistral(api_key="none", server_url=url)
    text, calls, finish, usage = "", [], None, None
    try:
        if stream:
            answers = [event.data for event in client.chat.stream(model=model, messages=HELLO)]
            choices = [answer.choices[0] for answer in answers if answer.choices]
            parts = [choice.delta for choice in choices]
        else:
            answers = [client.chat.complete(model=model, messages=HELLO)]
            choices = [answer.choices[0] for answer in answers]
            parts = [choice.message for choice in choices]
    except MistralError as error:
        return refused(error.status_code)
    for part in parts:
        text += _mistral_text(part.content)
        calls += [(call.function.name, call.function.arguments) for call in part.tool_calls or []]
    for answer, choice in zip(answers, choices, strict=False):
        finish = choice.finish_reason or finish
        usage = answer.usage or usage
    finishes = {"model_length": "length"}
    return said(
        text,
        calls,
        finishes.get(str(finish), finish),
        prompt=usage and usage.prompt_tokens,
        completion=usage and usage.completion_tokens,
    )


def _mistral_text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.text for part in content if part.type == "text")
    return content if isinstance(content, str) else ""


def _ollama(url: str, model: str, stream: bool) -> dict[str, Any]:
    import ollama

    client = ollama.Client(host=url)
    try:
        if stream:
            answers: list[Any] = list(client.chat(model=model, messages=HELLO, stream=True))
        else:
            answers = [client.chat(model=model, messages=HELLO)]
    except ollama.ResponseError as error:
        return refused(error.status_code) if error.status_code >= 400 else broken(error)
    calls = [call for answer in answers for call in answer.message.tool_calls or []]
    last = answers[-1]
    return said(
        "".join(answer.message.content or "" for answer in answers),
        [(call.function.name, dict(call.function.arguments)) for call in calls],
        {"length": "length"}.get(str(last.done_reason), "stop"),
        prompt=last.prompt_eval_count,
        completion=last.eval_count,
    )
