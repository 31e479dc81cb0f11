"""The schema: every key that an operator may write, with its meaning. JSON Schema and reference page come from it.

Law: a key is either here and works, or here and listed in `later.py` (an error that says so), or unknown (an error with
the nearest name). Nothing is accepted and ignored. Meanings that need more than one key are checked in `compile.py`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from extproc.config.forms import parse_duration, parse_size
from extproc.snapshot import Dialect

Duration = Annotated[float, BeforeValidator(parse_duration), Field(json_schema_extra={"type": ["string", "number"]})]
Size = Annotated[int, BeforeValidator(parse_size), Field(json_schema_extra={"type": ["string", "integer"]})]
Dollars = Annotated[str, BeforeValidator(lambda v: repr(v) if isinstance(v, float) else str(v))]


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)


class PriceKeys(Keys):
    input: Dollars = Field(description="Dollars for a million input tokens.")
    output: Dollars = Field("0", description="Dollars for a million output tokens.")
    cached_input: Dollars | None = Field(None, description="Dollars for a million input tokens read from a cache.")
    cache_write: Dollars | None = Field(None, description="Dollars for a million input tokens written to a cache.")


class ModelKeys(Keys):
    name: str = Field(description="What callers ask for; `*` makes it a glob.")
    upstream: str | None = Field(None, description="What the provider is told; left out: the name asked for.")
    price: PriceKeys | None = Field(None, description="Overrides the shipped table.")
    context: int | None = Field(None, gt=0, description="Tokens of prompt and answer together.")
    max_output: int | None = Field(None, gt=0, description="Most tokens of one answer.")
    capabilities: list[str] = Field([], description="tools, vision, json_schema, reasoning, and tags of your own.")
    endpoints: list[str] | None = Field(
        None, description="Families it serves: chat, completions, embeddings, moderations, images, speech, audio."
    )


class SecretFileKeys(Keys):
    file: str = Field(description="A file with the secret; watched, so it can rotate.")


class AwsProfileKeys(Keys):
    aws: str = Field(description="A profile of the AWS credentials file, or `default` for the provider chain.")


class AwsStaticKeys(Keys):
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class GoogleKeys(Keys):
    google: str = Field(description="`default`, or a service account file.")


CredentialKeys = str | SecretFileKeys | AwsProfileKeys | AwsStaticKeys | GoogleKeys


class BreakerKeys(Keys):
    failure_threshold: int = Field(5, ge=1, description="Consecutive failures that shut a target.")
    timeout: Duration = Field(60.0, description="How long a shut target is left out before it is probed.")
    half_open_requests: int = Field(3, ge=1, description="Requests that may probe it at the same time.")


class HealthKeys(Keys):
    interval: Duration = 30.0
    timeout: Duration = 10.0
    failure_threshold: int = Field(3, ge=1)
    success_threshold: int = Field(2, ge=1)
    path: str | None = None


class HmacKeys(Keys):
    secret: str | SecretFileKeys
    scheme: Literal["v1", "v2"] = "v1"


class SignKeys(Keys):
    hmac: HmacKeys


class TlsKeys(Keys):
    client_certificate: str | None = None
    client_key: str | None = None
    ca: str | None = None
    server_name: str | None = None


class ProviderLimitsKeys(Keys):
    requests_per_minute: int | None = Field(None, gt=0)
    tokens_per_minute: int | None = Field(None, gt=0)
    concurrency: int | None = Field(None, gt=0)


class ProviderKeys(Keys):
    dialect: Dialect = Field(description="The shape of its API.")
    base_url: str | None = Field(
        None,
        description="What that vendor's SDK is given: with the version for openai and openrouter, the origin for all "
        "others. Left out: the vendor's own.",
    )
    endpoints: list[str] | None = Field(None, description="Origins of one pool, instead of base_url.", min_length=1)
    credential: CredentialKeys | None = Field(
        None, description="A secret, {file: PATH}, `caller` (the caller's own passes), or left out: none is sent."
    )
    models: list[str | ModelKeys] | dict[str, str] | None = Field(
        None, description="Names, globs or models with settings, or a map name: upstream. Left out: any name."
    )
    default_model: str | None = Field(None, description="Taken where a failover chain's entry names none that fits.")
    headers: dict[str, str] = Field({}, description="Sent with every attempt.")
    api_version: str | None = Field(None, description="azure_openai: the `api-version` of the dated form; `v1` for v1.")
    region: str | None = Field(None, description="Where it is; bedrock and vertex need it.")
    project: str | None = Field(None, description="vertex: the Google Cloud project.")
    timeout: Duration | None = Field(None, description="Until the first byte, for this provider's attempts.")
    connect_timeout: Duration = Field(5.0, description="Until the connection stands.")
    http2: bool = Field(False, description="Speak HTTP/2 without TLS (h2c) to http:// addresses.")
    ca: str | None = Field(None, description="A file of CA certificates that its TLS is checked against.")
    tls: TlsKeys | None = Field(None, description="Client certificate, CA and server name for its TLS.")
    sign: SignKeys | None = Field(None, description="Sign requests for the receiving side to verify.")
    circuit_breaker: BreakerKeys = Field(BreakerKeys(), description="When a target is left out for a while.")
    health: HealthKeys | None = Field(None, description="Active probes.")
    limits: ProviderLimitsKeys | None = Field(None, description="What this provider allows us.")
    cost_per_hour: Dollars | None = Field(None, description="A self-hosted cluster's price, in dollars an hour.")
    capabilities: list[str] = Field([], description="What all of its models can do.")


class ServiceKeys(Keys):
    endpoints: list[str] = Field(description="Origins of one pool.", min_length=1)
    http2: bool = Field(False, description="Speak HTTP/2 without TLS (h2c) to http:// addresses.")
    ca: str | None = Field(None, description="A file of CA certificates that its TLS is checked against.")
    tls: TlsKeys | None = None
    connect_timeout: Duration = Field(5.0, description="Until the connection stands.")


class MatchKeys(Keys):
    path: str | None = Field(None, description="Exact, or a glob: `*` stands for any characters, slashes included.")
    path_prefix: str | None = Field(None, description="Everything below this path, at a slash.")
    path_regex: str | None = Field(None, description="An RE2 expression over the whole path.")
    host: str | list[str] | None = Field(None, description="Host names; `*.example.com` for all below.")
    method: str | list[str] | None = Field(None, description="HTTP methods.")
    headers: dict[str, str] = Field({}, description="Headers by exact value; `*` for present.")
    query: dict[str, str] = Field({}, description="Query parameters by exact value; `*` for present.")


class RewriteKeys(Keys):
    path: str | None = Field(None, description="The new path; `$n` is the n-th star of the match. The query is kept.")
    host: str | None = Field(None, description="The new host.")


class ChainEntryKeys(Keys):
    provider: str
    model: str | None = None
    weight: float | None = Field(None, ge=0)


class RouteFailoverKeys(Keys):
    chain: str | None = Field(None, description="A chain of `failover.chains`.")
    max_attempts: int | None = Field(None, ge=1, le=16, description="Counts the first.")
    first_byte_timeout: Duration | None = Field(None, description="Until a provider's first byte.")
    first_event: bool | None = Field(None, description="Also when the first event of a stream is an error.")
    fallback_on: list[str] | None = None


class WeightedServiceKeys(Keys):
    service: str
    weight: int = Field(ge=0)


class RouteKeys(Keys):
    name: str | None = Field(None, description="Shown in logs and metrics; left out: made from its place and path.")
    match: MatchKeys = Field(MatchKeys(), description="All that is written must hold; left out: everything.")
    service: str | list[WeightedServiceKeys] | None = Field(None, description="Proxy to this service.")
    rewrite: RewriteKeys | None = Field(None, description="What the service is told instead.")
    timeout: Duration | None = Field(None, description="For the whole exchange with a service.")
    mirror: str | None = None
    redirect: str | dict[str, Any] | None = None
    respond: dict[str, Any] | None = None
    strategy: str | None = Field(None, description="Orders the candidates; a name of `strategies` or a kind.")
    provider: str | None = Field(None, description="For requests that name no provider.")
    model: str | None = Field(None, description="For requests that name no model.")
    providers: list[str] | None = Field(None, description="What this route allows.")
    failover: str | RouteFailoverKeys | None = Field(None, description="A chain's name, or settings.")
    usage: Literal["as_sent", "exact"] = Field(
        "as_sent", description="exact asks the provider for usage in streams and hides the chunk from who did not ask."
    )
    attend: bool = Field(False, description="Keep the processor's stream open until the answer's end.")
    when_down: Literal["refuse", "pass"] = Field(
        "refuse", description="What Envoy does while the processor is down; `pass` is for services only."
    )
    on_loss: Literal["reject", "warn", "drop"] = Field("warn", description="What a target cannot express.")


class AliasKeys(Keys):
    provider: str
    fallback: str | list[str] | None = None
    model: str | None = None


class RuleKeys(Keys):
    condition: str
    provider: str


class StrategyKeys(Keys):
    kind: str = Field(description="ordered, weighted, …")
    targets: list[str] = Field([], description="Limit and order: `provider/model`, or a provider.")
    weights: dict[str, float] = Field({}, description="By provider or provider/model; 0 is never chosen.")
    rules: list[RuleKeys] = []
    among: "StrategyKeys | None" = None
    within: float | None = None
    cluster_cost_threshold: Dollars | None = None


class FailoverKeys(Keys):
    max_attempts: int = Field(3, ge=1, le=16, description="Counts the first; a target is tried once.")
    first_byte_timeout: Duration | None = Field(
        None, description="Until a provider's first byte. Left out: 60s for streamed, 10m for other requests."
    )
    first_event: bool = Field(False, description="Fail over also when the first event of a stream is an error.")
    chains: dict[str, list[ChainEntryKeys]] = Field({}, description="Named orders; weights draw them.")


class CallerKeys(Keys):
    name: str = Field(description="Shown in logs and metrics.")
    key: str | SecretFileKeys | None = Field(None, description="The key, as the caller sends it.")
    hash: str | None = Field(None, description="Or the SHA-256 of the key, in hex.")
    labels: dict[str, str] = Field({}, description="team, project, …: who pays.")
    models: list[str] = Field([], description="Globs over model names and provider/model; left out: all.")
    providers: list[str] = Field([], description="Left out: all.")


class ClassificationKeys(Keys):
    header: str
    providers: dict[str, list[str]]


class ListenTlsKeys(Keys):
    certificate: str
    key: str
    client_ca: str | None = None


class ListenKeys(Keys):
    host: str | None = Field(None, description="127.0.0.1 unless --host says otherwise.")
    port: int | None = Field(None, ge=1, le=65535, description="8080 unless --port says otherwise.")
    tls: ListenTlsKeys | None = None


class LimitsKeys(Keys):
    body: Size = Field(32 * 1024 * 1024, gt=0, description="Largest body of a request that is read; above it 413.")


class Configuration(Keys):
    providers: dict[str, ProviderKeys] = Field({}, description="Somebody's API, or a self-hosted cluster.")
    services: dict[str, ServiceKeys] = Field({}, description="Plain HTTP upstreams.")
    routes: list[RouteKeys] | None = Field(None, description="First match wins. Left out: all LLM paths are one route.")
    aliases: dict[str, list[str] | AliasKeys | str] = Field(
        {}, description="What callers may ask for → targets, in order: the failover chain of that name."
    )
    strategies: dict[str, StrategyKeys] = Field({}, description="Named orders; `default` is every route's default.")
    failover: FailoverKeys = Field(FailoverKeys(), description="What happens when a target fails.")
    callers: list[CallerKeys] | None = Field(None, description="Who may call. Left out: only loopback.")
    classification: ClassificationKeys | None = None
    policies: list[str] | None = None
    budgets: list[str] | None = None
    state: str = Field("memory", description="Where counters live.")
    listen: ListenKeys = Field(ListenKeys(), description="Where clients connect.")
    limits: LimitsKeys = LimitsKeys()
