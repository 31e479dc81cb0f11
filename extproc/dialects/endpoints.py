"""The endpoints of the OpenAI dialect that callers may use.

Law: every path the LLM lane answers stands in this table once; the data plane makes Envoy's routes from it, `facts`
and `decision` read the family, and `docs/reference.md` prints it.
"""

from dataclasses import dataclass
from typing import Final, Literal

BodyKind = Literal["json", "opaque", "none"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str
    path: str  # the versioned form; a trailing `/` makes it a prefix
    method: str
    body: BodyKind  # json: read by us; opaque: passes untouched (multipart); none: there is none
    family: str  # what a model must serve to be a candidate
    ours: bool = False  # answered by the gateway itself
    by_provider: bool = False  # goes to the provider that is named: what it is about is there and nowhere else
    upgrades: bool = False  # becomes a WebSocket

    @property
    def methods(self) -> tuple[str, ...]:
        """What we answer ourselves can be asked for its headers alone."""
        return (self.method, "HEAD") if self.ours else (self.method,)

    @property
    def is_prefix(self) -> bool:
        return self.path.endswith("/")

    @property
    def unversioned(self) -> str:
        return self.path.removeprefix("/v1")


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("chat", "/v1/chat/completions", "POST", "json", "chat"),
    Endpoint("prompt", "/v1/chat", "POST", "json", "chat"),
    Endpoint("completions", "/v1/completions", "POST", "json", "completions"),
    Endpoint("embeddings", "/v1/embeddings", "POST", "json", "embeddings"),
    Endpoint("responses", "/v1/responses", "POST", "json", "chat"),
    Endpoint("moderations", "/v1/moderations", "POST", "json", "moderations"),
    Endpoint("images", "/v1/images/generations", "POST", "json", "images"),
    Endpoint("speech", "/v1/audio/speech", "POST", "json", "speech"),
    Endpoint("audio", "/v1/audio/", "POST", "opaque", "audio"),
    Endpoint("realtime", "/v1/realtime", "GET", "none", "realtime", by_provider=True, upgrades=True),
    Endpoint("file_upload", "/v1/files", "POST", "opaque", "files", by_provider=True),
    Endpoint("files", "/v1/files", "GET", "none", "files", by_provider=True),
    Endpoint("file", "/v1/files/", "GET", "none", "files", by_provider=True),
    Endpoint("file_delete", "/v1/files/", "DELETE", "none", "files", by_provider=True),
    Endpoint("upload_create", "/v1/uploads", "POST", "json", "uploads", by_provider=True),
    Endpoint("upload", "/v1/uploads/", "POST", "opaque", "uploads", by_provider=True),  # its parts, complete, cancel
    Endpoint("batch_create", "/v1/batches", "POST", "json", "batches", by_provider=True),
    Endpoint("batches", "/v1/batches", "GET", "none", "batches", by_provider=True),
    Endpoint("batch", "/v1/batches/", "GET", "none", "batches", by_provider=True),
    Endpoint("batch_cancel", "/v1/batches/", "POST", "opaque", "batches", by_provider=True),
    Endpoint("models", "/v1/models", "GET", "none", "models", ours=True),
    Endpoint("model", "/v1/models/", "GET", "none", "models", ours=True),
    Endpoint("health", "/v1/health", "GET", "none", "health", ours=True),
    Endpoint("health_of_providers", "/v1/health/providers", "GET", "none", "health", ours=True),
    Endpoint("ready", "/v1/ready", "GET", "none", "health", ours=True),
)
BY_NAME: dict[str, Endpoint] = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def is_by_provider(name: str) -> bool:
    endpoint = BY_NAME.get(name)
    return endpoint is not None and endpoint.by_provider


def is_upgraded(name: str) -> bool:
    endpoint = BY_NAME.get(name)
    return endpoint is not None and endpoint.upgrades


REALTIME: Final = "realtime"  # of the families without a body, the one that models say of themselves


def families() -> frozenset[str]:
    """What a model may be said to serve."""
    named = (endpoint for endpoint in ENDPOINTS if not endpoint.ours and not endpoint.by_provider)
    return frozenset({REALTIME, *(endpoint.family for endpoint in named)})


def of_models() -> frozenset[str]:
    """Endpoints, by name, that every API of OpenAI's shape is asked."""
    return frozenset(endpoint.name for endpoint in ENDPOINTS if not endpoint.ours and not endpoint.by_provider)


def of_provider(*families: str) -> frozenset[str]:
    """Endpoints, by name, that only some of these APIs have."""
    return frozenset(endpoint.name for endpoint in ENDPOINTS if endpoint.by_provider and endpoint.family in families)


def families_by_provider() -> frozenset[str]:
    """What stands in the place of a model in a target whose request names none: `openai/files`."""
    return frozenset(endpoint.family for endpoint in ENDPOINTS if endpoint.by_provider)
