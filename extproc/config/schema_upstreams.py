"""The schema of what requests are sent to: providers with their models and credentials, and services."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from extproc.config.schema_credentials import CredentialKeys, SecretKeys
from extproc.config.values import LIST, MAPPING, Count, Dollars, Duration, Flag, Keys, Number, Text, one_of
from extproc.snapshot import Dialect


class RateKeys(Keys):
    input: Dollars | None = Field(None, description="Dollars for a million input tokens.")
    output: Dollars | None = Field(None, description="Dollars for a million output tokens.")
    cached_input: Dollars | None = Field(None, description="Those of the input that were read from a cache.")
    cache_write: Dollars | None = Field(None, description="Those of the input that were written to a cache.")
    cache_write_1h: Dollars | None = Field(None, description="Those that are kept in the cache for an hour.")


class LongContextKeys(RateKeys):
    above: Count = Field(gt=0, description="With more input tokens than these the whole exchange costs these prices.")


class PriceKeys(RateKeys):
    input: Dollars = Field(description="Dollars for a million input tokens.")
    output: Dollars = Field("0", description="Dollars for a million output tokens.")
    audio_input: Dollars | None = Field(None, description="Those of the input that are audio.")
    audio_output: Dollars | None = Field(None, description="Those of the output that are audio.")
    cached_audio: Dollars | None = Field(None, description="Those of the audio that were read from a cache.")
    image_input: Dollars | None = Field(None, description="Those of the input that are images.")
    image_output: Dollars | None = Field(None, description="Those of the output that are images.")
    long_context: LongContextKeys | None = Field(None, description="What differs for long prompts.")
    batch: RateKeys | None = Field(None, description="What differs where the answer says `service_tier: batch`.")
    flex: RateKeys | None = Field(None, description="What differs where the answer says `service_tier: flex`.")
    priority: RateKeys | None = Field(None, description="What differs where it says `service_tier: priority`.")


class ModelKeys(Keys):
    name: str = Field(description="What callers ask for; `*` makes it a glob.")
    upstream: str | None = Field(None, description="What the provider is told; left out: the name asked for.")
    price: PriceKeys | None = Field(None, description="Overrides the shipped table.")
    context: Count | None = Field(None, gt=0, description="Tokens of prompt and answer together.")
    max_output: Count | None = Field(None, gt=0, description="Most tokens of one answer.")
    capabilities: list[str] = Field(
        [], description="tools, vision, json_schema, reasoning, …, `no_x` for what it cannot, and tags of your own."
    )
    endpoints: list[str] | None = Field(
        None, description="Families it serves: chat, completions, embeddings, moderations, images, speech, audio."
    )
    quality: Number | None = Field(
        None, ge=0, description="How good its answers are, more is better. Left out: its name tells, 0.3 to 0.9."
    )


ModelItem = Annotated[Text | Annotated[ModelKeys, Tag(MAPPING)], one_of("a name, a glob or {name, …}")]
ModelsKeys = Annotated[
    Annotated[list[ModelItem], Tag(LIST)] | Annotated[dict[str, str], Tag(MAPPING)],
    one_of("a list of names, or a mapping of name: upstream"),
]


class BreakerKeys(Keys):
    failure_threshold: Count = Field(5, ge=1, description="Consecutive failures that shut a target.")
    timeout: Duration = Field(60.0, description="How long a shut target is left out before it is probed.")
    half_open_requests: Count = Field(3, ge=1, description="Requests that may probe it at the same time.")


class HealthKeys(Keys):
    enabled: Flag = Field(True, description="`false`: never probed, also where a cluster would be.")
    interval: Duration = Field(30.0, description="Between two probes.")
    timeout: Duration | None = Field(
        None, description="Until a probe has failed. Left out: 10s, or the interval where that is shorter."
    )
    failure_threshold: Count = Field(3, ge=1, description="Failed probes in a row that shut it.")
    success_threshold: Count = Field(2, ge=1, description="Good ones in a row that open it again.")
    path: str | None = Field(
        None, description="What is asked, with GET: `/health`. Left out: what its kind of server answers is found out."
    )


class HmacKeys(Keys):
    secret: SecretKeys = Field(description="Shared with the receiving side: text or {file: PATH}.")
    scheme: Literal["v1", "v2"] = Field(
        "v1", description="v1: time, method, path and body, without separators. v2: with separators, query and nonce."
    )


class SignKeys(Keys):
    hmac: HmacKeys = Field(description="HMAC-SHA256 over the request as it is sent.")


class TlsKeys(Keys):
    client_certificate: str | None = Field(None, description="A PEM file, shown to the upstream; may rotate.")
    client_key: str | None = Field(None, description="A PEM file with its key.")
    ca: str | None = Field(None, description="A PEM file of the CAs that its certificate is checked against.")
    server_name: str | None = Field(
        None, description="The name that is asked for and checked; left out: the address's host."
    )


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
        None,
        description="A secret, {file: PATH}, `caller` (the caller's own passes), on bedrock {aws: …} or AWS keys, "
        "or left out: none is sent.",
    )
    models: ModelsKeys | None = Field(
        None, description="Names, globs or models with settings, or a map name: upstream. Left out: any name."
    )
    default_model: str | None = Field(None, description="Taken where a failover chain's entry names none that fits.")
    headers: dict[str, str] = Field({}, description="Sent with every attempt.")
    api_version: str | None = Field(None, description="azure_openai: the `api-version` of the dated form; `v1` for v1.")
    region: str | None = Field(None, description="Where it is; bedrock and vertex need it.")
    project: str | None = Field(None, description="vertex: the Google Cloud project, which it needs.")
    timeout: Duration | None = Field(None, description="Until the first byte, for this provider's attempts.")
    connect_timeout: Duration = Field(5.0, description="Until the connection stands.")
    proxy: str | None = Field(
        None, description="Instead of `egress`, for https:// addresses: `http://HOST:PORT`, or `none`."
    )
    http2: Flag = Field(False, description="Speak HTTP/2 without TLS (h2c) to http:// addresses.")
    ca: str | None = Field(None, description="The same as `tls.ca`.")
    tls: TlsKeys | None = Field(None, description="Client certificate, CA and server name, for https:// addresses.")
    sign: SignKeys | None = Field(None, description="Sign requests for the receiving side to verify.")
    circuit_breaker: BreakerKeys = Field(BreakerKeys(), description="When a target is left out for a while.")
    health: HealthKeys | None = Field(
        None,
        description="Active probes: GETs, never a paid call. Left out: for providers with cost_per_hour only.",
    )
    limits: ProviderLimitsKeys | None = Field(None, description="What this provider allows us.")
    cost_per_hour: Dollars | None = Field(
        None, description="Dollars an hour for the whole pool: makes it a self-hosted cluster."
    )
    overhead_factor: Number = Field(
        1.1, ge=1, description="With cost_per_hour: what it really costs, for each dollar of its machines."
    )
    tokens_per_second: Number | None = Field(
        None, gt=0, description="With cost_per_hour: of the whole pool, as you say, until it is measured."
    )
    wake_up: Duration | None = Field(
        None, description="With cost_per_hour, for clusters that scale to zero: how long a start takes."
    )
    sleeps_after: Duration = Field(600.0, description="With wake_up: how long without a request until it sleeps.")
    capabilities: list[str] = Field([], description="What all of its models can do.")


class ServiceKeys(Keys):
    endpoints: list[str] = Field(description="Origins of one pool.", min_length=1)
    http2: Flag = Field(False, description="Speak HTTP/2 without TLS (h2c) to http:// addresses.")
    ca: str | None = Field(None, description="The same as `tls.ca`.")
    tls: TlsKeys | None = Field(None, description="Client certificate, CA and server name, for https:// addresses.")
    connect_timeout: Duration = Field(5.0, description="Until the connection stands.")
    proxy: str | None = Field(
        None, description="Instead of `egress`, for https:// addresses: `http://HOST:PORT`, or `none`."
    )
