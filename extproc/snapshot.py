"""The snapshot: the compiled, immutable configuration. An exchange reads one, once, and keeps it.

Law: plain data, no behaviour that decides, no secrets (those go from the configuration straight to the data plane's
private files). It can be written as MessagePack and read back equal, which is how other processes get theirs.
Durations are seconds, sizes bytes, money nano-dollars.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal

from extproc.money import Price

Dialect = Literal[
    "openai", "azure_openai", "openrouter", "anthropic", "gemini", "vertex", "bedrock", "cohere", "mistral", "ollama"
]
# Dialects whose chat answers are put into the caller's; of the last two only where their own API is spoken.
TRANSLATED_DIALECTS: frozenset[str] = frozenset(
    {"anthropic", "gemini", "vertex", "bedrock", "cohere", "mistral", "ollama"}
)
OPENAI_SHAPED: frozenset[str] = frozenset({"openai", "azure_openai", "openrouter", "mistral", "ollama"})


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One origin of a pool: what Envoy connects to."""

    scheme: Literal["http", "https", "unix"]
    host: str  # for unix: the socket's path
    port: int

    @property
    def authority(self) -> str:
        if self.scheme == "unix":
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"

    @property
    def by_name(self) -> bool:
        """Whether its host must be looked up, and may stand for many."""
        return self.scheme != "unix" and not is_ip(self.host)


def negotiates(endpoints: tuple[Endpoint, ...]) -> bool:
    """Whether HTTP/1.1 or HTTP/2 is spoken to it as its TLS says, which Envoy knows only when it is connected."""
    return endpoints[0].scheme == "https"


@dataclass(frozen=True, slots=True)
class Model:
    """What a provider serves under a name or a glob."""

    name: str  # what callers say; `*` makes it a glob
    upstream: str | None = None  # what the provider is told; None: the name asked for
    price: Price | None = None
    context: int | None = None
    max_output: int | None = None
    capabilities: frozenset[str] = frozenset()
    by_glob: bool = False  # not listed itself: a glob of its provider is, and the shipped table knows this name
    former: bool = False  # the shipped table's source has dropped it: served to who asks, told to nobody
    endpoints: frozenset[str] = frozenset(
        {"chat"}
    )  # families it serves: chat, completions, embeddings, images, audio, …
    notice: str | None = None  # what a caller must know of it: another model answers in its place
    quality: float | None = None  # how good its answers are, as the operator says; more is better


@dataclass(frozen=True, slots=True)
class BreakerSpec:
    failure_threshold: int = 5
    timeout: float = 60.0
    half_open_requests: int = 3


# aws_keys: signed by Envoy with keys that we hold; aws_chain: with those that Envoy finds where AWS's own programs do
CredentialKind = Literal["none", "injected", "caller", "aws_keys", "aws_chain"]


@dataclass(frozen=True, slots=True)
class Credential:
    """How the provider is shown who pays. The secret itself is never here."""

    kind: CredentialKind = "none"
    header: str = "authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, slots=True)
class Tls:
    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class HealthSpec:
    """Active probes of one provider's endpoints. They are GETs, and never a call that costs money."""

    interval: float = 30.0
    timeout: float = 10.0
    failure_threshold: int = 3  # failed probes in a row that shut it
    success_threshold: int = 2  # good ones in a row that open it again
    path: str | None = None  # None: what its kind of server answers is found out


