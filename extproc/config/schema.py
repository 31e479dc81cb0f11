"""The schema: every key that an operator may write, with its meaning. JSON Schema and reference page come from it.

Law: a key is either here and works, or here and listed in `later.py` (an error that says so), or unknown (an error with
the nearest name). Nothing is accepted and ignored. Meanings that need more than one key are checked in `compile.py`.
"""

from typing import Annotated, Literal

from pydantic import Field, Tag

from extproc.config.schema_credentials import SecretKeys
from extproc.config.schema_strategies import StrategyKeys
from extproc.config.schema_upstreams import ProviderKeys, ServiceKeys
from extproc.config.values import (
    LIST,
    MAPPING,
    Count,
    Duration,
    Flag,
    Keys,
    Share,
    Size,
    Text,
    TextOrList,
    one_of,
)
from extproc.dialects.upstream_error import CLASSES

FALLBACK_ON = (
    "Classes of error that go on to the next target, beside what always does (5xx, 408, 409, 425, 429, no answer): "
    + ", ".join(f"`{name}`" for name in CLASSES)
    + "."
)


class MatchKeys(Keys):
    path: str | None = Field(None, description="Exact, or a glob: `*` stands for any characters, slashes included.")
    path_prefix: str | None = Field(None, description="Everything below this path, at a slash.")
    path_regex: str | None = Field(None, description="An RE2 expression over the whole path.")
    host: TextOrList | None = Field(None, description="Host names; `*.example.com` for all below.")
    method: TextOrList | None = Field(None, description="HTTP methods.")
    headers: dict[str, str] = Field({}, description="Headers by exact value; `*` for present.")
    query: dict[str, str] = Field({}, description="Query parameters by exact value; `*` for present.")


class RewriteKeys(Keys):
    path: str | None = Field(None, description="The new path; `$n` is the n-th star of the match. The query is kept.")
    host: str | None = Field(None, description="The new host.")
    headers: dict[str, str] = Field({}, description="Headers that are set on the request.")
    remove_headers: list[str] = Field([], description="Headers that are taken off the request.")
    answer_headers: dict[str, str] = Field({}, description="Headers that are set on the answer.")
    remove_answer_headers: list[str] = Field([], description="Headers that are taken off the answer.")


class ChainEntryKeys(Keys):
    provider: str = Field(description="A provider's name.")
    model: str | None = Field(None, description="Left out: the model asked for, else the provider's default_model.")
    weight: float | None = Field(None, ge=0, description="Draws the order; 0 is never chosen, left out is 1.")


class RouteFailoverKeys(Keys):
    chain: str | None = Field(None, description="A chain of `failover.chains`.")
    max_attempts: Count | None = Field(None, ge=1, le=16, description="Counts the first.")
    first_byte_timeout: Duration | None = Field(None, description="Until a provider's first byte.")
    first_event: bool | None = Field(None, description="Also when the first event of a stream is an error.")
    fallback_on: list[str] | None = Field(None, description=FALLBACK_ON)


class WeightedServiceKeys(Keys):
    service: str = Field(description="A service's name.")
    weight: Count = Field(ge=0, description="Its share.")


ServiceChoice = Annotated[
    Text | Annotated[list[WeightedServiceKeys], Tag(LIST)], one_of("a service's name, or a list of {service, weight}")
]
FailoverChoice = Annotated[
    Text | Annotated[RouteFailoverKeys, Tag(MAPPING)], one_of("a chain's name, or a mapping of settings")
]


class ShadowKeys(Keys):
    target: str = Field(description="`provider/model`: who gets the copies.")
    share: Share = Field(1.0, description="Of the route's requests: `10%` or `0.1`.")


ShadowChoice = Annotated[
    Text | Annotated[ShadowKeys, Tag(MAPPING)], one_of("`provider/model`, or a mapping of target and share")
]


class MirrorKeys(Keys):
    service: str = Field(description="The service that gets the copies.")
    share: Share = Field(1.0, description="Of the requests: `10%` or `0.1`.")


class RedirectKeys(Keys):
    scheme: Literal["http", "https"] | None = Field(None, description="Left out: as the caller came.")
    host: str | None = Field(None, description="Left out: the host that was asked for.")
    port: Count | None = Field(None, ge=1, le=65535, description="Left out: the scheme's own, or as it was.")
    path: str | None = Field(None, description="The new path; `$n` is the n-th star of the match.")
    status: Literal[301, 302, 303, 307, 308] = Field(302, description="Of the answer; 307 and 308 keep the method.")
    keep_query: Flag = Field(True, description="Whether the caller's query goes along.")


class RespondKeys(Keys):
    status: Count = Field(ge=200, le=599, description="Of the answer.")
    body: str = Field("", description="Text of the answer, up to 64 KiB.")
    headers: dict[str, str] = Field({}, description="Its headers; content-type is text/plain unless one says more.")


MirrorChoice = Annotated[Text | Annotated[MirrorKeys, Tag(MAPPING)], one_of("a service's name, or {service, share}")]
RedirectChoice = Annotated[
    Text | Annotated[RedirectKeys, Tag(MAPPING)], one_of("a place (a path or a URL), or {scheme, host, port, path, …}")
]


