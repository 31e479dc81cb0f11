"""Reads answers of Cohere's chat, Mistral's and Ollama's."""

from typing import Any

from reading import broken, refused, said

HELLO: list[Any] = [{"role": "user", "content": "hello"}]


COHERE_FINISHES = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR": "error",
    "TIMEOUT": "error",
}


def cohere(url: str, model: str, stream: bool) -> dict[str, Any]:
    import cohere as sdk
    from cohere.core import ApiError

    client = sdk.ClientV2(api_key="none", base_url=url)
    try:
        if stream:
            return _cohere_events(client.chat_stream(model=model, messages=HELLO))
        whole = client.chat(model=model, messages=HELLO, request_options={"max_retries": 0})
    except ApiError as error:
        return refused(error.status_code or 0)
    message = whole.message
    text = "".join(part.text for part in message.content or [] if part.type == "text")
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
    thought = "".join(part.thinking for part in message.content or [] if part.type == "thinking")
    return _cohere_said(text, calls, str(whole.finish_reason), whole.usage, message.tool_plan, thought)


def _cohere_events(events: Any) -> dict[str, Any]:
    text, plan, thought, finish, usage = "", "", "", "", None
    calls: list[list[str]] = []
    for event in events:
        message = getattr(getattr(event, "delta", None), "message", None)
        if event.type == "content-delta":
            text += message.content.text or ""
            thought += message.content.thinking or ""
        elif event.type == "tool-plan-delta":
            plan += message.tool_plan or ""
        elif event.type == "tool-call-start":
            calls.append([message.tool_calls.function.name, message.tool_calls.function.arguments or ""])
        elif event.type == "tool-call-delta":
            calls[-1][1] += message.tool_calls.function.arguments or ""
        elif event.type == "message-end":
            finish, usage = str(event.delta.finish_reason), event.delta.usage
    return _cohere_said(text, [(name, text) for name, text in calls], finish, usage, plan, thought)


def _cohere_said(
    text: str, calls: list[tuple[str, Any]], finish: str, usage: Any, plan: str | None, thought: str
) -> dict[str, Any]:
    tokens = usage.tokens if usage is not None else None
    return said(
        text,
        calls,
        COHERE_FINISHES.get(finish, "stop"),
        plan=plan,
        thought=thought,
        prompt=tokens and tokens.input_tokens,
        completion=tokens and tokens.output_tokens,
        cached=getattr(usage, "cached_tokens", None),
    )


def mistral(url: str, model: str, stream: bool) -> dict[str, Any]:
    from mistralai.client import Mistral
    from mistralai.client.errors import MistralError

    client = Mistral(api_key="none", server_url=url)
    text, thought, calls, finish, usage = "", "", [], None, None
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
        thought += _mistral_thought(part.content)
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
        thought=thought,
    )


def _mistral_text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.text for part in content if part.type == "text")
    return content if isinstance(content, str) else ""


def _mistral_thought(content: Any) -> str:
    thoughts = [part.thinking for part in content if part.type == "thinking"] if isinstance(content, list) else []
    return "".join(piece.text for pieces in thoughts for piece in pieces if piece.type == "text")


def ollama(url: str, model: str, stream: bool) -> dict[str, Any]:
    import ollama as sdk

    client = sdk.Client(host=url)
    try:
        if stream:
            answers: list[Any] = list(client.chat(model=model, messages=HELLO, stream=True))
        else:
            answers = [client.chat(model=model, messages=HELLO)]
    except sdk.ResponseError as error:
        return refused(error.status_code) if error.status_code >= 400 else broken(error)
    calls = [call for answer in answers for call in answer.message.tool_calls or []]
    last = answers[-1]
    return said(
        "".join(answer.message.content or "" for answer in answers),
        [(call.function.name, dict(call.function.arguments)) for call in calls],
        {"length": "length"}.get(str(last.done_reason), "stop"),
        prompt=last.prompt_eval_count,
        completion=last.eval_count,
        thought="".join(answer.message.thinking or "" for answer in answers),
    )
