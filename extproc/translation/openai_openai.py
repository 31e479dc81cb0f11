"""OpenAI dialect to providers of the same shape: openai, azure_openai, openrouter and all compatible.

Mistral and Ollama are such but for chat, which has pairs of its own.

Law: what need not change passes byte for byte: a body changes only where its model, our own fields, the question for
usage or a member that OpenAI's own model would refuse make it, a stream only by the one chunk that we asked for and the
caller did not. A name that becomes a part of a path is one quoted segment or a refusal.
"""

import dataclasses
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from extproc.dialects.endpoints import BY_NAME, is_by_provider, is_upgraded
from extproc.dialects.json_edit import Member, NotAnObject, edit, edit_members, members
from extproc.dialects.losses import ADAPTED, losses
from extproc.dialects.openai.features import CAP, OLD_CAP
from extproc.dialects.openai.realtime import MODEL, sent_query
from extproc.dialects.path_segment import segment
from extproc.dialects.registry import vocabulary
from extproc.dialects.sse import Decoder, Event
from extproc.money import Usage
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Provider
from extproc.translation.pair import Answer, Call, Destination, TranslatedRequest

_VERSION: Final = "/v1"
_STREAM_USAGE: Final = frozenset({"chat", "completions"})  # endpoints whose streams tell usage only when asked
_TELLS_UNASKED: Final = frozenset({"mistral"})  # usage stands in the last chunk, and the question is refused
_NO_DEPLOYMENT: Final = frozenset({"responses"})  # Azure's dated form knows these without a deployment in the path


