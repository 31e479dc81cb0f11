"""The schema: every key that an operator may write, with its meaning. JSON Schema and reference page come from it.

Law: a key is either here and works, or here and listed in `later.py` (an error that says so), or unknown (an error with
the nearest name). Nothing is accepted and ignored. Meanings that need more than one key are checked in `compile.py`.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from extproc.config.forms import parse_amount, parse_count, parse_duration, parse_flag, parse_size
from extproc.snapshot import Dialect

Duration = Annotated[float, BeforeValidator(parse_duration), Field(json_schema_extra={"type": ["string", "number"]})]
Size = Annotated[int, BeforeValidator(parse_size), Field(json_schema_extra={"type": ["string", "integer"]})]
Dollars = Annotated[str, BeforeValidator(parse_amount), Field(json_schema_extra={"type": ["string", "number"]})]
Flag = Annotated[bool, BeforeValidator(parse_flag)]
Count = Annotated[int, BeforeValidator(parse_count)]

# Tags of a union's branches: each value is checked against the one branch that it was meant for. A tag is no key.
TEXT, LIST, MAPPING = "<text>", "<list>", "<mapping>"
AWS_PROFILE, AWS_STATIC, GOOGLE = "<aws>", "<aws keys>", "<google>"
TAGS = frozenset({TEXT, LIST, MAPPING, AWS_PROFILE, AWS_STATIC, GOOGLE})


def _by_shape(value: Any) -> str | None:
    if isinstance(value, (dict, BaseModel)):
        return MAPPING
    if isinstance(value, list):
        return LIST
    return TEXT if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


def _by_shape_of_credential(value: Any) -> str | None:
    if not isinstance(value, dict):
        return TEXT if _by_shape(value) == TEXT else None
    if value.keys() & {"access_key_id", "secret_access_key", "session_token"}:
        return AWS_STATIC
    return AWS_PROFILE if "aws" in value else GOOGLE if "google" in value else MAPPING


def _one_of(forms: str, choose: Callable[[Any], str | None] = _by_shape) -> Discriminator:
    return Discriminator(choose, custom_error_type="form", custom_error_message=f"must be {forms}")


Text = Annotated[str, Tag(TEXT)]


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
    context: Count | None = Field(None, gt=0, description="Tokens of prompt and answer together.")
    max_output: Count | None = Field(None, gt=0, description="Most tokens of one answer.")
    capabilities: list[str] = Field([], description="tools, vision, json_schema, reasoning, and tags of your own.")
    endpoints: list[str] | None = Field(
        None, description="Families it serves: chat, completions, embeddings, moderations, images, speech, audio."
    )


class SecretFileKeys(Keys):
    file: str = Field(description="A file with the secret; watched, so it can rotate.")


class AwsProfileKeys(Keys):
    aws: str = Field(description="A profile of the AWS credentials file, or `default` for the provider chain.")


class AwsStaticKeys(Keys):
    access_key_id: str = Field(description="AWS access key id.")
    secret_access_key: str = Field(description="AWS secret access key.")
    session_token: str | None = Field(None, description="Of temporary AWS credentials.")


class GoogleKeys(Keys):
    google: str = Field(description="`default`, or a service account file.")


CredentialKeys = Annotated[
    Text
    | Annotated[SecretFileKeys, Tag(MAPPING)]
    | Annotated[AwsProfileKeys, Tag(AWS_PROFILE)]
    | Annotated[AwsStaticKeys, Tag(AWS_STATIC)]
    | Annotated[GoogleKeys, Tag(GOOGLE)],
    _one_of("a secret, {file: PATH} or `caller`", _by_shape_of_credential),
]
SecretKeys = Annotated[Text | Annotated[SecretFileKeys, Tag(MAPPING)], _one_of("a secret or {file: PATH}")]
ModelItem = Annotated[Text | Annotated[ModelKeys, Tag(MAPPING)], _one_of("a name, a glob or {name, …}")]
ModelsKeys = Annotated[
    Annotated[list[ModelItem], Tag(LIST)] | Annotated[dict[str, str], Tag(MAPPING)],
    _one_of("a list of names, or a mapping of name: upstream"),
]
TextOrList = Annotated[Text | Annotated[list[str], Tag(LIST)], _one_of("text, or a list of texts")]


class BreakerKeys(Keys):
    failure_threshold: Count = Field(5, ge=1, description="Consecutive failures that shut a target.")
    timeout: Duration = Field(60.0, description="How long a shut target is left out before it is probed.")
    half_open_requests: Count = Field(3, ge=1, description="Requests that may probe it at the same time.")


class HealthKeys(Keys):
    interval: Duration = Field(30.0, description="Between two probes.")
    timeout: Duration = Field(10.0, description="Until a probe has failed.")
    failure_threshold: Count = Field(3, ge=1, description="Failures in a row that make a host unhealthy.")
    success_threshold: Count = Field(2, ge=1, description="Successes in a row that make it healthy again.")
    path: str | None = Field(None, description="What is asked.")


class HmacKeys(Keys):
    secret: SecretKeys = Field(description="Shared with the receiving side.")
    scheme: Literal["v1", "v2"] = Field("v1", description="Form of the signed text.")


class SignKeys(Keys):
    hmac: HmacKeys = Field(description="HMAC-SHA256 over path and body.")


class TlsKeys(Keys):
    client_certificate: str | None = Field(None, description="A PEM file, shown to the upstream.")
    client_key: str | None = Field(None, description="Its key.")
    ca: str | None = Field(None, description="A file of CA certificates.")
    server_name: str | None = Field(None, description="The name asked for and checked.")


class ProviderLimitsKeys(Keys):
    requests_per_minute: Count | None = Field(None, gt=0, description="Requests a minute.")
    tokens_per_minute: Count | None = Field(None, gt=0, description="Tokens a minute.")
    concurrency: Count | None = Field(None, gt=0, description="Requests at the same time.")


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
    models: ModelsKeys | None = Field(
        None, description="Names, globs or models with settings, or a map name: upstream. Left out: any name."
    )
    default_model: str | None = Field(None, description="Taken where a failover chain's entry names none that fits.")
    headers: dict[str, str] = Field({}, description="Sent with every attempt.")
    api_version: str | None = Field(None, description="azure_openai: the `api-version` of the dated form; `v1` for v1.")
    region: str | None = Field(None, description="Where it is; bedrock and vertex need it.")
    project: str | None = Field(None, description="vertex: the Google Cloud project.")
    timeout: Duration | None = Field(None, description="Until the first byte, for this provider's attempts.")
    connect_timeout: Duration = Field(5.0, description="Until the connection stands.")
    http2: Flag = Field(False, description="Speak HTTP/2 without TLS (h2c) to http:// addresses.")
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
    http2: Flag = Field(False, description="Speak HTTP/2 without TLS (h2c) to http:// addresses.")
    ca: str | None = Field(None, description="A file of CA certificates that its TLS is checked against.")
    tls: TlsKeys | None = Field(None, description="Client certificate, CA and server name for its TLS.")
    connect_timeout: Duration = Field(5.0, description="Until the connection stands.")


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


class ChainEntryKeys(Keys):
    provider: str = Field(description="A provider's name.")
    model: str | None = Field(None, description="Left out: the model asked for, else the provider's default_model.")
    weight: float | None = Field(None, ge=0, description="Draws the order; 0 is never chosen, left out is 1.")


class RouteFailoverKeys(Keys):
    chain: str | None = Field(None, description="A chain of `failover.chains`.")
    max_attempts: Count | None = Field(None, ge=1, le=16, description="Counts the first.")
    first_byte_timeout: Duration | None = Field(None, description="Until a provider's first byte.")
    first_event: bool | None = Field(None, description="Also when the first event of a stream is an error.")
    fallback_on: list[str] | None = Field(None, description="Classes of error that go on to the next target.")


class WeightedServiceKeys(Keys):
    service: str = Field(description="A service's name.")
    weight: Count = Field(ge=0, description="Its share.")


ServiceChoice = Annotated[
    Text | Annotated[list[WeightedServiceKeys], Tag(LIST)], _one_of("a service's name, or a list of {service, weight}")
]
FailoverChoice = Annotated[
    Text | Annotated[RouteFailoverKeys, Tag(MAPPING)], _one_of("a chain's name, or a mapping of settings")
]
RedirectChoice = Annotated[Text | Annotated[dict[str, Any], Tag(MAPPING)], _one_of("a place, or a mapping")]


class RouteKeys(Keys):
    name: str | None = Field(None, description="Shown in logs and metrics; left out: made from its place and path.")
    match: MatchKeys = Field(MatchKeys(), description="All that is written must hold; left out: everything.")
    service: ServiceChoice | None = Field(None, description="Proxy to this service.")
    rewrite: RewriteKeys | None = Field(None, description="What the service is told instead.")
    timeout: Duration | None = Field(None, description="For the whole exchange with a service.")
    mirror: str | None = Field(None, description="A service that gets a copy.")
    redirect: RedirectChoice | None = Field(None, description="Answer with a redirect.")
    respond: dict[str, Any] | None = Field(None, description="Answer without an upstream.")
    strategy: str | None = Field(None, description="Orders the candidates; a name of `strategies` or a kind.")
    provider: str | None = Field(None, description="For requests that name no provider.")
    model: str | None = Field(None, description="For requests that name no model.")
    providers: list[str] | None = Field(None, description="What this route allows.")
    failover: FailoverChoice | None = Field(None, description="A chain's name, or settings.")
    usage: Literal["as_sent", "exact"] = Field(
        "as_sent", description="exact asks the provider for usage in streams and hides the chunk from who did not ask."
    )
    attend: Flag = Field(False, description="Keep the processor's stream open until the answer's end.")
    when_down: Literal["refuse", "pass"] = Field(
        "refuse", description="What Envoy does while the processor is down; `pass` is for services only."
    )
    on_loss: Literal["reject", "warn", "drop"] = Field("warn", description="What a target cannot express.")


class AliasKeys(Keys):
    provider: str = Field(description="Who serves it first.")
    fallback: TextOrList | None = Field(
        None, description="What comes after it: a provider or `provider/model`, or a list."
    )
    model: str | None = Field(None, description="The model asked of them; left out: the alias's own name.")


AliasChoice = Annotated[
    Annotated[list[str], Tag(LIST)] | Annotated[AliasKeys, Tag(MAPPING)] | Text,
    _one_of("`provider/model`, a list of them, or {provider, fallback, model}"),
]


class RuleKeys(Keys):
    condition: str = Field(description="When it holds.")
    provider: str = Field(description="Who comes first then.")


class StrategyKeys(Keys):
    kind: str = Field(description="ordered, weighted, …")
    targets: list[str] = Field([], description="Limit and order: `provider/model`, or a provider.")
    weights: dict[str, float] = Field({}, description="By provider or provider/model; 0 is never chosen.")
    rules: list[RuleKeys] = Field([], description="The first that holds puts its provider first.")
    among: "StrategyKeys | None" = Field(None, description="The strategy that orders what this one leaves.")
    within: float | None = Field(None, description="How much worse than the best still counts as equal.")
    cluster_cost_threshold: Dollars | None = Field(None, description="Dollars per 1K tokens a cluster may cost.")


class FailoverKeys(Keys):
    max_attempts: Count = Field(3, ge=1, le=16, description="Counts the first; a target is tried once.")
    first_byte_timeout: Duration | None = Field(
        None, description="Until a provider's first byte. Left out: 60s for streamed, 10m for other requests."
    )
    first_event: Flag = Field(False, description="Fail over also when the first event of a stream is an error.")
    chains: dict[str, list[ChainEntryKeys]] = Field({}, description="Named orders; weights draw them.")


class CallerKeys(Keys):
    name: str = Field(description="Shown in logs and metrics.")
    key: SecretKeys | None = Field(None, description="The key, as the caller sends it.")
    hash: str | None = Field(None, description="Or the SHA-256 of the key, in hex.")
    labels: dict[str, str] = Field({}, description="team, project, …: who pays.")
    models: list[str] = Field([], description="Globs over model names and provider/model; left out: all.")
    providers: list[str] = Field([], description="Left out: all.")


class ClassificationKeys(Keys):
    header: str = Field(description="The header that carries the class.")
    providers: dict[str, list[str]] = Field(description="Class → providers that may see it.")


class ListenTlsKeys(Keys):
    certificate: str = Field(description="A PEM file.")
    key: str = Field(description="Its key.")
    client_ca: str | None = Field(None, description="Callers must show a certificate of this CA.")


class ListenKeys(Keys):
    host: str | None = Field(None, description="127.0.0.1 unless --host says otherwise.")
    port: Count | None = Field(None, ge=1, le=65535, description="8080 unless --port says otherwise.")
    tls: ListenTlsKeys | None = Field(None, description="Speak TLS to clients.")


class LimitsKeys(Keys):
    body: Size = Field(32 * 1024 * 1024, gt=0, description="Largest body of a request that is read; above it 413.")


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
    listen: ListenKeys = Field(ListenKeys(), description="Where clients connect.")
    limits: LimitsKeys = Field(LimitsKeys(), description="What a request may be at most.")
