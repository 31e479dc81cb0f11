"""Reads one JSON question a line, writes one JSON list of problems a line; ends with its input.

Law: a validator that raises is a problem of the body, said as one, and never the end of this program.
"""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import anthropic_requests
import bedrock_requests
import gemini_requests
import openai_answers
import openai_streams
import other_requests
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from strict_types import problems


def openai_request(body: Any) -> Iterator[str]:
    streamed = isinstance(body, dict) and body.get("stream") is True
    yield from problems(body, CompletionCreateParamsStreaming if streamed else CompletionCreateParamsNonStreaming)


OF_BODIES: dict[str, Callable[[Any], Iterator[str]]] = {
    "openai": openai_request,
    "anthropic": anthropic_requests.request_problems,
    "bedrock": bedrock_requests.request_problems,
    "gemini": lambda body: gemini_requests.request_problems(body, on_vertex=False),
    "vertex": lambda body: gemini_requests.request_problems(body, on_vertex=True),
    "cohere": other_requests.cohere_problems,
    "mistral": other_requests.mistral_problems,
    "ollama": other_requests.ollama_problems,
    "chat.completion": openai_answers.completion_problems,
    "chat.completion.chunk": openai_answers.chunk_problems,
    "embeddings": openai_answers.embeddings_problems,
    "error": openai_answers.error_problems,
}


def found(question: dict[str, Any]) -> list[str]:
    try:
        if "stream" in question:
            body = base64.b64decode(question["stream"])
            return list(openai_streams.stream_problems(body, question["usage_asked"], question["may_fail"]))
        return list(OF_BODIES[question["dialect"]](question["body"]))
    except Exception as error:
        return [f"the validator could not read it: {type(error).__name__}: {error}"]


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever an SDK prints is no answer
    for line in sys.stdin:
        answers.write(json.dumps(found(json.loads(line))) + "\n")
        answers.flush()


main()
