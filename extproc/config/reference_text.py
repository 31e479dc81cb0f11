"""The prose of docs/configuration.md: what needs more words than a key's description has room for.

Law: every YAML block here is a whole configuration, and a test compiles each.
"""

from typing import Final

from extproc.config.reference_strategies import strategies_text

HEAD: Final = """\
# Configuration

<!-- Written by `make schema` from extproc/config; change it there. -->

One YAML file, or a directory whose `*.yaml` and `*.yml` files are read in the order of their names. `extproc check`
reads it as a start and a reload do, and prints every mistake at once as `FILE:LINE: PATH: MESSAGE (HINT)`. An unknown
key is an error, and so is a key whose feature has not landed: nothing is accepted and ignored.

```yaml
providers:
  openai: {dialect: openai, credential: "${OPENAI_API_KEY}", models: [gpt-4o, gpt-4o-mini]}
  lab: {dialect: openai, base_url: http://127.0.0.1:9001/v1, models: [small]}
aliases:
  smart: [openai/gpt-4o, lab/small]
```

`providers` alone is a complete configuration: all LLM paths are one route, and the order of the providers is the
order in which they are tried.

## How values are written

* **YAML 1.2.** Only `true` and `false` are booleans; `on`, `no` and dates are the text that was written. A key may
  stand once in a mapping. Anchors and `<<` work; tags do not.
* **Variables.** `${NAME}` and `${NAME:-default}` in any value, never in a key; they are put in after the file was
  parsed, so they cannot change its shape. Not set and without a default is an error. The default also stands in for
  an empty variable. `$$` is a dollar; a `$` before anything else is itself.
* **Durations** `500ms`, `5s`, `1m`, `2h`; a bare number is seconds. **Sizes** `64KiB`, `32MiB`, `1GiB` (and `KB`,
  `MB`, `GB` for thousands). **Money** is dollars, read exactly as written.
* **Files** named by a relative path are looked for beside the file that names them. Secret files are watched and may
  rotate.
* **A directory** reads like one file. Mappings at the top level (`providers`, `services`, `aliases`, `strategies`,
  `failover.chains`) merge by key, `routes` and `callers` are strung together. The same key twice is an error that
  names both places. Dotfiles are passed over, so a mounted ConfigMap works as it is.
* **Names** of providers, services and routes hold letters, digits, `_`, `.` and `-`.
"""

