"""POST /v1/completions: the legacy form, one choice for each prompt and each `n`.

Law: the same words and counts as chat, in the older shape.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from extproc.demo.asked import CHARACTERS_PER_TOKEN, Asked, Measure, check_fits, decoded, stops_of
from extproc.demo.chat import StreamOptions, usage_of
from extproc.demo.pace import Paced, streamed, whole
from extproc.demo.reply import DONE, Reply, data_event, encode
from extproc.demo.request import Order
from extproc.demo.wording import Answer, answers_to


class CompletionRequest(msgspec.Struct):
    prompt: str | list[str | int | list[int]] = ""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None


def completions(order: Order) -> Reply:
    request = decoded(order.body, CompletionRequest)
    asked = _asked(request, order)
    answers = answers_to(asked, order.provider)
    usage = usage_of(asked, answers)
    if request.stream:
        with_usage = bool(request.stream_options and request.stream_options.include_usage)
        return streamed(_chunks(order, answers, usage if with_usage else None), order.provider.speed)
    choices = [_choice(number, answer.text, answer.finish) for number, answer in enumerate(answers)]
    body = {**_head(order), "choices": choices, "usage": usage}
    return whole(encode(body), sum(answer.tokens for answer in answers), order.provider.speed)


def _asked(request: CompletionRequest, order: Order) -> Asked:
    measure = Measure()
    prompts = _prompts(request.prompt)
    for prompt in prompts:
        measure.characters += len(prompt) * (1 if isinstance(prompt, str) else CHARACTERS_PER_TOKEN)
    asked = Asked(
        model=order.model,
        messages=len(prompts),
        prompt_tokens=max(1, measure.tokens(messages=0)),
        limit=request.max_tokens,
        stops=stops_of(request.stop),
        choices=(1 if request.n is None else request.n) * len(prompts),
    )
    check_fits(asked, measure)
    return asked


def _prompts(prompt: str | list[str | int | list[int]]) -> list[str | list[int]]:
    """A text, texts, token numbers or lists of token numbers: each form stands for one prompt or several."""
    if isinstance(prompt, str):
        return [prompt]
    numbers = [each for each in prompt if isinstance(each, int)]
    return [each for each in prompt if not isinstance(each, int)] or [numbers]


def _head(order: Order) -> dict[str, Any]:
    return {
        "id": f"cmpl-{order.id}",
        "object": "text_completion",
        "created": order.now,
        "model": order.model.name,
        "system_fingerprint": f"fp_demo_{order.provider.name}",
    }


def _choice(number: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": number, "text": text, "logprobs": None, "finish_reason": finish}


def _chunks(order: Order, answers: tuple[Answer, ...], usage: dict[str, Any] | None) -> Iterator[Paced]:
    head = _head(order) | ({} if usage is None else {"usage": None})
    for number, answer in enumerate(answers):
        for piece in answer.pieces:
            yield 1, data_event({**head, "choices": [_choice(number, piece, None)]})
        yield 0, data_event({**head, "choices": [_choice(number, "", answer.finish)]})
    if usage is not None:
        yield 0, data_event({**head, "choices": [], "usage": usage})
    yield 0, DONE
