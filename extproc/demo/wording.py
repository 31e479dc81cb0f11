"""What a demo provider says: who it is, as which model, and how much it received.

Law: the same request gets the same words, in one piece or streamed, and no word of the prompt.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from extproc.demo.asked import Asked, Tool
from extproc.demo.catalog import Provider
from extproc.demo.reply import encode
from extproc.demo.schema_sample import sample

Finish = Literal["stop", "length", "tool_calls"]
_TOKEN: Final = re.compile(r"\s*\S{1,5}|\s+")


@dataclass(frozen=True, slots=True)
class Call:
    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice. `pieces` are its tokens, of the text or of the call's arguments."""

    pieces: tuple[str, ...]
    finish: Finish
    call: Call | None = None
    stop: str | None = None  # which of the asked stops ended the text

    @property
    def text(self) -> str:
        return "" if self.call else "".join(self.pieces)

    @property
    def tokens(self) -> int:
        return len(self.pieces)


def pieces_of(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))


def answers_to(asked: Asked, provider: Provider) -> tuple[Answer, ...]:
    """As many answers as choices are wanted."""
    return tuple(_answer(asked, provider, number) for number in range(1, asked.choices + 1))


def _answer(asked: Asked, provider: Provider, number: int) -> Answer:
    tool = _tool_to_call(asked)
    if tool:
        arguments = encode(_arguments(tool, provider)).decode()
        return Answer(pieces_of(arguments), "tool_calls", Call(tool.name, arguments))
    return _bounded(_text(asked, provider, number), asked)


def _tool_to_call(asked: Asked) -> Tool | None:
    """A tool is called once, in answer to the user; its result is answered with text, so that loops end."""
    if not asked.tools or asked.tool_choice == "none":
        return None
    for tool in asked.tools:
        if tool.name == asked.tool_choice:
            return tool
    wanted = asked.last_role == "user" or asked.tool_choice == "required"
    return asked.tools[0] if wanted else None


def _arguments(tool: Tool, provider: Provider) -> Any:
    return sample({"type": "object", **tool.parameters}, provider.name)


def _text(asked: Asked, provider: Provider, number: int) -> str:
    if asked.shape is None:
        return _sentences(asked, provider, number)
    if asked.shape.schema is None:
        said = {"provider": provider.name, "model": asked.model.name, "messages": asked.messages}
        return encode({**said, "prompt_tokens": asked.prompt_tokens}).decode()
    return encode(sample(asked.shape.schema, f"{provider.name}/{asked.model.name}")).decode()


def _sentences(asked: Asked, provider: Provider, number: int) -> str:
    noun = "message" if asked.messages == 1 else "messages"
    price = asked.model.price
    text = (
        f"Hello from {provider.name}, answering as {asked.model.name}. "
        f"I received {asked.messages} {noun} of about {asked.prompt_tokens} tokens, the last one from the "
        f"{asked.last_role}. I cost ${price.input:g} a million tokens of input and ${price.output:g} of output."
    )
    return text if number == 1 else f"{text} This is choice {number}."


def _bounded(text: str, asked: Asked) -> Answer:
    end, stop = min(((text.find(stop), stop) for stop in asked.stops if stop in text), default=(len(text), None))
    pieces = pieces_of(text[:end])
    if asked.limit is not None and len(pieces) > asked.limit:
        return Answer(pieces[: asked.limit], "length")
    return Answer(pieces, "stop", stop=stop)
