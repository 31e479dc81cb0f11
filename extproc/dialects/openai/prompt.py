"""The tokens of a request's prompt, as OpenAI counts them, or as near to it as another family's model allows.

Law: exact for text in messages, tools and formats; images, audio and files by a rule of thumb. A prompt of a shape
that nobody knows is estimated by its bytes: a request is never refused for what was to be counted in it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.dialects.openai.functions import Function, declared, demanded
from extproc.dialects.tokens import Counter, family_of

_MOST_PARTS: Final = 10_000  # nobody's chat has more; what does is taken for bytes, so that time stays bounded
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_OF_ROLE: Final = 1
_OF_NAME: Final = 1
_OF_CALL: Final = 3
_OF_CALLS: Final = 2  # of several in one turn, which are wrapped into one
_OF_DECLARED: Final = 9
_WITHIN_SYSTEM: Final = -4  # declared functions stand in the system message, if there is one
_OF_FILE: Final = 1500  # that is only named
_BYTES_OF_FILE_TOKEN: Final = 40  # a page of PDF is some 60 KB, and is shown as text and as an image
_LEAST_OF_FILE: Final = 500
_LETTERS_OF_AUDIO_TOKEN: Final = {"wav": 6400, "pcm16": 6400}  # of base64, at ten tokens a second
_LETTERS_OF_SMALL_AUDIO_TOKEN: Final = 2100  # mp3 and the like
_PROMPTS: Final = ("messages", "input", "prompt", "instructions", "tools", "functions")
_INLINE: Final = re.compile(rb'("data:[^",]{0,200};base64,)[^"]*"|("(?:file_)?data"\s*:\s*)"[^"]*"')


class _Image(msgspec.Struct):
    detail: Any = None


class _Audio(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw()
    format: Any = None


class _File(msgspec.Struct):
    file_data: msgspec.Raw = msgspec.Raw()


class _Part(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    detail: Any = None  # /v1/responses has it here
    image_url: _Image | str | None = None
    input_audio: _Audio | None = None
    file: _File | None = None
    file_data: msgspec.Raw = msgspec.Raw()


class _Called(msgspec.Struct):
    name: str = ""
    arguments: str = ""


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Called | None = None


class _Message(msgspec.Struct):
    """A message of a chat, or an item of /v1/responses."""

    role: str | None = None
    content: str | list[_Part] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    function_call: _Called | None = None
    arguments: str | None = None
    output: str | list[_Part] | None = None


class _Tool(msgspec.Struct):
    """Of a chat, with its function inside, or of /v1/responses, which is the function."""

    function: Function | None = None
    name: str | None = None
    description: str | None = None
    parameters: Any = None


class _Schema(msgspec.Struct):
    name: str = ""
    description: str | None = None
    schema: Any = None


class _Format(msgspec.Struct):
    json_schema: _Schema | None = None


class _Text(msgspec.Struct):
    format: _Schema | None = None


def prompt_tokens(endpoint: str, given: Mapping[str, msgspec.Raw], model: str | None) -> int:
    """`given`: the members of the body."""
    counter = Counter(family_of(model))
    try:
        return _Prompt(counter, given).tokens(endpoint)
    except (ValueError, RecursionError):
        texts = (_INLINE.sub(b'""', memoryview(given[name])) for name in _PROMPTS if name in given)
        return sum(counter.count(text.decode("utf-8", "replace")) for text in texts)


class _Prompt:
    def __init__(self, counter: Counter, given: Mapping[str, msgspec.Raw]) -> None:
        self._count = counter.count
        self._family = counter.family
        self._given = given

    def tokens(self, endpoint: str) -> int:
        if endpoint == "chat":
            return self._chat(self._read("messages", list[_Message] | None) or [])
        if endpoint == "responses":
            asked = self._read("input", str | list[_Message] | None)
            instructions = self._read("instructions", str | None)
            system = [_Message(role="system", content=instructions)] if instructions else []
            user = [_Message(role="user", content=asked)] if isinstance(asked, str) else asked or []
            return self._chat([*system, *user])
        return sum(self._plain(name) for name in ("prompt", "input"))

    def _plain(self, name: str) -> int:
        """A text, several, or what is in tokens already."""
        asked = self._read(name, str | list[str | int | list[int]] | None)
        items = [asked] if isinstance(asked, str) else asked or []
        return sum(
            self._count(item) if isinstance(item, str) else len(item) if isinstance(item, list) else 1 for item in items
        )

    def _read(self, name: str, kind: Any) -> Any:
        return msgspec.json.decode(self._given[name], type=kind) if name in self._given else None

    # --- a chat ------------------------------------------------------------------------------------------------------

    def _chat(self, messages: list[_Message]) -> int:
        if len(messages) + sum(len(one.content) for one in messages if isinstance(one.content, list)) > _MOST_PARTS:
            raise ValueError("more than a chat has")
        called = {
            call.id: call.function.name for message in messages for call in message.tool_calls or () if call.function
        }
        tokens = self._family.of_answer + sum(self._message(message, called) for message in messages)
        return tokens + self._tools(messages) + self._format()

    def _message(self, message: _Message, called: Mapping[str | None, str]) -> int:
        tokens = self._family.of_message + self._role(message.role) + self._content(message.content)
        if message.name:
            tokens += self._count(message.name) + _OF_NAME
        if message.tool_call_id in called:
            tokens += self._count(called[message.tool_call_id]) + _OF_NAME
        if message.tool_calls or message.function_call:
            tokens += self._calls([call.function for call in message.tool_calls or () if call.function is not None])
            tokens += self._calls([message.function_call] if message.function_call is not None else [])
        return tokens + self._rarely(message)

    def _role(self, role: str | None) -> int:
        return _OF_ROLE if role in _ROLES else self._count(role or "")

    def _rarely(self, message: _Message) -> int:
        """Of /v1/responses: a call with its arguments, or its output; and what the model refused to say."""
        tokens = 0
        if message.arguments is not None:
            tokens += self._count(message.arguments) + _OF_CALL
        if message.output is not None:
            tokens += self._content(message.output)
        return tokens + self._count(message.refusal) if message.refusal else tokens

    def _calls(self, calls: list[_Called]) -> int:
        if len(calls) == 1:
            return self._count(calls[0].name) + self._count(calls[0].arguments) + _OF_CALL
        uses = ",".join(f'{{"recipient_name":"functions.{one.name}","parameters":{one.arguments}}}' for one in calls)
        return self._count(f'{{"tool_uses":[{uses}]}}') + _OF_CALLS if calls else 0

    def _content(self, content: str | list[_Part] | None) -> int:
        if isinstance(content, str):
            return self._count(content)
        return sum(self._part(part) for part in content or ())

    def _part(self, part: _Part) -> int:
        tokens = self._count(part.text or "") + self._count(part.refusal or "")
        if part.type in ("image_url", "input_image"):
            detail = part.image_url.detail if isinstance(part.image_url, _Image) else part.detail
            tokens += self._family.of_small_image if detail == "low" else self._family.of_image
        if part.input_audio is not None:
            form = str(part.input_audio.format)
            size = len(memoryview(part.input_audio.data))
            tokens += size // _LETTERS_OF_AUDIO_TOKEN.get(form, _LETTERS_OF_SMALL_AUDIO_TOKEN)
        if part.type in ("file", "input_file"):
            size = len(memoryview(part.file.file_data if part.file is not None else part.file_data)) * 3 // 4
            tokens += max(size // _BYTES_OF_FILE_TOKEN, _LEAST_OF_FILE) if size else _OF_FILE
        return tokens

    # --- what stands around it ---------------------------------------------------------------------------------------

    def _tools(self, messages: list[_Message]) -> int:
        tools = self._read("tools", list[_Tool] | None) or []
        functions = [tool.function or Function(tool.name or "", tool.description, tool.parameters) for tool in tools]
        functions += self._read("functions", list[Function] | None) or []
        if not functions:
            return 0
        if self._family.vocabulary is None:
            return self._count(msgspec.json.encode(functions).decode()) + self._family.of_tools
        within = any(message.role in ("system", "developer") for message in messages)
        return self._count(declared(functions)) + _OF_DECLARED + (_WITHIN_SYSTEM if within else 0)

    def _format(self) -> int:
        format = self._read("response_format", _Format | None)
        text = self._read("text", _Text | None)
        schema = format.json_schema if format is not None else text.format if text is not None else None
        if schema is None or schema.schema is None:
            return 0
        return self._count(demanded(schema.name, schema.description, schema.schema))


def without_media(body: bytes) -> bytes:
    """The same request with a few bytes in place of each inline file: for whoever keeps it while its answer comes."""
    return _INLINE.sub(lambda found: found[1] + b'AAAA"' if found[1] else found[2] + b'"AAAA"', body)