class CorsKeys(Keys):
    origins: TextOrList = Field(
        description="Where scripts may call from: `https://app.example.com`, `https://*.example.com`, or `*`."
    )
    methods: list[str] = Field(["GET", "POST", "PUT", "PATCH", "DELETE"], description="What they may do.")
    headers: list[str] = Field(
        [], description="Request headers that they may set; left out: those that API clients send."
    )
    expose: list[str] = Field([], description="Answer headers that they may read, beside the gateway's own.")
    max_age: Duration = Field(600.0, description="How long a browser remembers the answer to its question.")
    credentials: Flag = Field(False, description="Cookies and certificates may go along; not with `*`.")


CorsChoice = Annotated[
    Text | Annotated[CorsKeys, Tag(MAPPING)], one_of("`none`, or a mapping of origins, methods, headers, …")
]


class RouteKeys(Keys):
    name: str | None = Field(None, description="Shown in logs and metrics; left out: made from its place and path.")
    match: MatchKeys = Field(MatchKeys(), description="All that is written must hold; left out: everything.")
    service: ServiceChoice | None = Field(None, description="Proxy to this service, or to several by weight.")
    rewrite: RewriteKeys | None = Field(None, description="What the service is told instead.")
    timeout: Duration | None = Field(None, description="For the whole exchange with a service.")
    mirror: MirrorChoice | None = Field(None, description="A service that gets a copy; its answers are thrown away.")
    redirect: RedirectChoice | None = Field(None, description="Answer with a redirect, to a path or a URL.")
    respond: RespondKeys | None = Field(None, description="Answer without an upstream.")
    strategy: str | None = Field(None, description="Orders the candidates; a name of `strategies` or a kind.")
    provider: str | None = Field(None, description="For requests that name no provider.")
    model: str | None = Field(None, description="For requests that name no model.")
    providers: list[str] | None = Field(None, description="What this route allows.")
    failover: FailoverChoice | None = Field(None, description="A chain's name, or settings.")
    shadow: ShadowChoice | None = Field(
        None, description="Copies of its requests go here too: the answer is thrown away, and nobody is billed for it."
    )
    usage: Literal["as_sent", "exact"] = Field(
        "as_sent", description="exact asks the provider for usage in streams and hides the chunk from who did not ask."
    )
    attend: Flag = Field(
        False,
        description="Keep the processor's stream to the answer's end: tells the cost, ends with the processor.",
    )
    when_down: Literal["refuse", "pass"] = Field(
        "refuse", description="What Envoy does while the processor is down; `pass` is for services only."
    )
    on_loss: Literal["reject", "warn", "drop"] = Field("warn", description="What a target cannot express.")
    cors: CorsChoice | None = Field(
        None, description="Instead of `listen.cors` here; `none` leaves it to the service itself."
    )


class AliasKeys(Keys):
    provider: str = Field(description="Who serves it first.")
    fallback: TextOrList | None = Field(
        None, description="What comes after it: a provider or `provider/model`, or a list."
    )
    model: str | None = Field(None, description="The model asked of them; left out: the alias's own name.")


AliasChoice = Annotated[
    Annotated[list[str], Tag(LIST)] | Annotated[AliasKeys, Tag(MAPPING)] | Text,
    one_of("`provider/model`, a list of them, or {provider, fallback, model}"),
]


class FailoverKeys(Keys):
    max_attempts: Count = Field(3, ge=1, le=16, description="Counts the first; a target is tried once.")
    first_byte_timeout: Duration | None = Field(
        None, description="Until a provider's first byte. Left out: 60s for streamed, 10m for other requests."
    )
    first_event: Flag = Field(False, description="Fail over also when the first event of a stream is an error.")
    fallback_on: list[str] = Field([], description=FALLBACK_ON)
    chains: dict[str, list[ChainEntryKeys]] = Field({}, description="Named orders; weights draw them.")


class CallerKeys(Keys):
    name: str = Field(description="Shown in logs and metrics.")
    key: SecretKeys | None = Field(
        None, description="The key, as the caller sends it. A caller needs one of `key`, `hash` and `certificate`."
    )
    hash: str | None = Field(None, description="Or the SHA-256 of the key, in hex.")
    certificate: TextOrList | None = Field(
        None,
        description="With `listen.tls.client_ca`: who its certificate says it is, by a DNS name, an email address, a "
        "URI (`spiffe://…`) or the whole subject (`CN=…`, as RFC 2253 writes it); `*` stands for any characters, alone "
        "for every certificate. Beside a key: both are needed.",
    )
    labels: dict[str, str] = Field({}, description="team, project, …: who pays.")
    models: list[str] = Field([], description="Globs over model names and provider/model; left out: all.")
    providers: list[str] = Field([], description="Left out: all.")
    strategy: str | None = Field(
        None, description="Orders this caller's candidates, before the route's; a name of `strategies` or a kind."
    )


class ClassificationKeys(Keys):
    header: str = Field(description="The header that carries the class.")
    providers: dict[str, list[str]] = Field(description="Class → providers that may see it.")


