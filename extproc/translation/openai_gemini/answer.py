"""What a GenerateContentResponse gives, in the caller's dialect.

Law: thoughts are `reasoning_content`; a signature travels at its call and, for callers that keep only those, among the
`reasoning_details`. Pictures are `images` of the message, as OpenRouter made usual: inside the text they would be paid
for again in every later turn. A prompt that was blocked is an answer without words.
"""

import base64
import binascii
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from extproc.dialects.gemini import ORIGIN, broken, finish_of
from extproc.dialects.gemini_response import (
    CalledTool,
    Candidate,
    Media,
    Piece,
    Response,
    SaidText,
    ThoughtText,
    read_response,
)
from extproc.dialects.invented_ids import invented_id
from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.completion import MadeCall, MadeChoice, completion
from extproc.dialects.openai.shapes import data_url
from extproc.dialects.openai.token_logprobs import logprobs_of
from extproc.dialects.tolerant import decoded
from extproc.dialects.tool_ids import GEMINI_NAME
from extproc.money import Usage
from extproc.refusal import Reason, Refusal
from extproc.translation.chat_asked import meant_name
from extproc.translation.pair import Answer, Call, Destination, stamp_of

_KEPT_FOR: Final = 3600  # seconds for which a spoken answer could be named again; nobody keeps it, the field must be


def gemini_answer(call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
    told = decoded(answer.body)
    listed = told if isinstance(told, list) else [told]  # a stream without `alt=sse` is an array
    responses = [read_response(one) for one in listed if isinstance(one, dict)]
    if not responses or len(responses) < len(listed):
        return _garbled("it is no JSON object")
    failed = next((response.error for response in responses if response.error is not None), None)
    if failed is not None:
        return Refusal(Reason.UPSTREAM_ERROR, failed.shown_message)
    choices = _choices(call, responses, whole=not isinstance(told, list))
    if isinstance(choices, Refusal):
        return choices
    usage = next((response.usage for response in reversed(responses) if response.usage is not None), None)
    model = next((response.model for response in responses if response.model), to.model)
    body = completion(stamp_of(call, model), choices, usage)
    return Answer(answer.status, (("content-type", "application/json"),), body, usage)


def _choices(call: Call, responses: Sequence[Response], whole: bool) -> list[MadeChoice] | Refusal:
    heard: dict[int, HeardChoice] = {}
    for candidate in (candidate for response in responses for candidate in response.candidates):
        heard.setdefault(candidate.index, HeardChoice(call, candidate.index)).add(candidate)
    blocked = any(response.blocked is not None for response in responses)
    if not heard:
        return [MadeChoice("", "content_filter")] if blocked else _garbled("it has no candidates")
    for choice in heard.values():
        why = broken(choice.finish or "")
        if why is not None:
            return Refusal(Reason.UPSTREAM_ERROR, why)
        if choice.finish is None and not blocked and not whole:
            return _garbled("it ends in the middle")
    return [heard[index].made(blocked) for index in sorted(heard)]


def _garbled(why: str) -> Refusal:
    return Refusal(Reason.UPSTREAM_GARBLED, f"The provider's answer cannot be read: {why}.")


@dataclass(slots=True)
class HeardChoice:
    """One candidate, put together from all that was told of it."""

    call: Call
    index: int
    finish: str | None = None
    texts: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    signature: str | None = None
    calls: list[MadeCall] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, candidate: Candidate) -> None:
        self.finish = candidate.finish or self.finish
        self.logprobs += candidate.logprobs
        for piece in candidate.pieces:
            self._add(piece)

    def _add(self, piece: Piece) -> None:
        match piece:
            case SaidText():
                self.texts.append(piece.text)
                self.signature = piece.signature or self.signature
            case ThoughtText():
                self.thinking.append(piece.text)
                self.signature = piece.signature or self.signature
            case CalledTool():
                self.calls.append(made_call(self.call, piece, len(self.calls), self.index))
            case Media():
                self.media.append(piece)

    def made(self, blocked: bool) -> MadeChoice:
        text = "".join(self.texts)
        audio = spoken(self.call, self.media, whole=True)
        return MadeChoice(
            text=text if text or not (self.calls or audio) else None,
            finish="content_filter" if self.finish is None and blocked else finish_of(self.finish or ""),
            calls=tuple(self.calls),
            thoughts=tuple(self._thoughts()),
            logprobs=logprobs_of(self.logprobs),
            images=tuple(picture for one in self.media if (picture := image_url(one)) is not None),
            audio=audio,
        )

    def _thoughts(self) -> Iterator[Thought]:
        said = "".join(self.thinking)
        if said or self.signature is not None:
            yield Thought(said, self.signature, origin=ORIGIN)
        yield from (signed for call in self.calls if (signed := call_thought(call.signature)) is not None)