SECTIONS: Final[dict[str, str]] = {
    "providers": """\
A target is written `provider/model` everywhere and split at the first slash: `openrouter/openai/gpt-4o` is the model
`openai/gpt-4o` at `openrouter`. A name that a caller asks for is looked up as an alias, then as a listed model (exact
before glob), then as `provider/model`.

**Addresses.** `base_url` is what that vendor's own SDK is given. For `openai` and `openrouter` it holds the version
(`https://host/v1`), and the caller's path after `/v1` is appended; for the others it is the origin, with a path
before it where a proxy asks for one, and the whole path is appended. `azure_openai` takes the resource's origin or
its `/openai/v1`. Left out, it is the vendor's:

* openai `https://api.openai.com/v1`, openrouter `https://openrouter.ai/api/v1`, mistral `https://api.mistral.ai`,
  anthropic `https://api.anthropic.com`, cohere `https://api.cohere.com`, gemini
  `https://generativelanguage.googleapis.com`, ollama `http://127.0.0.1:11434`;
* vertex `https://REGION-aiplatform.googleapis.com`, with `region: global` `https://aiplatform.googleapis.com`, with
  `us` and `eu` `https://aiplatform.us.rep.googleapis.com` and `https://aiplatform.eu.rep.googleapis.com`. It needs
  `region` and `project` at any address;
* bedrock `https://bedrock-runtime.REGION.amazonaws.com`. It needs `region` here, and wherever requests are signed;
* azure_openai has none: write `https://NAME.openai.azure.com`.

`endpoints`, instead of it, are the origins of one pool, with the whole path appended. `unix:///path` is a local socket;
it has no path of its own, so the whole path is appended there too. `http://` is spoken as HTTP/1.1 unless `http2` says
h2c; `https://` as both sides agree.

**Credentials.** A secret is a string, `{value: TEXT}` or `{file: PATH}`; a file may rotate. It is sent as the vendor
wants its own keys: in `api-key` to azure_openai, `x-api-key` to anthropic, `x-goog-api-key` to gemini, and as
`Authorization: Bearer` to all others, Bedrock's API keys included. `as: bearer` sends it as `Authorization: Bearer`
to these too: for a token of Entra, Google or Anthropic that another program keeps fresh in a file. `caller` passes the
key on with which the caller came, in the same header. Left out, none is sent. A secret is never printed and never part
of what other processes are told.

Requests to bedrock are signed (SigV4) when its credential is one of AWS's:

* `{aws: default}`: with the keys that AWS's own programs would find, in this order: environment, credentials file, web
  identity (IRSA), container, instance profile. `AWS_EC2_METADATA_DISABLED=true` leaves the last out;
* `{aws: PROFILE}`: with that profile's keys in `~/.aws/credentials` or `AWS_SHARED_CREDENTIALS_FILE`; the file is
  followed. Profiles that assume a role, sign in by SSO or run a program are not read;
* `{access_key_id, secret_access_key, session_token}`: with these; each is text or `{file: PATH}`, the last is for
  temporary keys only.

```yaml
providers:
  claude: {dialect: anthropic, credential: "${ANTHROPIC_API_KEY}"}
  gemini: {dialect: gemini, credential: "${GEMINI_API_KEY}"}
  vertex: {dialect: vertex, project: my-project, region: global, credential: {value: "${GOOGLE_TOKEN}", as: bearer}}
  bedrock: {dialect: bedrock, region: us-east-1, credential: {aws: default}}
  bedrock-by-key: {dialect: bedrock, region: eu-central-1, credential: "${AWS_BEARER_TOKEN_BEDROCK}"}
  cohere: {dialect: cohere, credential: "${CO_API_KEY}"}
```

**Models.** A list of names, globs and `{name, …}`, or a mapping `name: upstream`, where `upstream` is what the
provider is told. A provider without `models` at its vendor's own address serves the models of the shipped table; at
any other address, and for openrouter and ollama, it takes any name, after all providers who list it. Prices, context
and capabilities come from the table and are overridden key by key here; what is written at a glob holds for every
name under it, so `{name: "*", price: {…}}` is a default. A name that the table does not know as it is written has the
facts of the model that it means: dated, `-latest`, `@date`, a fine-tuned one, a Bedrock profile (`us.…`, or its ARN)
without an entry of its own. A model that the table's source has dropped is served to who asks for it, and told to
nobody. A model serves the endpoints that the table
or its `endpoints` say. Unknown models serve chat; at an address that is not the vendor's own the name is taken as a
hint: `*embed*` embeddings, `*moderation*` moderations, `dall-e*` and `*image*` images, `tts*` speech, `whisper*` and
`*transcribe*` audio, `*realtime*` realtime, all others chat and completions. On gemini and vertex, names of PaLM's
days (`code-bison@002`,
`text-bison`, `chat-bison`, `textembedding-gecko` and their like) are answered by a model of today, at its price;
`extproc check` and `extproc up` say by which, and an `upstream` of your own goes before it.

**Prices.** Dollars for a million tokens. What is written replaces the table's price as a whole. A kind without a price
costs what the kind around it costs: cached, written and audio input cost `input`, `cache_write_1h` costs `cache_write`,
`cached_audio` costs `cached_input`; reasoning is output. `long_context`, `batch`, `flex` and `priority` hold only what
differs; above `long_context.above` tokens of input the whole exchange costs those prices. The tier is what the answer
says in `service_tier`.

**Capabilities.** `x` says that a model can, `no_x` that it cannot; without either the family of its name decides, and
what is written here takes back what the table says. Routing asks for `tools`, `vision`, `json_schema`, `reasoning`,
`audio`, `pdf`. Translation asks for these too:

* `sampling`: it takes temperature, top_p and top_k. `penalties`: and frequency_penalty and presence_penalty.
* `prefill`: it continues a last message of the assistant.
* `native_json_schema`: it has a field for the answer's schema; else a forced tool stands for it.
* `forced_tools`: it can be made to call a tool. `parallel_tools`: it can be told to call no more than one in a turn.
* `system_role`, `developer_role`: it takes messages of that role. `system_between_turns`: after the first turn, too.
* `signs_calls`: its calls of tools have signatures that it wants back. `fetches_links`: its provider fetches links.
* `speaks`: it answers aloud only. `draws`: pictures may stand in its answers.
* `adaptive_thinking`, `budget_thinking`: it is told to think by an effort, by a budget of tokens. `always_thinks`: it
  cannot be told not to.
* `effort_none`, `_minimal`, `_low`, `_medium`, `_high`, `_xhigh`, `_max`: it takes that effort.

**Breaker.** Counted per target: connect errors, resets, first-byte timeouts and 5xx in a row shut it; a 429 takes it
out for its Retry-After only; one good probe opens it again.

```yaml
providers:
  lab:
    dialect: openai
    base_url: http://127.0.0.1:9001/v1
    credential: lab-key
    models:
      - small
      - {name: big, price: {input: 2.5, output: 10}, context: 128000}
      - {name: vectors, endpoints: [embeddings]}
    circuit_breaker: {failure_threshold: 3, timeout: 30s}
  azure:
    dialect: azure_openai
    base_url: https://example.openai.azure.com
    api_version: "2024-10-21"
    credential: ${AZURE_OPENAI_API_KEY}
    models: {gpt-4o: my-deployment}
  pool: {dialect: openai, endpoints: [http://10.0.0.7:8000, http://10.0.0.8:8000]}
```

**Clusters by the hour.** With `cost_per_hour` a provider is a self-hosted cluster: its price is its time, whatever
its models' prices say, and it is probed. `tokens_per_second` is what you expect of it, until it is measured;
`overhead_factor` is what it costs beside its machines. A cluster that scales to zero says with `wake_up` how long a
start takes, and with `sleeps_after` when it sleeps; the wait is a part of its cost and of its latency.

**Health.** Probes are GETs that cost nothing, for providers with `cost_per_hour` or `health` only, and never in a
request's way. `failure_threshold` failed ones in a row shut a target, `success_threshold` good ones open it again. They
show the provider's credential where it is a secret of yours. `health: {enabled: false}` leaves a cluster unprobed.

**Signed requests.** `sign` adds `X-Timestamp`, `X-Signature` and `X-Auth-Type` (scheme v2: and `X-Nonce`) to each
attempt: HMAC-SHA256 with a secret that the receiving side knows too, over the request as it is really sent. `v1` is the
form without separators that other routers use; `v2` is safer, where both sides can speak it. Make a secret with
`openssl rand -hex 32`.

**Client certificates.** `tls` shows a certificate to the upstream, checks its own against a private CA, and says
another name than the address's. All are PEM files, and may rotate.

```yaml
providers:
  gpu:
    dialect: openai
    endpoints: [http://10.0.0.7:8000, http://10.0.0.8:8000]
    cost_per_hour: 0.0928
    tokens_per_second: 50
    wake_up: 90s
    sleeps_after: 15m
    health: {interval: 10s, timeout: 2s, failure_threshold: 3, success_threshold: 2, path: /health}
    sign: {hmac: {secret: "${GPU_SECRET}", scheme: v2}}
```
""",
    "services": "Plain HTTP upstreams. Routes lead to them; nothing of a request is read.\n",
    "routes": """\
The first match wins. A route with `service` is a proxy, one with `redirect` or `respond` is answered by Envoy itself,
every other one is for models, and the keys of one kind are errors on the other. In `path`, `*` stands for any
characters, slashes included, and `$1` in `rewrite.path` for what the first star stood for (with `path_regex`: the
first group). The query is kept. With `path_prefix` the prefix is replaced and the rest kept. LLM paths without `/v1`
are handled as their `/v1` form unless a route matches them as written.

A path is read before it is matched: `//` is one slash, `.` and `..` are resolved (also written `%2e`, or `..;x`),
escapes of letters, digits and `-._~` are undone, `\\` is a slash; a path with `%2F` or `%5C` is 400. Paths, header
values and queries are matched as they are written otherwise, hosts in any case, and without their port unless one is
written. Of a header that is sent several times any one value may hold; those that are lists by themselves, such as
`accept`, are one value with commas. Of a query parameter the first counts, undecoded.

A service's request costs one message to the processor; its body and its answer pass by. HTTP/1.1, HTTP/2, gRPC
(`http2: true` at the service, or `https://`) and WebSockets go through as they are. Several services share a route by
weight, and a `mirror` gets a copy of the requests, or of a `share` of them, whose answers are thrown away. `rewrite`
also sets and removes headers of the request and of the answer.

```yaml
services:
  stable: {endpoints: [http://shop:8080]}
  next: {endpoints: [http://shop-next:8080]}
  recorder: {endpoints: [http://recorder:8080]}
routes:
  - match: {path: /shop/*}
    service: [{service: stable, weight: 95}, {service: next, weight: 5}]
    mirror: {service: recorder, share: 10%}
    rewrite: {path: /$1, headers: {x-tenant: acme}, remove_headers: [cookie], remove_answer_headers: [x-powered-by]}
  - {match: {path: /old/*}, redirect: {path: /shop/$1, status: 308}}
  - {match: {path: /robots.txt}, respond: {status: 200, body: "User-agent: *"}}
```

```yaml
providers:
  openai: {dialect: openai, credential: "${OPENAI_API_KEY}"}
  openrouter: {dialect: openrouter, credential: "${OPENROUTER_API_KEY}"}
services:
  billing: {endpoints: [http://billing:8080]}
routes:
  - {match: {path: /billing/*, headers: {x-tier: gold}}, service: billing, rewrite: {path: /v2/$1}, timeout: 5s}
  - {match: {path: /v1/embeddings}, providers: [openai], model: text-embedding-3-small}
  - {match: {path: /v1/*}, strategy: weighted, failover: {chain: cheap, first_byte_timeout: 20s}, usage: exact,
     shadow: {target: openrouter/qwen/qwen3-32b, share: 5%}}
failover:
  chains:
    cheap: [{provider: openrouter, weight: 0.6}, {provider: openai, weight: 0.4}]
```

`shadow` sends a copy of some requests to one more target, `share` of them, or all. Its answer is thrown away: the
caller never waits for it or sees it, it is counted apart, and nobody is billed for it by us (its provider may).
""",
    "aliases": """\
An alias stands for its targets in their order, whatever the route's strategy: it is the failover chain of that name.
It is written as `provider/model`, as a list of them, or as `{provider, fallback, model}`, where providers are asked
for `model`, or for the alias's own name. Aliases hold no aliases.

```yaml
providers:
  openai: {dialect: openai, credential: "${OPENAI_API_KEY}"}
  openrouter: {dialect: openrouter, credential: "${OPENROUTER_API_KEY}"}
aliases:
  fast: openai/gpt-4o-mini
  smart: [openai/gpt-4o, openrouter/anthropic/claude-sonnet-4]
  gpt-4: {provider: openai, fallback: openrouter}
```
""",
    "strategies": strategies_text(),
    "failover": """\
When a target cannot be reached, breaks off, is too slow with its first byte or answers 408, 409, 425, 429 or 5xx, the
next one of the plan is tried inside the same request. A target is tried once. With none left, the last real answer
goes to the caller. An entry of a chain without `model` takes the model asked for if that provider serves it, else its
`default_model`, else is passed over.

`fallback_on` adds classes of error: what a provider's error says, whatever its status. `[context_length]` goes on to a
target with a larger context, `[content_policy]` to a provider with another policy. On such routes the answer of every
target but the last waits for one message to the processor, and an error for its body.
""",
    "callers": """\
With callers, an LLM request needs one of their keys, as `Authorization: Bearer`, `x-api-key`, `api-key` or
`x-goog-api-key`; routes to services are not guarded: a service sees its callers' headers as they are and decides
itself. Without, only this machine may call. `strategy` orders this caller's candidates. Each has `key` or `hash`,
never both; the key itself is not kept, only its SHA-256.

```yaml
providers:
  openai: {dialect: openai, credential: "${OPENAI_API_KEY}"}
callers:
  - {name: ci, key: "${CI_KEY}", labels: {team: platform}, models: ["gpt-4o*"], strategy: weighted}
  - {name: web, hash: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", providers: [openai]}
```
""",
    "limits": "A body larger than `limits.body` is refused with 413 before it is read.\n",
}

