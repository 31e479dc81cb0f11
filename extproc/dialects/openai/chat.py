"""A chat request in the OpenAI dialect, as frozen values: what translation pairs work on.

Law: it holds everything that the caller asked for, in the caller's order; nothing is decided here. Roles are reduced to
four: `developer` is system, `function` is tool. Old `functions` stand as tools.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CacheHint:
    """«Everything up to here may be cached»: `cache_control` of a part, a message or a tool."""

    ttl: str | None = None  # 5m, 1h


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    cache: CacheHint | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """By its bytes (`media_type` and base64 `data`) or by its `url`."""

    url: str | None = None
    media_type: str = ""
    data: str = ""
    detail: str | None = None
    cache: CacheHint | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    data: str
    format: str  # wav, mp3, …


@dataclass(frozen=True, slots=True)
class File:
    """By its bytes, by its `url`, or by an `id` that only the provider knows."""

    name: str | None = None
    media_type: str = ""
    data: str = ""
    url: str | None = None
    id: str | None = None
    cache: CacheHint | None = None


Part = Text | Image | Audio | File


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: str  # JSON text, as the caller sent it: it may be empty or broken
    signature: str | None = None  # Gemini's thought signature: `extra_content.google.thought_signature`


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning that an earlier answer carried and the caller sent back: one of `reasoning_details`."""

    text: str = ""
    signature: str | None = None
    hidden: str | None = None  # encrypted or redacted, to be sent back as it is
    origin: str | None = None  # `format`: whose signature it is


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `place` is its index, for errors."""

    role: Role
    place: int
    parts: tuple[Part, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None  # role tool: which call this answers
    name: str | None = None
    thoughts: tuple[Thought, ...] = ()
    cache: CacheHint | None = None

    @property
    def text(self) -> str:
        """All of its text; other parts left out."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str | None = None
    parameters: Schema | None = None
    strict: bool | None = None
    cache: CacheHint | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """`tool_choice`. `names`: one function, or those of `allowed_tools`."""

    kind: Literal["auto", "none", "required"]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    kind: Literal["text", "json_object", "json_schema"]
    name: str = "answer"
    schema: Schema | None = None
    strict: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: Choice | None = None  # None: not said
    parallel_tool_calls: bool | None = None
    format: AnswerFormat | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    n: int = 1
    logprobs: bool = False
    top_logprobs: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    reasoning_effort: str | None = None  # none, minimal, low, medium, high, xhigh, max
    thinking_budget: int | None = None  # of `thinking: {budget_tokens}` or `reasoning: {max_tokens}`
    user: str | None = None
    asked: frozenset[str] = field(default_factory=frozenset)  # see features.asked_for
