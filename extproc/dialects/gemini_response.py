"""A GenerateContentResponse, read: a whole answer, or one of those that make up a stream.

Law: tolerant. Nothing raises; parts of a kind that nobody asked for are left out. A call of a tool always has a name
and an object of arguments.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extproc.dialects.gemini import error_of, usage_of
from extproc.dialects.openai.shapes import arguments_text
from extproc.dialects.openai.token_logprobs import token
from extproc.dialects.tolerant import at, count, items, mapping, number, text
from extproc.dialects.upstream_error import UpstreamError
from extproc.money import Usage


@dataclass(frozen=True, slots=True)
class SaidText:
    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ThoughtText:
    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class CalledTool:
    name: str
    arguments: str  # JSON text of an object
    id: str | None = None  # models before Gemini 3 give none
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    media_type: str
    data: str  # base64


Piece = SaidText | ThoughtText | CalledTool | Media


@dataclass(frozen=True, slots=True)
class Candidate:
    index: int
    pieces: tuple[Piece, ...]
    finish: str | None  # as the provider says it
    logprobs: tuple[dict[str, Any], ...]  # OpenAI's tokens


@dataclass(frozen=True, slots=True)
class Response:
    candidates: tuple[Candidate, ...]
    model: str
    usage: Usage | None
    blocked: str | None  # why the prompt was not answered at all
    error: UpstreamError | None


def read_response(told: Mapping[str, Any]) -> Response:
    error = told.get("error")
    return Response(
        candidates=tuple(_candidate(one, place) for place, one in enumerate(items(told, "candidates"))),
        model=text(told, "modelVersion"),
        usage=usage_of(told.get("usageMetadata")),
        blocked=text(told, "promptFeedback", "blockReason") or None,
        error=error_of(error) if error is not None else None,
    )


def _candidate(told: object, place: int) -> Candidate:
    index = count(told, "index")
    return Candidate(
        index=place if index is None else index,
        pieces=tuple(piece for part in items(told, "content", "parts") if (piece := _piece(part)) is not None),
        finish=text(told, "finishReason") or None,
        logprobs=_logprobs(at(told, "logprobsResult")),
    )


def _piece(part: object) -> Piece | None:
    signature = text(part, "thoughtSignature") or None
    if name := text(part, "functionCall", "name"):
        return CalledTool(
            name,
            arguments_text(mapping(part, "functionCall", "args")),
            text(part, "functionCall", "id") or None,
            signature,
        )
    if media_type := text(part, "inlineData", "mimeType"):
        return None if at(part, "thought") is True else Media(media_type, text(part, "inlineData", "data"))
    said = text(part, "text")
    if not said and signature is None:
        return None
    return ThoughtText(said, signature) if at(part, "thought") is True else SaidText(said, signature)


def _logprobs(result: object) -> tuple[dict[str, Any], ...]:
    tops = items(result, "topCandidates")
    tokens = []
    for place, chosen in enumerate(items(result, "chosenCandidates")):
        made = _token(chosen)
        if made is not None:
            others = items(tops[place], "candidates") if place < len(tops) else []
            top = [one for other in others if (one := _token(other)) is not None]
            tokens.append({**made, "top_logprobs": top})
    return tuple(tokens)


def _token(told: object) -> dict[str, Any] | None:
    logprob = number(told, "logProbability")
    return None if logprob is None else token(text(told, "token"), logprob)