@dataclass(frozen=True, slots=True)
class SignSpec:
    """Requests are signed with a shared secret, which is the key `sign.PROVIDER` of the keyring and never here."""

    scheme: Literal["v1", "v2"] = "v1"


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A self-hosted cluster: priced by the hour, whatever it does."""

    cost_per_hour: int  # nano-dollars
    overhead_factor: float = 1.1  # what it costs beside its machines
    tokens_per_second: float | None = None  # as the operator says, until it is measured
    wake_up: float | None = None  # seconds that it takes to start from nothing; None: it never sleeps
    sleeps_after: float = 600.0  # seconds without a request, where it sleeps


@dataclass(frozen=True, slots=True)
class Proxy:
    """A neighbour that tunnels to upstreams: HTTP CONNECT."""

    cluster: str  # Envoy's, of the proxy itself; equal ones share it
    host: str
    port: int
    authorized: bool = False  # it is shown who we are: what the key `proxy.CLUSTER` of the keyring holds

    @property
    def by_name(self) -> bool:
        return not is_ip(self.host)


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    dialect: Dialect
    cluster: str  # Envoy's cluster: the name and a hash of what it means
    endpoints: tuple[Endpoint, ...]
    path_prefix: str  # before the caller's path, without a trailing slash
    versioned: (
        bool  # True: base_url holds the version, so the path after /v1 is appended; else the dialect's whole path
    )
    models: tuple[Model, ...]
    lists_models: bool  # False: takes any name, after all who list it
    default_model: str | None = None
    credential: Credential = Credential()
    headers: Mapping[str, str] = field(default_factory=dict)
    api_version: str | None = None
    timeout: float | None = None
    connect_timeout: float = 5.0
    proxy: Proxy | None = None
    http2: bool = False
    tls: Tls = Tls()
    breaker: BreakerSpec = BreakerSpec()
    by_the_hour: ClusterSpec | None = None  # None: somebody's API, priced by the token
    health: HealthSpec | None = None  # None: never probed, only watched
    sign: SignSpec | None = None
    capabilities: frozenset[str] = frozenset()
    region: str | None = None
    project: str | None = None  # of Google Cloud
    retired: tuple[Model, ...] = ()  # globs: names that it serves no more, and what answers in their place

    @property
    def authority(self) -> str:
        return self.endpoints[0].authority

    @property
    def negotiates(self) -> bool:
        return negotiates(self.endpoints)


@dataclass(frozen=True, slots=True)
class Service:
    """A plain HTTP upstream."""

    name: str
    cluster: str
    endpoints: tuple[Endpoint, ...]
    http2: bool = False
    tls: Tls = Tls()
    connect_timeout: float = 5.0
    proxy: Proxy | None = None

    @property
    def negotiates(self) -> bool:
        return negotiates(self.endpoints)


@dataclass(frozen=True, slots=True)
class Target:
    """provider + model. `model` is the name asked for; what the provider is told comes from its models."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class PathMatch:
    kind: Literal["exact", "prefix", "glob", "regex", "any"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    path: PathMatch = PathMatch("any")
    hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rewrite:
    path: str | None = None
    host: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # set on the request
    remove_headers: tuple[str, ...] = ()
    answer_headers: Mapping[str, str] = field(default_factory=dict)  # set on the answer
    remove_answer_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceShare:
    service: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Mirror:
    """A service that gets a copy of some requests; its answers are thrown away."""

    service: str
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Redirect:
    """What is None stays as the caller wrote it."""

    status: Literal[301, 302, 303, 307, 308] = 302
    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    keep_query: bool = True


LARGEST_ANSWER: Final = 64 * 1024  # bytes of a Respond's body


@dataclass(frozen=True, slots=True)
class Respond:
    """An answer without an upstream."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainEntry:
    provider: str
    model: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class FailoverSpec:
    max_attempts: int = 3
    first_byte_timeout: float | None = None  # None: 60 s for streamed, 10 min for other requests
    first_event: bool = False
    fallback_on: frozenset[str] = frozenset()  # classes of error, beside what always fails over
    chain: tuple[ChainEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    condition: str  # an expression over the facts, see decision.rules
    provider: str  # stands first where it holds


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a canary must keep to. None: not asked."""

    error_rate: float | None = None  # share of its attempts that fail, less than
    latency_p95: float | None = None  # seconds, less than
    cost_efficiency: float | None = None  # what the stable arm pays for a token over what the canary does, more than


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """A canary: two arms, the share of the second, and what moves it."""

    stable: tuple[Target, ...]
    canary: tuple[Target, ...]
    share: float = 0.1  # of the canary, when it begins
    steps: tuple[float, ...] = ()  # the shares it climbs to, one behind the other; (): it stays where it is
    step_every: float = 300.0
    sticky: Literal["caller", "session", "user", "none"] = "caller"
    criteria: Criteria = Criteria()
    window: float = 300.0  # seconds that are looked back
    min_samples: int = 50  # of the canary, before anything is concluded
    webhook: bool = False  # told of each move; its address is the key `webhook.STRATEGY` of the keyring


@dataclass(frozen=True, slots=True)
class StrategySpec:
    """One strategy as configured: the kind names the code, the rest are its settings."""

    name: str
    kind: str
    targets: tuple[Target, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)  # by provider, or by provider/model
    rules: tuple[Rule, ...] = ()  # the first that holds puts its provider first
    among: "StrategySpec | None" = None  # this one orders only what that one finds about as good as its best
    within: float | None = None  # how many times the best score still counts as good as it; None: only what is equal
    ties: str | None = None  # the kind that orders equal scores; None: as they are written
    scores: Mapping[str, float] = field(default_factory=dict)  # of `blend`: kinds and how much each counts
    unpriced: Literal["deny", "worst", "allow"] = "worst"
    cluster_cost_threshold: int | None = None  # nano-dollars for 1,000 tokens
    max_queue_depth: float | None = None  # a cluster with a longer queue stands behind all others
    max_latency: float | None = None  # seconds: and one whose 95th percentile is above it
    sticky_by: tuple[Literal["session", "user", "caller", "prompt"], ...] = ("session", "user", "prompt")
    regions: tuple[str, ...] = ()  # the nearest first; globs
    rollout: RolloutSpec | None = None
    webhook_proxy: Proxy | None = None  # on the way to the rollout's webhook; a canary stays the same with another


UsageMode = Literal["as_sent", "exact"]


@dataclass(frozen=True, slots=True)
class ShadowSpec:
    """A copy of some requests goes to another target too; its answer is thrown away and nobody pays for it."""

    target: Target
    share: float = 1.0


ANYTHING: Final = "*"  # as an origin, a method or a header of CORS


@dataclass(frozen=True, slots=True)
class Cors:
    """What scripts of other origins may do. No origins: nothing is said, a service answers for itself."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    max_age: float = 600.0
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    match: Match
    kind: Literal["llm", "service", "answer"] = "llm"  # answer: Envoy's own, by `redirect` or `respond`
    services: tuple[ServiceShare, ...] = ()
    mirror: Mirror | None = None
    redirect: Redirect | None = None
    respond: Respond | None = None
    rewrite: Rewrite = Rewrite()
    timeout: float | None = None
    strategy: str | None = None  # None: `strategies.default`, else `ordered`
    provider: str | None = None  # fixed by the route, where the caller names none
    model: str | None = None
    providers: tuple[str, ...] = ()  # what the route allows; () is all
    failover: FailoverSpec = FailoverSpec()
    usage: UsageMode = "as_sent"
    attend: bool = False
    when_down: Literal["refuse", "pass"] = "refuse"
    on_loss: Literal["reject", "warn", "drop"] = "warn"
    shadow: ShadowSpec | None = None
    cors: Cors | None = None  # None: as `listen.cors` says


@dataclass(frozen=True, slots=True)
class Caller:
    name: str
    key_sha256: str | None  # hex of the key's SHA-256: the key itself is never kept
    labels: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()  # globs over provider/model and model; () is all
    providers: tuple[str, ...] = ()
    strategy: str | None = None  # before the route's, behind the request's
    certificate: tuple[str, ...] = ()  # patterns over the names in its client certificate; with a key, both are needed


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may be."""

    body: int = 32 * 1024 * 1024
    headers: int = 60 * 1024
    header_count: int = 100


@dataclass(frozen=True, slots=True)
class AddressLimit:
    """What one address may do before anybody is asked who calls: a bucket of `burst`, filled at this rate."""

    requests_per_second: int
    burst: int


@dataclass(frozen=True, slots=True)
class ListenLimits:
    connections: int = 50_000
    connections_per_second: int | None = None
    streams_per_connection: int = 1_000
    per_address: AddressLimit | None = None
    headers_timeout: float = 30.0
    request_timeout: float = 3600.0
    idle_timeout: float = 3600.0
    memory: int | None = None  # bytes that Envoy may hold; None: found where it runs


@dataclass(frozen=True, slots=True)
class ListenTls:
    """That clients are spoken to in TLS, and where what is needed for it is read from."""

    certificate: str
    key: str
    client_ca: str | None = None  # written: whoever connects shows a certificate of one of its CAs


@dataclass(frozen=True, slots=True)
class Listen:
    host: str | None = None
    port: int | None = None
    tls: ListenTls | None = None
    http3: bool = False
    cors: Cors | None = None
    limits: ListenLimits = ListenLimits()
    trusted_hops: int = 0  # proxies in front whose `x-forwarded-for` is believed
    proxy_protocol: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    id: str  # a hash of everything below
    providers: Mapping[str, Provider]
    services: Mapping[str, Service]
    routes: tuple[Route, ...]
    aliases: Mapping[str, tuple[Target, ...]]
    strategies: Mapping[str, StrategySpec]
    callers: tuple[Caller, ...] = ()
    open: bool = False  # strangers may call without a key: somebody said so on purpose
    limits: Limits = Limits()
    listen: Listen = Listen()

    @property
    def clients_show_certificates(self) -> bool:
        return self.listen.tls is not None and self.listen.tls.client_ca is not None

    @property
    def knows_by_certificate(self) -> bool:
        """Whether anybody must be told which certificate a client has shown."""
        return any(caller.certificate for caller in self.callers)
