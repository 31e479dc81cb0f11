"""Every name that crosses a boundary: headers, metadata, filters, body fields.

Law: a name that another process, a caller or an operator can see is spelled here once and nowhere else;
`docs/reference.md` documents each, and a test fails on one that is missing there.
"""

from typing import Final

# --- headers that callers may say and read ---------------------------------------------------------------------------
PREFIX: Final = "x-extproc-"
PROVIDER: Final = "x-extproc-provider"  # narrow the plan to this provider
MODEL: Final = "x-extproc-model"  # the model asked for, where the body cannot say it (multipart) or should not
STRATEGY: Final = "x-extproc-strategy"  # the strategy that orders the candidates
TEAM: Final = "x-extproc-team"  # who pays
PROJECT: Final = "x-extproc-project"
CUSTOMER: Final = "x-extproc-customer"
CLASSIFICATION: Final = "x-extproc-classification"  # class of data in the request
SESSION: Final = "x-extproc-session"  # names the conversation, for strategies that keep one at one target
EXPLAIN: Final = "x-extproc-explain"  # `true` asks for x-extproc-reason
CALLER_HEADERS: Final = (PROVIDER, MODEL, STRATEGY, TEAM, PROJECT, CUSTOMER, CLASSIFICATION, SESSION, EXPLAIN)

TARGET: Final = "x-extproc-target"  # answers: the provider/model that answered
ATTEMPTS: Final = "x-extproc-attempts"  # answers: how many real targets were tried
REQUEST_ID: Final = "x-extproc-request-id"  # answers: our own id of the exchange, the one in every log line
REASON: Final = "x-extproc-reason"  # answers, when asked for: why this plan
COST: Final = "x-extproc-cost"  # answers: dollars, where they are known before the headers leave
LOSSES: Final = "x-extproc-losses"  # answers: what the caller asked for and the target could not be told
ANSWER_HEADERS: Final = (TARGET, ATTEMPTS, REQUEST_ID, REASON, COST, LOSSES)
SHOULD_RETRY: Final = "x-should-retry"  # answers: `false` on a final failure, so that SDKs do not run the plan again

# --- headers between the filters: stripped at the edge, never sent upstream ------------------------------------------
CTL_PREFIX: Final = "x-extproc-ctl-"
CTL_RETRY: Final = "x-extproc-ctl-retry"  # attempt filter → Envoy's router: try the next target
CTL_SHADOW: Final = "x-extproc-ctl-shadow"  # router filter → Envoy's router: the cluster that gets a copy
CTL_SHADOW_CALL: Final = "x-extproc-ctl-shadow-call"  # router filter → the shadow's attempt filter: what to do with it
CTL_HOSTS: Final = "x-extproc-ctl-hosts"  # Envoy's header mutation → Lua, in a cluster: the host of this attempt
CTL_PEER: Final = "x-extproc-ctl-peer"  # Envoy's listener → router filter: the certificate that the client has shown
CTL_CLUSTER: Final = "x-extproc-ctl-cluster"  # router filter → Envoy's router, portable form: where the request goes
FORM_METADATA: Final = "x-extproc-form"  # gRPC metadata: `portable` where Envoy cannot walk a plan; left out elsewhere
FORM_PORTABLE: Final = "portable"
GIVEN_CLUSTERS: Final = "x-extproc-clusters"  # gRPC metadata: the clusters that this Envoy has
GIVEN_ANSWERS: Final = "x-extproc-answers"  # gRPC metadata: `shown` where answers can be read on this route
FILTER_METADATA: Final = "x-extproc-filter"  # gRPC metadata: which filter opened the stream
FILTER_ROUTER: Final = "router"
FILTER_ATTEMPT: Final = "attempt"
FILTER_ERRORS: Final = "errors"
FILTER_SHADOW: Final = "shadow"

