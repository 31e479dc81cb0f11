"""The facts of one LLM request: all that a decision may look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from extproc.dialects.registry import Requirement
from extproc.facts.given import Given


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """Who sent it. `name` is None where no callers are configured."""

    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    own_credential: bool = False  # a credential that may be passed on to `credential: caller` providers
    strategy: str | None = None  # before the route's, behind the request's


@dataclass(frozen=True, slots=True)
class Facts:
    route: str  # the configured route's name
    endpoint: str  # a name of dialects.endpoints
    family: str  # what the model must serve: chat, completions, embeddings, …
    dialect: Literal["openai"] = "openai"  # the caller's
    model: str | None = None  # as asked; None and "auto": whatever the route allows
    provider: str | None = None
    strategy: str | None = None
    fallback_enabled: bool = False
    stream: bool = False
    usage_asked: bool = False  # stream_options.include_usage
    input_tokens: int = 0  # an estimate
    max_output_tokens: int | None = None  # the caller's cap
    needs: frozenset[str] = frozenset()  # tools, vision, json_schema, audio, …
    features: frozenset[str] = frozenset()  # of a chat: what some target may be unable to express
    caller: CallerFacts = CallerFacts()
    labels: Mapping[str, str] = field(default_factory=dict)  # tenant and the other own fields, as short strings
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()  # capabilities that the requirements ask for
    session: str | None = None  # a digest of what names the conversation: callers' own words go no further
    user: str | None = None  # the same of who is behind the caller
    prefix: str | None = None  # the same of the prompt's beginning: what a prefix cache holds
    explain: bool = False
    body_model: str | None = None  # the `model` that stands in the body, None where there is none
    own_fields: tuple[str, ...] = ()  # own fields present in the body, to be removed
    body_bytes: int = 0
    given: Given | None = None  # None: Envoy has all that the snapshot names

    def envoy_has(self, cluster: str) -> bool:
        return self.given is None or cluster in self.given.clusters

    @property
    def answer_shown(self) -> bool:
        """Whether an answer can be read and changed, if its target asks for it."""
        return self.given is None or self.given.answers
