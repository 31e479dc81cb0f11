"""OpenAI dialect to Anthropic's Messages: at Anthropic, and for Claude on Vertex AI.

Law: the version of the API is pinned, so what a request means changes with this code alone. On Vertex AI the model is
one segment of the path and the version stands in the body; all else is the same.
"""

from typing import Final

from extproc.dialects import tolerant
from extproc.dialects.anthropic import PATH, VERSION, VERTEX_VERSION, error_of, is_error, usage_of
from extproc.dialects.openai.completion import completion
from extproc.dialects.path_segment import segment
from extproc.refusal import Reason, Refusal
from extproc.translation.chat_asked import chat_asked, written
from extproc.translation.openai_anthropic.answer import choice_of, expected_by
from extproc.translation.openai_anthropic.request import body_of
from extproc.translation.openai_anthropic.stream import AnthropicStream
from extproc.translation.pair import AlwaysTranslates, Answer, Call, Destination, Headers, TranslatedRequest, stamp_of

_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"


class OpenAIToAnthropic(AlwaysTranslates):
    """The pair. It holds nothing: one serves all exchanges."""

    def request(self, call: Call, to: Destination) -> TranslatedRequest | Refusal:
        chat = chat_asked(call)
        if isinstance(chat, Refusal):
            return chat
        path = _path(call, to)
        if isinstance(path, Refusal):
            return path
        said = body_of(call, to, chat)
        if isinstance(said, Refusal):
            return said
        on_vertex = to.provider.dialect == "vertex"
        head = {"anthropic_version": VERTEX_VERSION} if on_vertex else {"model": to.model}
        body = written({**head, **said.body})
        if isinstance(body, Refusal):
            return body
        return TranslatedRequest("POST", path, _headers(call, on_vertex), body, tuple(sorted(said.lost)))

    def answer(self, call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
        told = tolerant.decoded(answer.body)
        if not isinstance(told, dict):
            return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer is no JSON object.")
        if is_error(told):
            return Refusal(Reason.UPSTREAM_ERROR, f"The provider reported an error: {error_of(told).shown_message}")
        if not isinstance(told.get("content"), list):
            return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer holds no content.")
        usage = usage_of(told.get("usage"))
        stamp = stamp_of(call, tolerant.text(told, "model") or to.model)
        body = completion(stamp, [choice_of(told, expected_by(call, to))], usage)
        return Answer(answer.status, (("content-type", _JSON),), body, usage)

    def stream(self, call: Call, to: Destination) -> AnthropicStream:
        return AnthropicStream(call, to, expected_by(call, to))


def _path(call: Call, to: Destination) -> str | Refusal:
    """The caller's query is not for the provider."""
    provider = to.provider
    if provider.dialect != "vertex":
        return provider.path_prefix + PATH
    model = segment(to.model, safe="@")
    project, region = (segment(name or "", safe=":") for name in (provider.project, provider.region))
    if model is None:
        text = f"The model of `{provider.name}` cannot be a part of a path."
        return Refusal(Reason.INVALID_REQUEST, text, param="model")
    if project is None or region is None:
        return Refusal(Reason.INTERNAL_ERROR, f"`{provider.name}` has no `project` or no `region`.")
    verb = "streamRawPredict" if call.stream else "rawPredict"
    place = f"/v1/projects/{project}/locations/{region}"
    return f"{provider.path_prefix}{place}/publishers/anthropic/models/{model}:{verb}"


def _headers(call: Call, on_vertex: bool) -> Headers:
    headers = (("content-type", _JSON), ("accept", _EVENTS if call.stream else _JSON))
    return headers if on_vertex else (*headers, ("anthropic-version", VERSION))
