"""The portable form: what Envoys since 1.32 know, and those that somebody else configures.

Law: the processor picks one cluster and says it in a header, by which the route goes; nothing is asked of Envoy that
came after 1.32. What is lost by that is listed in `portable_losses`, and a request is never sent where it was not
meant to go: without the header there is no cluster, and Envoy answers itself.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from extproc import names
from extproc.dataplane import filters
from extproc.dataplane.form import Node, named
from extproc.dataplane.place import Place
from extproc.dataplane.references import Variable
from extproc.facts.routes import Entry
from extproc.refusal import RETRIABLE_STATUSES
from extproc.snapshot import Provider, Snapshot

MOST_RETRIES: Final = 15  # the processor says less by header
OTHER_HOSTS: Final = 50  # how often another endpoint is drawn before one is tried again; it costs nothing
# Envoy's edge obeys whom it takes for internal, by default whoever calls from a private network: nobody, then.
NOBODY_IS_INTERNAL: Final = {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]}
# every 5 s: the fields for more are on their way out of newer Envoys
NAMES_ARE_LOOKED_UP: Final[Node] = {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED"}
# Headers of a request that Envoy's older signer must leave alone: it signs all that it is not told to leave.
_UNSIGNED_PREFIXES: Final = ("x-envoy-", "x-forwarded-", "x-extproc-")
_UNSIGNED: Final = (
    *(name for name in names.FORWARDED_HEADERS if name != "content-type"),
    names.ENVOY_REQUEST_ID,
    "accept-encoding",
    "content-length",
    "transfer-encoding",
)


def without_proxies(snapshot: Snapshot) -> Snapshot:
    """Every upstream is connected to directly."""
    return replace(
        snapshot,
        providers={name: replace(one, proxy=None) for name, one in snapshot.providers.items()},
        services={name: replace(one, proxy=None) for name, one in snapshot.services.items()},
    )


def router_filter(*asked: str) -> Node:
    """`asked`: attributes beside those that it always asks for."""
    made = older(filters.router_filter(*asked))
    made["typed_config"]["grpc_service"]["initial_metadata"].append(
        {"key": names.FORM_METADATA, "value": names.FORM_PORTABLE}
    )
    receiving = [names.META, names.META_PRIVATE, names.META_USAGE, names.META_WALK]
    made["typed_config"]["metadata_options"] = {"receiving_namespaces": {"untyped": receiving}}
    return made


def older(asks_processor: Node) -> Node:
    """A filter that asks the processor, without what came after 1.32: a failure is 500 there, which the local replies
    make 503."""
    config = {key: value for key, value in asks_processor["typed_config"].items() if key != "status_on_error"}
    return {**asks_processor, "typed_config": config}


def to_chosen_cluster(entry: Entry, told: Iterable[tuple[str, str]]) -> Node:
    """An LLM route: its answers always come by, because no other filter shows their errors."""
    mode = filters.with_request_body("SEND") if entry.body == "json" else filters.headers_only("SEND")
    return {
        "typed_per_filter_config": filters.router_mode(mode, tells=told),
        "route": {"cluster_header": names.CTL_CLUSTER, "retry_policy": _retry_policy()},
    }


def _retry_policy() -> Node:
    """Within one pool, at another of its endpoints."""
    elsewhere = named(
        "envoy.retry_host_predicates.previous_hosts", "retry.host.previous_hosts.v3.PreviousHostsPredicate"
    )
    return {
        "retry_on": "5xx,reset,connect-failure,refused-stream,retriable-status-codes",
        "retriable_status_codes": sorted(RETRIABLE_STATUSES),
        "num_retries": MOST_RETRIES,
        "retry_host_predicate": [elsewhere],
        "host_selection_retry_max_attempts": str(OTHER_HOSTS),
    }


def credential_filters(provider: Provider, place: Place) -> list[Node]:
    kind = provider.credential.kind
    if kind in ("aws_keys", "aws_chain"):
        return [_aws_signer(provider)]
    if kind != "injected":
        return []
    reference = place.references.get(provider.cluster)
    if isinstance(reference, Variable):
        return [_sets(provider, f"%ENVIRONMENT({reference.name})%")]
    injected = filters.credential_injector(provider.credential, provider.cluster, place)
    injected["typed_config"]["credential"]["typed_config"].pop("header_value_prefix", None)
    if not provider.credential.prefix:
        return [injected]
    return [injected, _sets(provider, f"%REQ({provider.credential.header})%")]


def _sets(provider: Provider, value: str) -> Node:
    """The injector of older Envoys knows no prefix."""
    credential = provider.credential
    line = {
        "header": {"key": credential.header, "value": f"{credential.prefix}{value}"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    mutations = {"request_mutations": [{"append": line}]}
    return named(
        "envoy.filters.http.header_mutation", "filters.http.header_mutation.v3.HeaderMutation", mutations=mutations
    )


def _aws_signer(provider: Provider) -> Node:
    """With the keys that Envoy finds where AWS's own programs do: none can be named to an older one."""
    left_alone: list[dict[str, Any]] = [{"prefix": prefix} for prefix in _UNSIGNED_PREFIXES]
    left_alone += [{"exact": name} for name in _UNSIGNED]
    return named(
        "envoy.filters.http.aws_request_signing",
        "filters.http.aws_request_signing.v3.AwsRequestSigning",
        service_name="bedrock",
        region=provider.region,
        match_excluded_headers=left_alone,
    )