# --- Envoy's own headers that we set ---------------------------------------------------------------------------------
ENVOY_PREFIX: Final = "x-envoy-"
ENVOY_MAX_RETRIES: Final = "x-envoy-max-retries"
ENVOY_FIRST_BYTE_TIMEOUT: Final = "x-envoy-upstream-rq-per-try-timeout-ms"
ENVOY_REQUEST_ID: Final = "x-request-id"  # Envoy's own, made anew at the edge: what ties an attempt to its exchange

# --- filters and access logs -----------------------------------------------------------------------------------------
ROUTER_FILTER: Final = "envoy.filters.http.ext_proc.router"
ATTEMPT_FILTER: Final = "envoy.filters.http.ext_proc.attempt"
ERRORS_FILTER: Final = "envoy.filters.http.ext_proc.errors"
ANSWER_FILTER: Final = "envoy.filters.http.lua.answer"
WALK_FILTER: Final = "envoy.filters.http.lua.walk"
LOG_EXCHANGE: Final = "exchange"
LOG_ATTEMPT: Final = "attempt"
LOG_OF_BOTH: Final = "extproc"  # one name, so that Envoy sends both kinds on one stream, to one processor
EXT_PROC_ATTRIBUTES: Final = "envoy.filters.http.ext_proc"  # the key under which Envoy puts attributes

# --- dynamic metadata: namespaces and keys ---------------------------------------------------------------------------
META: Final = "extproc"  # the decision: what logs and statistics may print
META_PRIVATE: Final = "extproc.private"  # what attempts need and logs must not print
META_PLAN: Final = "extproc.plan"  # the plan in the form of Envoy's priority_group
META_USAGE: Final = "extproc.usage"  # what the answer filter saw: usage text, first chunk
META_WALK: Final = "extproc.walk"  # how far the plan was walked

M_ID: Final = "id"
M_SNAPSHOT: Final = "snapshot"
M_ROUTE: Final = "route"
M_ENDPOINT: Final = "endpoint"
M_DIALECT: Final = "dialect"
M_CALLER: Final = "caller"
M_MODEL: Final = "model"
M_STRATEGY: Final = "strategy"
M_ARM: Final = "arm"  # of a canary's strategy: `stable` or `canary`; left out where it takes no part
M_TARGETS: Final = "targets"
M_REASON: Final = "reason"
M_EXPLAIN: Final = "explain"  # true: the caller asked for x-extproc-reason
M_STREAM: Final = "stream"
M_INPUT_ESTIMATE: Final = "input_estimate"
M_REFUSAL: Final = "refusal"
M_LABELS: Final = "labels"
M_LOSSES: Final = "losses"  # of the last attempt: what its target could not be told
M_TELL_LOSSES: Final = "tell_losses"  # true: the caller is told of them
M_ATTENDED: Final = "attended"  # true: a stream of ours reads the answer, errors included

P_PATH: Final = "path"
P_METHOD: Final = "method"
P_CONTENT_TYPE: Final = "content_type"
P_CREDENTIAL: Final = "credential"
P_BODY_MODEL: Final = "body_model"
P_OWN_FIELDS: Final = "own_fields"
P_FEATURES: Final = "features"  # of a chat: what it asks for, by name
P_REJECTS: Final = "rejects"  # true: the route rejects what would get lost
P_ASK_USAGE: Final = "ask_usage"
P_FIRST_BYTE: Final = "first_byte"  # seconds
P_FIRST_EVENT: Final = "first_event"  # true: held until its first event
P_FALLBACK_ON: Final = "fallback_on"  # classes of error that go to the next target
P_BODY_BYTES: Final = "body_bytes"  # length of the caller's body: an attempt must not inherit another's

U_TEXT: Final = "text"
U_TIER: Final = "tier"  # of service, as the answer said it beside its usage
U_FIRST_CHUNK_MS: Final = "first_chunk_ms"  # since the request came
U_BEGAN_MS: Final = "began_ms"  # the answer filter's own: when the request came, since the epoch
U_FAILED: Final = "failed"  # attended streams: the code of the error event that ended it
U_COUNTED: Final = "counted"  # attended exchanges: the tokens that passed the processor

W_TRIED: Final = "tried"  # the walk filter's own: attempts, those at the sink included
W_REAL: Final = "real"  # attempts at a real address
W_TARGET: Final = "target"  # the last of those: whom it went to