FOUND: Final = """\
## Without a file

With neither `-c` nor `./extproc.yaml`, keys in the environment make providers:

* openai: `OPENAI_API_KEY` (and `OPENAI_BASE_URL`)
* openrouter: `OPENROUTER_API_KEY`
* mistral: `MISTRAL_API_KEY`
* azure: `AZURE_OPENAI_API_KEY` with `AZURE_OPENAI_ENDPOINT` (and `AZURE_OPENAI_API_VERSION`)
* anthropic: `ANTHROPIC_API_KEY` (and `ANTHROPIC_BASE_URL`)
* gemini: `GOOGLE_API_KEY` or `GEMINI_API_KEY`
* cohere: `CO_API_KEY` or `COHERE_API_KEY`
* bedrock: `AWS_BEARER_TOKEN_BEDROCK`, or `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` (and `AWS_SESSION_TOKEN`);
  either with `AWS_REGION` or `AWS_DEFAULT_REGION`
* vertex: `CLOUDSDK_AUTH_ACCESS_TOKEN` with `GOOGLE_CLOUD_PROJECT` and `GOOGLE_CLOUD_LOCATION`
* ollama: `OLLAMA_BASE_URL`
* custom: `CUSTOM_PROVIDER_BASE_URL` (and `CUSTOM_PROVIDER_NAME`, `CUSTOM_PROVIDER_API_KEY`)

A key that is seen and cannot be used is told when the gateway starts.
"""
