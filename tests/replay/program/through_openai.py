"""Reads answers with OpenAI's SDK: those that come through the gateway, and those of providers of its own shape."""

from typing import Any

import openai
from reading import broken, refused, said

FINISHES = {"function_call": "tool_calls"}


def read(question: dict[str, Any]) -> dict[str, Any]:
    client = openai.OpenAI(
        base_url=question["base_url"],
        api_key="none",
        max_retries=0,
        timeout=60,
        default_headers=question.get("headers") or {},
    )
    ask = {"chat": _chat, "completions": _completions, "embeddings": _embeddings, "responses": _responses}
    try:
        return ask[question["endpoint"]](client, question["model"], dict(question["fields"]), question["stream"])
    except openai.APIStatusError as error:
        return refused(error.status_code)
    except (openai.APIError, ValueError, TypeError, KeyError) as error:
        return broken(error)


def _chat(client: openai.OpenAI, model: str, fields: dict[str, Any], stream: bool) -> dict[str, Any]:
    messages = fields.pop("messages", [])
    if not stream:
        whole = client.chat.completions.create(model=model, messages=messages, extra_body=fields)
        return _completion(whole)
    chunks = list(client.chat.completions.create(model=model, messages=messages, stream=True, extra_body=fields))
    return _of_chunks(chunks)


def _completion(whole: Any) -> dict[str, Any]:
    choice = whole.choices[0] if whole.choices else None
    message = choice.message if choice is not None else None
    calls = [(call.function.name, call.function.arguments) for call in (message and message.tool_calls) or []]
    text = message.content if message is not None else None
    finish = choice.finish_reason if choice is not None else None
    return said(text, calls, FINISHES.get(str(finish), finish), thought=_thought(message), **_usage(whole.usage))


def _thought(message: Any) -> str:
    """In the two spellings that servers have for it."""
    return getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or ""


def _of_chunks(chunks: list[Any]) -> dict[str, Any]:
    text, thought, finish, usage = "", "", None, None
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in [each for each in chunk.choices if each.index == 0]:
            finish = choice.finish_reason or finish
            text += (choice.delta and choice.delta.content) or ""
            thought += (
                getattr(choice.delta, "reasoning_content", None) or getattr(choice.delta, "reasoning", None) or ""
            )
            for call in (choice.delta and choice.delta.tool_calls) or []:
                made = calls.setdefault(call.index, ["", ""])
                made[0] += (call.function and call.function.name) or ""
                made[1] += (call.function and call.function.arguments) or ""
    made_calls = [(name, arguments) for _, (name, arguments) in sorted(calls.items())]
    return said(text, made_calls, FINISHES.get(str(finish), finish), thought=thought, **_usage(usage))


def _usage(usage: Any) -> dict[str, Any]:
    if usage is None:
        return {}
    prompts, completions = usage.prompt_tokens_details, usage.completion_tokens_details
    return {
        "prompt": usage.prompt_tokens,
        "completion": usage.completion_tokens,
        "cached": prompts.cached_tokens if prompts is not None else None,
        "reasoning": completions.reasoning_tokens if completions is not None else None,
    }


def _completions(client: openai.OpenAI, model: str, fields: dict[str, Any], stream: bool) -> dict[str, Any]:
    prompt = fields.pop("prompt", "")
    if stream:
        chunks = client.completions.create(model=model, prompt=prompt, stream=True, extra_body=fields)
        return {"events": [chunk.model_dump(mode="json") for chunk in chunks]}
    return {"whole": client.completions.create(model=model, prompt=prompt, extra_body=fields).model_dump(mode="json")}


def _embeddings(client: openai.OpenAI, model: str, fields: dict[str, Any], _: bool) -> dict[str, Any]:
    text = fields.pop("input", "")
    form = fields.pop("encoding_format", "float")
    whole = client.embeddings.create(model=model, input=text, encoding_format=form, extra_body=fields)
    return {"whole": whole.model_dump(mode="json")}


def _responses(client: openai.OpenAI, model: str, fields: dict[str, Any], stream: bool) -> dict[str, Any]:
    given = fields.pop("input", "")
    if stream:
        events = client.responses.create(model=model, input=given, stream=True, extra_body=fields)
        return {"events": [event.model_dump(mode="json", warnings=False) for event in events]}
    whole = client.responses.create(model=model, input=given, extra_body=fields)
    return {"whole": whole.model_dump(mode="json", warnings=False)}
