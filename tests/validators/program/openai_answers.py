"""What callers of the OpenAI dialect are given: whole answers and single chunks, as the SDK's models have them.

Law: nothing the models do not know, and nothing of the wrong kind; a caller's own additions that are documented are
named here.
"""

from collections.abc import Iterator
from typing import Any

from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel, ValidationError

# Beyond the SDK's models, and read by everybody: what a provider thought, what a tool call must carry back to it,
# pictures, and sound in a stream.
KNOWN_ADDITIONS = frozenset(
    {"reasoning_content", "reasoning", "reasoning_details", "extra_content", "native_finish_reason", "images", "audio"}
)
STRICT_ERROR = {"message", "type", "param", "code"}


def completion_problems(body: Any) -> Iterator[str]:
    yield from _problems(ChatCompletion, body)
    for choice in body.get("choices", []) if isinstance(body, dict) else []:
        if isinstance(choice, dict):
            yield from _choice(choice)


def chunk_problems(body: Any) -> Iterator[str]:
    yield from _problems(ChatCompletionChunk, body)


def embeddings_problems(body: Any) -> Iterator[str]:
    yield from _problems(CreateEmbeddingResponse, body)


def error_problems(body: Any) -> Iterator[str]:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        yield "error: missing"
        return
    if not error.keys() >= STRICT_ERROR:
        yield f"error: lacks {sorted(STRICT_ERROR - error.keys())}"
    for name in ("message", "type"):
        if not isinstance(error.get(name), str) or not error[name]:
            yield f"error.{name}: no text"


def _problems(model: type[BaseModel], body: Any) -> Iterator[str]:
    try:
        read = model.model_validate(body, strict=True)
    except ValidationError as error:
        yield from (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return
    yield from _unknown(read, "")


def _unknown(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            if name not in KNOWN_ADDITIONS:
                yield f"{where}.{name}: no such field"
        for name in type(value).model_fields:
            yield from _unknown(getattr(value, name, None), f"{where}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unknown(each, f"{where}[{index}]")


def _choice(choice: dict[str, Any]) -> Iterator[str]:
    message = choice.get("message")
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    if calls == []:
        yield "message.tool_calls: empty; leave it out"
    if calls and choice.get("finish_reason") == "stop":
        yield "finish_reason: `stop` although tools are called"
