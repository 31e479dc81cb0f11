"""Recorded interactions with real providers, as files of JSON lines hold them, and which of them the gateway can carry.

Law: a recording is read as it is; what is left out is left out with a reason that can be counted.
"""

import base64
import json
import lzma
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

# Who recorded what is told in a dialect of the gateway's configuration.
OPENAI_LIKE = {"openai": "openai", "azure": "azure_openai", "openrouter": "openrouter"}
DIALECTS = frozenset({"anthropic", "bedrock", "gemini", "vertex", "cohere", "mistral", "ollama"})
CHAT_PATHS: Mapping[str, re.Pattern[str]] = {
    "anthropic": re.compile(r"^/v1/messages$"),
    "bedrock": re.compile(r"^/model/([^/]+)/converse(-stream)?$"),
    "gemini": re.compile(r"/models/([^/:]+):(streamG|g)enerateContent$"),
    "vertex": re.compile(r"/publishers/google/models/([^/:]+):(streamG|g)enerateContent$"),
    "cohere": re.compile(r"^/v2/chat$"),
    "mistral": re.compile(r"/chat/completions$"),
    "ollama": re.compile(r"^/api/chat$"),
}
OPENAI_PATHS = re.compile(r"/(chat/completions|completions|embeddings|responses)$")
ENDPOINTS = {"chat/completions": "chat"}
DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
STREAM_TYPES = ("text/event-stream", "application/vnd.amazon.eventstream", "application/x-ndjson")
KEPT_HEADERS = ("x-amzn-errortype", "x-amzn-requestid")


@dataclass(frozen=True, slots=True)
class Recording:
    number: int  # its line in the file, from 1
    source: str
    provider: str
    method: str
    uri: str
    request: str
    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return re.sub(r"^https?://[^/]+", "", self.uri.partition("?")[0])

    @property
    def asked(self) -> Any:
        """The recorded request; None where it was no JSON."""
        try:
            return json.loads(self.request)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Fitting:
    """A recording that a caller of the OpenAI dialect can be given the answer of."""

    recording: Recording
    dialect: str  # of the configuration
    provider: str  # the name in the configuration
    endpoint: str  # of the caller: chat, completions, embeddings, responses
    model: str
    streamed: bool
    kept: Mapping[str, str] = field(default_factory=dict)  # headers of the answer that matter


def read(file: Path) -> Iterator[Recording]:
    with lzma.open(file, "rt") if file.suffix == ".xz" else file.open() as lines:
        for number, line in enumerate(lines, 1):
            fields = json.loads(line)
            yield Recording(
                number=number,
                source=str(fields.get("src", "")),
                provider=fields["provider"],
                method=fields["method"],
                uri=fields["uri"],
                request=fields.get("request") or "",
                status=int(fields["status"]),
                content_type=fields.get("ctype") or "application/json",
                headers=fields.get("headers") or {},
                body=base64.b64decode(fields["body_b64"]),
            )


def fit(recording: Recording) -> Fitting | str:
    """The reason, where it fits no endpoint."""
    if recording.method != "POST":
        return f"{recording.method}: nothing is asked"
    if not isinstance(recording.asked, dict):
        return "the recorded request is no JSON object"
    found = _place(recording)
    if isinstance(found, str):
        return found
    dialect, endpoint, model = found
    if not model:
        return "the recorded request names no model"
    kind = recording.content_type.partition(";")[0].strip()
    streamed = kind in STREAM_TYPES or (recording.asked.get("stream") is True and recording.status < 400)
    kept = {name: value for name, value in recording.headers.items() if name.lower() in KEPT_HEADERS}
    return Fitting(recording, dialect, recording.provider, endpoint, model, streamed, kept)


def _place(recording: Recording) -> tuple[str, str, str] | str:
    """Dialect, endpoint and model; or why there is none."""
    provider, path = recording.provider, recording.path
    named = str(recording.asked.get("model") or "")
    if provider in DIALECTS:
        match = CHAT_PATHS[provider].search(path)
        if match is not None:
            return provider, "chat", unquote(match[1]) if match.groups() else named
        if provider != "mistral":  # whose other endpoints are OpenAI's
            return f"{path.rpartition('/')[2].rpartition(':')[2]}: no chat completion is said this way"
    match = OPENAI_PATHS.search(path)
    if match is None:
        return f"{path}: no endpoint of the gateway"
    deployment = DEPLOYMENT.search(path)
    model = unquote(deployment[1]) if deployment else named
    dialect = provider if provider == "mistral" else OPENAI_LIKE.get(provider, "openai")
    return dialect, ENDPOINTS.get(match[1], match[1]), model
