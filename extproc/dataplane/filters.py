"""The HTTP filters: the two that ask the processor, those that show a credential, the one that dresses answers.

Law: the two ext_proc filters never share a name, or per-route settings of one would hold for the other and a route that
fails open would send a caller's credential upstream.
"""

from collections.abc import Iterable
from importlib.resources import files

from extproc import names
from extproc.dataplane.form import ANY, Node, file_source, named, typed
from extproc.dataplane.place import Place
from extproc.dataplane.references import AwsProfile, AwsVariables, followed
from extproc.snapshot import Credential, Provider

EXTERNAL_PROCESSOR = "filters.http.ext_proc.v3.ExternalProcessor"
PER_ROUTE = "filters.http.ext_proc.v3.ExtProcPerRoute"
LUA = "filters.http.lua.v3.Lua"
LUA_PER_ROUTE = "filters.http.lua.v3.LuaPerRoute"
PROCESSOR_CLUSTER = "processor"
MESSAGE_TIMEOUT = "5s"  # Envoy's default of 200 ms is less than a processor needs for a large body under load
# A processor that restarts is waited for: measured, 0 of 78 requests failed, without it 8.
PATIENCE: Node = {
    "num_retries": 20,  # for almost as long as the message timeout allows
    # cancelled: what a processor says that takes its leave, of streams that came a moment too late
    "retry_on": "reset,connect-failure,refused-stream,unavailable,cancelled",
    "retry_back_off": {"base_interval": "0.1s", "max_interval": "0.5s"},
    # at another one, if there is one: it may be alive, or know what this one does not
    "retry_host_predicate": [
        named("envoy.retry_host_predicates.previous_hosts", "retry.host.previous_hosts.v3.PreviousHostsPredicate")
    ],
    "host_selection_retry_max_attempts": 50,  # the one that refuses is the least busy, so drawn most
}
SECRET_NAME = "credential"  # in each cluster's own file
AWS_PROFILE = "default"  # the same for AWS keys
HELD_AT_MOST = "600s"  # the longest that the processor may ask for while it holds an answer

UPSTREAM_CODEC = named("envoy.filters.http.upstream_codec", "filters.http.upstream_codec.v3.UpstreamCodec")


def asks_processor(filter_name: str, said: str, **fields: object) -> Node:
    return named(
        filter_name,
        EXTERNAL_PROCESSOR,
        grpc_service={**_the_processor(said), "retry_policy": PATIENCE},
        stat_prefix=said,
        message_timeout=MESSAGE_TIMEOUT,
        status_on_error={"code": "ServiceUnavailable"},  # Envoy's default is 500
        # without it Envoy ignores what we say of :path, :authority and x-envoy-*
        mutation_rules={"allow_all_routing": True, "allow_envoy": True},
        **fields,
    )


def _the_processor(said: str) -> Node:
    return {
        "envoy_grpc": {"cluster_name": PROCESSOR_CLUSTER},
        "timeout": "3600s",  # an attended exchange holds its stream until the answer ends
        "initial_metadata": [{"key": names.FILTER_METADATA, "value": said}],
    }


def router_filter(*more_attributes: str) -> Node:
    """Asks for a decision. Bodies are asked for by route, so that upgrades and uploads are never buffered."""
    return asks_processor(
        names.ROUTER_FILTER,
        names.FILTER_ROUTER,
        allow_mode_override=True,
        # answers only where a route may be attended: the processor is not asked about Envoy's own refusals
        processing_mode=headers_only("SKIP"),
        request_attributes=[names.ATTR_ROUTE, names.ATTR_SOURCE, *more_attributes],
        # which target an attended answer came from, and whether it did
        response_attributes=[names.ATTR_ATTEMPT, names.ATTR_DETAILS],
        metadata_options={
            "receiving_namespaces": {
                "untyped": [names.META, names.META_PRIVATE, names.META_PLAN, names.META_USAGE],
            }
        },
    )


def headers_only(response: str) -> Node:
    return {
        "request_header_mode": "SEND",
        "request_body_mode": "NONE",
        "response_header_mode": response,
        "response_body_mode": "NONE",
    }


def with_request_body(response: str) -> Node:
    return {**headers_only(response), "request_body_mode": "BUFFERED"}


def attempt_filter() -> Node:
    """Addresses and translates one attempt. It never sees a response body: over 1 MiB that crashes Envoy 1.40."""
    return asks_processor(
        names.ATTEMPT_FILTER,
        names.FILTER_ATTEMPT,
        processing_mode=with_request_body("SKIP"),
        request_attributes=[names.ATTR_CLUSTER, names.ATTR_ATTEMPT],
        metadata_options=_attempt_metadata(),
    )


def holding_attempt_filter() -> Node:
    """The attempt filter that also holds an answer until enough of it is there, and then leaves.

    STREAMED because FULL_DUPLEX loses data when it is left early; the body must come without waiting for the reply to
    the headers, because that reply is what is held.
    """
    return asks_processor(
        names.ATTEMPT_FILTER,
        names.FILTER_ATTEMPT,
        processing_mode={**with_request_body("SEND"), "response_body_mode": "STREAMED"},
        send_body_without_waiting_for_header_response=True,
        max_message_timeout=HELD_AT_MOST,
        request_attributes=[names.ATTR_CLUSTER, names.ATTR_ATTEMPT],
        metadata_options=_attempt_metadata(),
    )


