"""The endpoints of the OpenAI dialect that callers may use.

Law: every path the LLM lane answers stands in this table once; the data plane makes Envoy's routes from it, `facts`
and `decision` read the family, and `docs/reference.md` prints it.
"""

from dataclasses import dataclass
from typing import Literal

BodyKind = Literal["json", "opaque", "none"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str
    path: str  # the versioned form; a trailing `/` makes it a prefix
    method: str
    body: BodyKind  # json: read by us; opaque: passes untouched (multipart); none: there is none
    family: str  # what a model must serve to be a candidate
    ours: bool = False  # answered by the gateway itself

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
    Endpoint("models", "/v1/models", "GET", "none", "models", ours=True),
    Endpoint("model", "/v1/models/", "GET", "none", "models", ours=True),
    Endpoint("health", "/v1/health", "GET", "none", "health", ours=True),
    Endpoint("health_of_providers", "/v1/health/providers", "GET", "none", "health", ours=True),
    Endpoint("ready", "/v1/ready", "GET", "none", "health", ours=True),
)
BY_NAME: dict[str, Endpoint] = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def families() -> frozenset[str]:
    return frozenset(endpoint.family for endpoint in ENDPOINTS if not endpoint.ours)
