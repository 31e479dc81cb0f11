"""What the real API refuses of a message request, so that a wrong translation is seen here and not in production.

Law: a rule names the place and never what stands there; which model may be told what is a rule, too.
"""

import hmac
from collections.abc import Iterator
from typing import Any, Final, Protocol

import msgspec

from extproc.demo.catalog import Model, Provider
from extproc.demo.message_blocks import signature_of
from extproc.demo.reply import Problem

LEAST_BUDGET: Final = 1_024


class Turn(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]]

    def blocks(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """With their places."""
        for place, block in enumerate(self.content if isinstance(self.content, list) else ()):
            if block.get("type") == kind:
                yield place, block

    def holds(self, kind: str) -> bool:
        return any(True for _ in self.blocks(kind))


class Ruled(Protocol):
    """The parts of a request that rules speak of."""

    messages: list[Turn]
    max_tokens: int | None
    stop_sequences: list[str] | None
    temperature: float | None
    thinking: dict[str, Any] | None


def check_rules(request: Ruled, provider: Provider) -> None:
    if request.max_tokens is None:
        raise Problem(400, "max_tokens: Field required")
    if request.max_tokens < 1:
        raise Problem(400, "max_tokens: must be greater than or equal to 1")
    if request.temperature is not None and not 0 <= request.temperature <= 1:
        raise Problem(400, "temperature: must be from 0 to 1")
    if any(not stop.strip() for stop in request.stop_sequences or ()):
        raise Problem(400, "stop_sequences: each stop sequence must contain non-whitespace")
    if not request.messages:
        raise Problem(400, "messages: at least one message is required")
    if request.messages[0].role != "user":
        raise Problem(400, "messages: the first message must use the `user` role")
    for place, turn in enumerate(request.messages):
        _check_turn(place, turn, provider)
    _check_calls_are_answered(request.messages)


def _check_turn(place: int, turn: Turn, provider: Provider) -> None:
    if turn.role not in ("user", "assistant"):
        raise Problem(400, f"messages.{place}.role: must be `user` or `assistant`")
    if not turn.content or any(not block.get("text") for _, block in turn.blocks("text")):
        raise Problem(400, f"messages.{place}: text content must be non-empty")
    for inner, block in turn.blocks("thinking"):
        signed = signature_of(provider, str(block.get("thinking")))
        if not hmac.compare_digest(signed.encode(), str(block.get("signature")).encode("utf-8", "surrogatepass")):
            raise Problem(400, f"messages.{place}.content.{inner}: Invalid `signature` in `thinking` block")


def _check_calls_are_answered(turns: list[Turn]) -> None:
    """Each call by a result in the very next message, and no result without its call."""
    open_calls: set[Any] = set()
    for place, turn in enumerate(turns):
        results = {str(block.get("tool_use_id")) for _, block in turn.blocks("tool_result")}
        if results - open_calls:
            text = "each `tool_result` must have a corresponding `tool_use` in the previous message"
            raise Problem(400, f"messages.{place}: {text}")
        if open_calls - results:
            raise Problem(400, f"messages.{place}: `tool_use` without a `tool_result` immediately after")
        open_calls = {str(block.get("id")) for _, block in turn.blocks("tool_use")}


def check_model_takes(request: Ruled, model: Model) -> None:
    """How it may be told to think. The demo's thinker always does, the others never."""
    told = request.thinking or {}
    match told.get("type"):
        case "disabled" if model.thinks:
            raise Problem(400, f"thinking.type: {model.name} always thinks")
        case "enabled" | "adaptive" if not model.thinks:
            raise Problem(400, f"thinking.type: {model.name} does not think")
        case "enabled":
            budget = told.get("budget_tokens")
            if not isinstance(budget, int) or not LEAST_BUDGET <= budget < (request.max_tokens or 0):
                limits = f"at least {LEAST_BUDGET} and less than `max_tokens`"
                raise Problem(400, f"thinking.budget_tokens: must be {limits}")