def shadow_attempt_filter() -> Node:
    """The attempt filter of shadows. It also sees how the answer begins, since no record of it is written."""
    return asks_processor(
        names.ATTEMPT_FILTER,
        names.FILTER_SHADOW,
        processing_mode=with_request_body("SEND"),
        request_attributes=[names.ATTR_CLUSTER],
    )


def _attempt_metadata() -> Node:
    return {
        "forwarding_namespaces": {"untyped": [names.META, names.META_PRIVATE]},
        "receiving_namespaces": {"untyped": [names.META]},
    }


def credential_injector(credential: Credential, cluster: str, place: Place) -> Node:
    """Behind the attempt filter, which has removed whatever an earlier attempt left in this header."""
    generic: Node = {"header": credential.header, "credential": _secret(cluster, place)}
    if credential.prefix:
        generic["header_value_prefix"] = credential.prefix
    return named(
        "envoy.filters.http.credential_injector",
        "filters.http.credential_injector.v3.CredentialInjector",
        overwrite=True,
        credential=named(
            "envoy.http.injected_credentials.generic", "http.injected_credentials.generic.v3.Generic", **generic
        ),
    )


def _secret(cluster: str, place: Place) -> Node:
    if place.secrets_apart:
        return {"name": SECRET_NAME, "sds_config": file_source(place.secret(cluster))}
    return {"name": cluster}  # of the bootstrap's own


def aws_signer(provider: Provider, place: Place) -> Node:
    """Behind the attempt filter too, whose body and path it signs. Without keys Envoy sends the request unsigned."""
    signer: Node = {
        "service_name": "bedrock",
        "region": provider.region,
        # all that AWS asks for; what Envoy itself adds on the way out must not be signed
        "match_included_headers": [{"exact": "host"}, {"exact": "content-type"}, {"prefix": "x-amz-"}],
    }
    if provider.credential.kind == "aws_keys":
        signer["credential_provider"] = {
            "custom_credential_provider_chain": True,  # else Envoy also asks the environment and the machine's metadata
            **_aws_keys(provider, place),
        }
    return named(
        "envoy.filters.http.aws_request_signing", "filters.http.aws_request_signing.v3.AwsRequestSigning", **signer
    )


def _aws_keys(provider: Provider, place: Place) -> Node:
    reference = place.references.get(provider.cluster)
    if isinstance(reference, AwsVariables):
        return {"environment_credential_provider": {}}
    file, profile = place.aws_keys(provider.cluster), AWS_PROFILE
    if isinstance(reference, AwsProfile):
        file, profile = reference.file, reference.name
    return {"credentials_file_provider": {"credentials_data_source": followed(file), "profile": profile}}


def credential_filters(provider: Provider, place: Place) -> list[Node]:
    """What shows the provider who pays; where the caller's own key passes, the attempt filter has written it."""
    if provider.credential.kind == "injected":
        return [credential_injector(provider.credential, provider.cluster, place)]
    if provider.credential.kind in ("aws_keys", "aws_chain"):
        return [aws_signer(provider, place)]
    return []


def answer_filter() -> Node:
    """First in the list, so last on the way back: it sees what the caller gets, refusals included."""
    return _script(names.ANSWER_FILTER, "answer.lua")


def walk_filters() -> list[Node]:
    """First in each cluster of a plan: Envoy itself counts the sink too, and remembers only the last host."""
    host = {
        "header": {"key": names.CTL_HOSTS, "value": "%UPSTREAM_HOST%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    tell = named(
        "envoy.filters.http.header_mutation",
        "filters.http.header_mutation.v3.HeaderMutation",
        mutations={"request_mutations": [{"append": host}]},
    )
    return [tell, _script(names.WALK_FILTER, "walk.lua")]


def _script(filter_name: str, file: str) -> Node:
    source = files("extproc.dataplane").joinpath(file).read_text(encoding="utf-8")
    return named(filter_name, LUA, default_source_code={"inline_string": source})


def without_answer_filter() -> Node:
    return {names.ANSWER_FILTER: typed(LUA_PER_ROUTE, disabled=True)}


def router_mode(mode: Node, *, fail_open: bool = False, tells: Iterable[tuple[str, str]] = ()) -> Node:
    """What a route asks of the router filter; `tells`: what its streams say to the processor."""
    overrides: Node = {"processing_mode": mode}
    if told := [{"key": key, "value": value} for key, value in tells]:
        overrides["grpc_initial_metadata"] = told
    if fail_open:
        overrides["failure_mode_allow"] = True
        # who may pass without it does not wait for one that is down (measured: 5 s for each request)
        overrides["grpc_service"] = _the_processor(names.FILTER_ROUTER)
    return {names.ROUTER_FILTER: typed(PER_ROUTE, overrides=overrides)}


def without_router_filter() -> Node:
    return {names.ROUTER_FILTER: typed(PER_ROUTE, disabled=True)}


def without(*filter_names: str) -> Node:
    """Filters that are not even made for a route's requests."""
    off = {"@type": f"{ANY}/envoy.config.route.v3.FilterConfig", "disabled": True}
    return dict.fromkeys(filter_names, off)