def made_call(call: Call, piece: CalledTool, place: int, choice: int) -> MadeCall:
    id_ = piece.id or invented_id(call.id, place, choice)
    return MadeCall(id_, meant_name(call, piece.name, GEMINI_NAME), piece.arguments, piece.signature)


def call_thought(signature: str | None) -> Thought | None:
    """A call's signature, for callers that send back `reasoning_details` and nothing else that is unusual."""
    return Thought(hidden=signature, origin=ORIGIN) if signature is not None else None


# --- pictures and sound ----------------------------------------------------------------------------------------------


def image_url(media: Media) -> str | None:
    return None if _is_sound(media) else data_url(media.media_type, media.data)


def spoken(call: Call, media: Sequence[Media], whole: bool) -> Mapping[str, Any] | None:
    """`audio` of a message. Gemini speaks in bare samples: who asked for a WAV file gets one, of a whole answer."""
    sounds = [one for one in media if _is_sound(one)]
    if not sounds:
        return None
    data = "".join(one.data for one in sounds) if len(sounds) == 1 else _joined(sounds)
    if whole and _wants_file(call) and (rate := _rate(sounds[0])) is not None:
        data = _as_wav(data, rate)
    said: dict[str, Any] = {"id": f"audio_{call.id}", "data": data}
    return {**said, "expires_at": call.created + _KEPT_FOR, "transcript": ""} if whole else said


def _is_sound(media: Media) -> bool:
    return media.media_type.lower().startswith("audio/")


def _wants_file(call: Call) -> bool:
    """Anything but bare samples, which OpenAI calls pcm16."""
    told = decoded(call.body or b"")
    audio = told.get("audio") if isinstance(told, dict) else None
    return not (isinstance(audio, dict) and audio.get("format") == "pcm16")


def _rate(media: Media) -> int | None:
    """Samples a second, of `audio/L16;codec=pcm;rate=24000`."""
    kind, *parameters = media.media_type.lower().replace(" ", "").split(";")
    if kind not in ("audio/l16", "audio/pcm"):
        return None
    told = next((one.removeprefix("rate=") for one in parameters if one.startswith("rate=")), "24000")
    return int(told) if told.isdecimal() and 0 < int(told) < 1_000_000 else None


def _joined(sounds: Sequence[Media]) -> str:
    return base64.b64encode(b"".join(_bytes(one.data) for one in sounds)).decode()


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data.encode("utf-8", "replace").translate(_PLAIN))
    except (binascii.Error, ValueError):
        return b""


_PLAIN: Final = bytes.maketrans(b"-_", b"+/")


def _as_wav(data: str, rate: int) -> str:
    """Mono, sixteen bits a sample."""
    samples = _bytes(data)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(samples),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate,
        rate * 2,
        2,
        16,
        b"data",
        len(samples),
    )
    return base64.b64encode(head + samples).decode()


def last_usage(before: Usage | None, response: Response) -> Usage | None:
    """Each is the sum of all before it."""
    return response.usage or before