class ListenTlsKeys(Keys):
    certificate: str = Field(
        description="A PEM file with the chain that clients are shown, the leaf first; may rotate."
    )
    key: str = Field(description="A PEM file with its key.")
    client_ca: str | None = Field(
        None, description="A PEM file: who connects must show a certificate of one of its CAs."
    )


class AddressLimitKeys(Keys):
    requests_per_second: Count = Field(gt=0, le=1_000_000, description="Of one address, in the long run; above it 429.")
    burst: Count | None = Field(
        None, gt=0, le=10_000_000, description="And at once; left out: as many as in two seconds."
    )


class ListenLimitsKeys(Keys):
    connections: Count = Field(50_000, gt=0, le=10_000_000, description="Open at a time; more are closed at once.")
    connections_per_second: Count | None = Field(
        None, gt=0, le=1_000_000, description="New ones, of all clients; more are closed at once."
    )
    streams_per_connection: Count = Field(
        1_000, gt=0, le=2_147_483_647, description="Requests at a time on one HTTP/2 or HTTP/3 connection."
    )
    per_address: AddressLimitKeys | None = Field(
        None, description="What one address may do, before anybody is asked who calls."
    )
    headers_timeout: Duration = Field(30.0, gt=0, description="Until a request's headers are complete.")
    request_timeout: Duration = Field(
        3600.0, gt=0, description="Until a request is complete, its body too, or its answer begins; then 408."
    )
    idle_timeout: Duration = Field(3600.0, gt=0, description="Until a connection without requests is closed.")
    memory: Size | None = Field(
        None,
        ge=32 * 1024 * 1024,
        description="What Envoy may hold; near it new requests get 503. Left out: found from the machine's memory.",
    )


class ListenKeys(Keys):
    host: str | None = Field(None, description="127.0.0.1 unless --host says otherwise.")
    port: Count | None = Field(None, ge=1, le=65535, description="8080 unless --port says otherwise.")
    tls: ListenTlsKeys | None = Field(None, description="Speak TLS to clients.")
    http3: Flag = Field(False, description="With tls: HTTP/3 too, on the same port's UDP.")
    cors: CorsKeys | None = Field(None, description="What scripts of other origins may do; left out: nothing.")
    limits: ListenLimitsKeys = Field(ListenLimitsKeys(), description="What clients may do before they are known.")
    trusted_hops: Count = Field(
        0,
        ge=0,
        le=16,
        description="How many proxies of yours stand in front, each of which adds to `x-forwarded-for`. Above 0, who "
        "can go around them chooses its own address.",
    )
    proxy_protocol: Flag = Field(
        False,
        description="The load balancer in front tells who calls by the PROXY protocol (v1 or v2); other connections "
        "are closed.",
    )


class LimitsKeys(Keys):
    body: Size = Field(
        32 * 1024 * 1024, gt=0, le=0xFFFFFFFF, description="Largest body of a request that is read; above it 413."
    )
    headers: Size = Field(
        60 * 1024, ge=1024, le=8192 * 1024, description="All headers of a request together; above it 431."
    )
    header_count: Count = Field(100, ge=20, le=10_000, description="How many headers a request may have; above it 431.")


class EgressKeys(Keys):
    proxy: str | None = Field(
        None,
        description="`http://HOST:PORT` of a proxy that tunnels (CONNECT), for every https:// upstream; "
        "`http://USER:PASSWORD@HOST:PORT` where it asks who you are. `none` or empty: there is none.",
    )
    no_proxy: TextOrList = Field(
        [],
        description="Hosts that are reached directly: names with all below them, `.example.com` for all below alone, "
        "addresses, networks, each with a port if you like; also as one text with commas. This machine always is.",
    )


class Configuration(Keys):
    providers: dict[str, ProviderKeys] = Field({}, description="Somebody's API, or a self-hosted cluster.")
    services: dict[str, ServiceKeys] = Field({}, description="Plain HTTP upstreams.")
    routes: list[RouteKeys] | None = Field(None, description="First match wins. Left out: all LLM paths are one route.")
    aliases: dict[str, AliasChoice] = Field(
        {}, description="What callers may ask for → targets, in order: the failover chain of that name."
    )
    strategies: dict[str, StrategyKeys] = Field({}, description="Named orders; `default` is every route's default.")
    failover: FailoverKeys = Field(FailoverKeys(), description="What happens when a target fails.")
    callers: list[CallerKeys] | None = Field(None, description="Who may call. Left out: only loopback.")
    classification: ClassificationKeys | None = Field(None, description="Which class of data may go where.")
    policies: list[str] | None = Field(None, description="Files of AIPolicy documents.")
    budgets: list[str] | None = Field(None, description="Files of AIBudget documents.")
    state: str = Field("memory", description="Where counters live.")
    egress: EgressKeys = Field(EgressKeys(), description="How upstreams are reached.")
    listen: ListenKeys = Field(ListenKeys(), description="Where clients connect.")
    limits: LimitsKeys = Field(LimitsKeys(), description="What a request may be at most.")