# --- attributes asked of Envoy ---------------------------------------------------------------------------------------
ATTR_ROUTE: Final = "xds.route_name"
ATTR_CLUSTER: Final = "xds.cluster_name"
ATTR_ATTEMPT: Final = "upstream.request_attempt_count"
ATTR_SOURCE: Final = "source.address"
ATTR_PEER: Final = "connection.sha256_peer_certificate_digest"  # of the client's certificate, in hex
ATTR_DETAILS: Final = "response.code_details"  # who answered: an upstream, or Envoy and why
VIA_UPSTREAM: Final = "via_upstream"  # what those say of an answer that an upstream gave

# --- body fields that are ours: read, then removed before anything goes upstream -------------------------------------
OWN_FIELDS: Final = (
    "provider",  # ours only as a string: OpenRouter has an object of this name
    "team",
    "project",
    "customer",
    "customer_id",
    "environment",
    "cost_center",
    "feature",
    "user_id",
    "experiment_id",
    "region",
    "model_version",
    "priority",  # ours only as a string
    "compliance_level",
    "data_classification",
    "fallback_enabled",
    "routing_preference",
    "routing_strategy",
    "requirements",
    "task_type",
    "safety_required",
    "safety_critical",
    "session_id",
)
OURS_ONLY_AS_STRING: Final = frozenset({"provider", "priority"})

# What a provider may see of a caller's headers; everything else is removed from an attempt. The last three are the
# dialect's own: betas of OpenAI, and how OpenRouter tells applications apart. Who pays is never a caller's to say.
FORWARDED_HEADERS: Final = (
    "accept",
    "content-type",
    "user-agent",
    "traceparent",
    "tracestate",
    "openai-beta",
    "http-referer",
    "x-title",
)

# --- keys of the keyring: secrets that the processor itself uses -----------------------------------------------------
# By cluster where they are for a provider: one that moved shows its new secret where it is now, and nowhere else.
KEY_SIGN: Final = "sign."  # + cluster of a provider: the secret that its requests are signed with
KEY_CREDENTIAL: Final = "credential."  # + cluster of a provider: what probes of it show
KEY_PROXY: Final = "proxy."  # + cluster of an egress proxy: its Proxy-Authorization
KEY_WEBHOOK: Final = "webhook."  # + strategy: where its rollout is announced

# --- WebSockets -------------------------------------------------------------------------------------------------------
PROVIDER_PARAMETER: Final = "provider"  # of a WebSocket's query: browsers can set no headers
SUBPROTOCOLS: Final = "sec-websocket-protocol"
KEY_SUBPROTOCOL: Final = "openai-insecure-api-key."  # + the caller's key, as browsers send it
# Headers of the handshake: of a WebSocket they go on to its provider, of nothing else.
UPGRADE_HEADERS: Final = frozenset(
    {"upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", SUBPROTOCOLS}
)

# --- Envoy's route names ---------------------------------------------------------------------------------------------
ENDPOINT_UNKNOWN: Final = "unknown"  # the catch-all of an LLM route
ENDPOINT_SERVICE: Final = "service"
ENDPOINT_ANSWER: Final = "answer"  # a redirect or a direct response: Envoy's, without the processor


HELD_SUFFIX: Final = ".held"  # behind a cluster's name: its twin, which holds an answer until it is known what it says
SHADOW_SUFFIX: Final = ".shadow"  # likewise: its twin, which gets copies of requests
UPGRADE_SUFFIX: Final = ".upgrade"  # likewise: its twin, which speaks HTTP/1.1 alone, for WebSockets


def route_key(snapshot_id: str, route: str, endpoint: str) -> str:
    """The name of an Envoy route. It holds the snapshot, so an exchange is decided by the one that matched it."""
    return f"{snapshot_id}|{route}|{endpoint}"


def parse_route_key(text: str) -> tuple[str, str, str] | None:
    """(snapshot id, route, endpoint), or None for a route that is not ours."""
    parts = text.split("|")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None