class OpenAIToOpenAI:
    """The pair. It holds nothing: one serves all exchanges."""

    def needs_body(self, call: Call, to: Destination) -> bool:
        if not _has_json(call):
            return False
        changes = _changes_model(call, to) or bool(call.own_fields) or _asks_usage(call, to.provider)
        return changes or bool(_refused(call, to))

    def request(self, call: Call, to: Destination) -> TranslatedRequest | Refusal:
        path = path_of(call, to.provider, to.model)
        if isinstance(path, Refusal):
            return path
        body: bytes | None = None
        if self.needs_body(call, to):
            if call.body is None:
                return Refusal(Reason.INTERNAL_ERROR, "The body was not read although it has to change.")
            try:
                body = _body(call.body, call, to)
            except NotAnObject as error:
                return Refusal(Reason.INVALID_JSON, f"The request cannot be sent on: {error}.")
        return TranslatedRequest(call.method, path, (), body, _losses(call, to))

    def reads_answer(self, call: Call, to: Destination) -> bool:
        return False  # it is in the caller's dialect already

    def answer(self, call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
        if answer.usage is not None or answer.status >= 400:
            return answer
        return dataclasses.replace(answer, usage=vocabulary("openai").find_usage(answer.body))

    def stream(self, call: Call, to: Destination) -> "OpenAIStream":
        return OpenAIStream(hide_usage=call.ask_usage and call.endpoint in _STREAM_USAGE)


class _Chunk(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None
    usage: dict[str, msgspec.Raw] | None = None


_chunk = msgspec.json.Decoder(_Chunk)


class OpenAIStream:
    """Passes a stream and keeps the last usage that it told."""

    __slots__ = ("_decoder", "_hide_usage", "_hiding", "failure", "usage")

    def __init__(self, hide_usage: bool) -> None:
        self.usage: Usage | None = None
        self.failure: Refusal | None = None
        self._decoder = Decoder()
        self._hide_usage = hide_usage
        self._hiding = False

    def feed(self, data: bytes) -> bytes:
        return b"".join(event.raw for event in self._decoder.feed(data) if self._passes(event))

    def finish(self) -> bytes:
        return self._decoder.rest()

    def _passes(self, event: Event) -> bool:
        if event.more_of_last:
            return not self._hiding
        self._hiding = False
        if event.data is not None and b'"usage"' in event.data:
            found = vocabulary("openai").find_usage(event.data)
            if found is not None:
                self.usage = found
            self._hiding = self._hide_usage and _is_usage_chunk(event.data)
        return not self._hiding


def _is_usage_chunk(data: bytes) -> bool:
    """The chunk that is there for usage alone: no choices. Others with usage pass as they came."""
    try:
        chunk = _chunk.decode(data)
    except (ValueError, RecursionError):
        return False
    return chunk.choices == [] and bool(chunk.usage)


def _has_json(call: Call) -> bool:
    endpoint = BY_NAME.get(call.endpoint)
    return endpoint is not None and endpoint.body == "json" and call.method == endpoint.method


def _changes_model(call: Call, to: Destination) -> bool:
    """What goes to a provider for what it holds names none."""
    return call.body_model != to.model and not is_by_provider(call.endpoint)


def _asks_usage(call: Call, provider: Provider) -> bool:
    wanted = call.ask_usage and call.stream and call.endpoint in _STREAM_USAGE
    return wanted and provider.dialect not in _TELLS_UNASKED


def _body(body: bytes, call: Call, to: Destination) -> bytes:
    found = members(body)
    put: dict[str, bytes] = {}
    if _changes_model(call, to):
        put["model"] = msgspec.json.encode(to.model)
    if _asks_usage(call, to.provider):
        put["stream_options"] = _usage_question(found)
    refused = _refused(call, to)
    if OLD_CAP in refused and not any(member.key == CAP for member in found):
        put[CAP] = next(bytes(member.raw) for member in reversed(found) if member.key == OLD_CAP)
    return edit_members(body, found, put, (frozenset(call.own_fields) | refused) - put.keys())


def _losses(call: Call, to: Destination) -> tuple[str, ...]:
    return losses(to.provider.dialect, to.model, to.entry, call.features) if call.endpoint == "chat" else ()


def _refused(call: Call, to: Destination) -> frozenset[str]:
    """Members that this model answers with a 400: they go, or under another name."""
    if call.endpoint != "chat" or not call.features:
        return frozenset()
    old_cap = {OLD_CAP} if OLD_CAP in call.features and _wants_new_cap(to) else set()
    return frozenset(_losses(call, to)) | old_cap


def _wants_new_cap(to: Destination) -> bool:
    return to.provider.dialect in ADAPTED and to.traits.uses_max_completion_tokens


def _usage_question(found: list[Member]) -> bytes:
    """The caller's `stream_options`, if any, with the question for usage in it."""
    for member in reversed(found):
        if member.key == "stream_options" and bytes(memoryview(member.raw)[:1]) == b"{":
            return edit(bytes(member.raw), {"include_usage": b"true"})
    return b'{"include_usage":true}'


def path_of(call: Call, provider: Provider, upstream_model: str) -> str | Refusal:
    """With the query."""
    operation = call.path.removeprefix(_VERSION) if call.path.startswith(f"{_VERSION}/") else call.path
    if any(unquote(part) in (".", "..") for part in operation.split("/")):
        return Refusal(Reason.UNKNOWN_ENDPOINT, "The path must not hold `.` or `..`.")
    if provider.dialect == "azure_openai":
        return _azure_path(call, operation, provider, upstream_model)
    whole = operation if provider.versioned else _VERSION + operation
    query = sent_query(call.query, _model_of_query(call, upstream_model)) if is_upgraded(call.endpoint) else call.query
    return _with_query(provider.path_prefix + whole, query)


def _azure_path(call: Call, operation: str, provider: Provider, upstream_model: str) -> str | Refusal:
    others = _without(call.query, "api-version")
    dated = not provider.versioned and provider.api_version not in (None, "v1")
    if is_upgraded(call.endpoint):
        model = _model_of_query(call, upstream_model)
        others = sent_query(others, model, called="deployment" if dated else MODEL)
    if provider.versioned:  # its address is the v1 form's, /openai/v1 included
        return _with_query(provider.path_prefix + operation, others)
    start = f"{provider.path_prefix}/openai"
    if not dated:
        return _with_query(f"{start}{_VERSION}{operation}", others)
    asked = f"api-version={quote(str(provider.api_version), safe='')}"
    query = f"{asked}&{others}" if others else asked
    if call.endpoint in _NO_DEPLOYMENT or is_by_provider(call.endpoint):
        return _with_query(start + operation, query)
    deployment = segment(upstream_model)
    if deployment is None:
        return Refusal(
            Reason.INVALID_REQUEST, f"The model of `{provider.name}` cannot be a part of a path.", param="model"
        )
    return _with_query(f"{start}/deployments/{deployment}{operation}", query)


def _model_of_query(call: Call, upstream_model: str) -> str | None:
    """None where no model was named, so that the family stands in its place."""
    unnamed = call.body_model is None and upstream_model == BY_NAME[call.endpoint].family
    return None if unnamed else upstream_model


def _without(query: str, name: str) -> str:
    """The query without that parameter, the rest as it was written."""
    return "&".join(part for part in query.split("&") if part and name not in _parsed(part))


def _parsed(part: str) -> Mapping[str, str]:
    return dict(parse_qsl(part, keep_blank_values=True))


def _with_query(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
