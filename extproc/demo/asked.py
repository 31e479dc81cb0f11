"""What a caller asks of a text model, whichever of the three text endpoints it came by.

Law: counts and constraints only; the words of the prompt are measured here and go no further.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from extproc.demo.catalog import Model
from extproc.demo.reply import Problem

CHARACTERS_PER_TOKEN: Final = 4
TOKENS_PER_MESSAGE: Final = 4
TOKENS_PER_IMAGE: Final = 85
MOST_CHOICES: Final = 16

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JsonShape:
    """The answer must be JSON; without a schema any object will do."""

    schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    model: Model
    messages: int
    prompt_tokens: int
    last_role: str = "user"
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"  # auto, none, required, or the name of a tool
    shape: JsonShape | None = None
    limit: int | None = None
    stops: tuple[str, ...] = ()
    choices: int = 1


@dataclass(slots=True)
class Measure:
    """Adds up what a prompt holds."""

    characters: int = 0
    images: int = 0

    def content(self, content: Any) -> None:
        """A string, or parts as chat, Responses and Messages write them."""
        if isinstance(content, str):
            self.characters += len(content)
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict):
                self.images += part.get("type") in ("image_url", "input_image", "image")
                self.content(part.get("text"))

    def tokens(self, messages: int) -> int:
        text = math.ceil(self.characters / CHARACTERS_PER_TOKEN)
        return text + messages * TOKENS_PER_MESSAGE + self.images * TOKENS_PER_IMAGE


def decoded(body: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        # msgspec names types and paths, never values, so no prompt can leak by this way.
        raise Problem(400, f"Invalid request: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem(400, "We could not parse the JSON body of your request.") from None


def stops_of(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    return tuple(each for each in stops if each)


def tools_of(tools: Iterable[dict[str, Any]] | None) -> tuple[Tool, ...]:
    """Function tools in chat's form (nested) or in Responses' form (flat); others cannot be called here."""
    found = []
    for tool in tools or ():
        function = tool.get("function", tool) if tool.get("type") == "function" else {}
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            parameters = function.get("parameters")
            found.append(Tool(function["name"], parameters if isinstance(parameters, dict) else {}))
    return tuple(found)


def tool_choice_of(choice: Any) -> str:
    if isinstance(choice, dict):
        function = choice.get("function")
        return str((function if isinstance(function, dict) else choice).get("name") or "required")
    return choice if isinstance(choice, str) else "auto"


def shape_of(form: dict[str, Any] | None) -> JsonShape | None:
    """`response_format` of chat, or `text.format` of Responses, which holds the schema one level higher."""
    match (form or {}).get("type"):
        case "json_object":
            return JsonShape()
        case "json_schema":
            holder = (form or {}).get("json_schema", form)
            schema = holder.get("schema") if isinstance(holder, dict) else None
            return JsonShape(schema if isinstance(schema, dict) else None)
        case _:
            return None


def check_fits(asked: Asked, measure: Measure) -> None:
    """Refuses what this model could not take, as a real provider would."""
    if measure.images and not asked.model.vision:
        raise Problem(400, f"The model `{asked.model.name}` takes no images.", param="messages")
    if asked.prompt_tokens > asked.model.context:
        raise Problem(
            400,
            f"This model's maximum context length is {asked.model.context} tokens; "
            f"your messages resulted in {asked.prompt_tokens} tokens.",
            code="context_length_exceeded",
            param="messages",
        )
    if not 1 <= asked.choices <= MOST_CHOICES:
        raise Problem(400, f"`n` must be from 1 to {MOST_CHOICES}.", param="n")
    if asked.limit is not None and asked.limit < 1:
        raise Problem(400, "The token limit must be at least 1.", param="max_tokens")
