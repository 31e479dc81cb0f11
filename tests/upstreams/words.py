"""What is said and heard, whatever the format."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    thought: str = ""
    cut: bool = False  # it ended because the cap was reached
    fresh_tokens: int = 11  # of the prompt, not cached
    cached_tokens: int = 4
    output_tokens: int = 7
    usage_asked: bool = False
    pieces: int = 5  # characters of a piece of a stream

    def text_pieces(self) -> list[str]:
        return cut_up(self.text, self.pieces)


@dataclass(frozen=True, slots=True)
class Heard:
    """A request."""

    text: str  # of the last turn that has one
    tools: tuple[tuple[str, Any], ...] = ()  # names and schemas
    results: tuple[str, ...] = ()  # what tools gave, in the last turn
    schema: Any = None  # that the answer must fit
    forced: str | None = None  # the tool that must be called; "" for any
    streamed: bool = False
    usage_asked: bool = False  # in the one format where a stream tells it only then


def cut_up(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]
