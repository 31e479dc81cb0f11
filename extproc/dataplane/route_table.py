"""The snapshot's routes as Envoy's.

Law: the list, its order and its path tests are those of `facts.routes`; here they get Envoy's words. Whatever no route
takes is answered by Envoy, without the processor.
"""

from collections.abc import Iterator, Mapping

from extproc import names
from extproc.dataplane import cors, filters, portable, protection, services
from extproc.dataplane.clusters import cluster_names
from extproc.dataplane.form import Node, header, named
from extproc.dataplane.listener import ROUTES
from extproc.dataplane.local_replies import error_body
from extproc.dataplane.place import Form
from extproc.dialects.endpoints import is_by_provider, is_upgraded
from extproc.facts import globs
from extproc.facts.attended import may_attend
from extproc.facts.given import write_given
from extproc.facts.matcher import PRESENT, has_port
from extproc.facts.paths import PathTest
from extproc.facts.routes import Entry, entries
from extproc.protocol.replies import LARGEST_BUFFERED
from extproc.refusal import RETRIABLE_STATUSES, Reason
from extproc.snapshot import LARGEST_ANSWER, Match, Snapshot

SINK_CLUSTER = "sink"
LONGEST_FIRST_BYTE = "600s"  # the processor says less by header, for each exchange
MOST_RETRIES = 15  # the processor says less by header; `max_attempts` is at most 16
_UPGRADES: Node = {"name": "upgrade", "string_match": {"exact": "websocket", "ignore_case": True}}
# The next try is another target, so there is nothing to wait for.
BACK_OFF = {"base_interval": "0.001s", "max_interval": "0.005s"}


def route_table(snapshot: Snapshot, form: Form = "whole") -> Node:
    host = {
        "name": "all",
        "domains": ["*"],
        "routes": [
            *routes(snapshot, form),
            *cors.around_direct(_nothing_matched(), snapshot.listen.cors, SINK_CLUSTER),
        ],
        "typed_per_filter_config": protection.on_all_routes(snapshot.listen.limits) if form == "whole" else {},
    }
    return {
        "name": ROUTES,
        "virtual_hosts": [host],
        "max_direct_response_body_size_bytes": LARGEST_ANSWER,  # Envoy's default is 4 KiB
        "validate_clusters": True,  # a route to a cluster that Envoy does not know is refused, the old table stays
    }


def routes(snapshot: Snapshot, form: Form) -> list[Node]:
    return [route for entry in entries(snapshot) for route in _routes(entry, snapshot, form)]


def _routes(entry: Entry, snapshot: Snapshot, form: Form) -> Iterator[Node]:
    """One, and others of its name before it: for WebSockets where they go another way, and for the preflights of what
    it takes where its match would not take them."""
    route: Node = {"name": entry.key(snapshot.id), "match": _match(entry)}
    policy, asked = cors.policy_of(entry.route, snapshot), entry.route.match
    if entry.route.kind == "answer":
        yield from cors.around_direct({**route, **services.answered(entry)}, policy, SINK_CLUSTER, asked.methods)
        return
    to_service = entry.route.kind == "service"
    if to_service and services.negotiates(entry.route, snapshot):
        match = {**route["match"], "headers": [*route["match"].get("headers", []), _UPGRADES]}
        yield {**route, "match": match, **services.to_service(entry, snapshot, form, upgraded=True)}
    route |= services.to_service(entry, snapshot, form) if to_service else _llm(entry, snapshot, form)
    route["typed_per_filter_config"] |= cors.on_route(policy)
    passes_preflights = to_service and entry.route.cors is not None
    if entry.is_last and (asked.methods or asked.headers) and (policy is not None or passes_preflights):
        yield {**route, "match": cors.preflight(route["match"], asked.methods)}
    yield route


def _llm(entry: Entry, snapshot: Snapshot, form: Form) -> Node:
    made = _to_first(entry, snapshot) if form == "portable" else _to_plan(entry, snapshot)
    retries = made["route"].pop("retry_policy")
    action = {
        **made["route"],
        "timeout": "0s",  # a route's timeout cuts streams
        "idle_timeout": services.IDLE,
        **_beside_the_plan(entry, retries),
    }
    return {
        **made,
        "route": action,
        # Nothing of ours comes from an upstream; removal goes before addition.
        "response_headers_to_remove": [*names.ANSWER_HEADERS, names.CTL_RETRY],
        "response_headers_to_add": [
            header(names.REQUEST_ID, "%STREAM_ID%"),  # until the answer filter knows our own
        ],
    }


def _to_first(entry: Entry, snapshot: Snapshot) -> Node:
    clusters = [name for name in cluster_names(snapshot) if not name.endswith(names.HELD_SUFFIX)]  # none is held there
    told = write_given(clusters, answers=True)
    return portable.to_chosen_cluster(entry, told)


def _to_plan(entry: Entry, snapshot: Snapshot) -> Node:
    # whoever may be attended shows its answer too; where it is not, the processor ends the stream before
    attended = may_attend(entry.route, snapshot, entry.endpoint)
    answer = "SEND" if attended else "SKIP"
    told = write_given(cluster_names(snapshot), answers=attended)
    mode = filters.with_request_body(answer) if entry.body == "json" else filters.headers_only(answer)
    return {
        "typed_per_filter_config": filters.router_mode(mode, tells=told),
        # Of answers too, in spite of its name, so it may be more than `limits.body`, which the processor minds. Over it
        # a request's body is 413; what passes is not held here, however slowly it is read.
        "request_body_buffer_limit": max(snapshot.limits.body, LARGEST_BUFFERED),
        "route": {
            "inline_cluster_specifier_plugin": {"extension": _walk_the_plan()},
            "retry_policy": _retry_policy(),
        },
    }


def _beside_the_plan(entry: Entry, retries: Node) -> Node:
    """A plan of one target is not walked, and what could be sent again would be held for that: uploads of any size."""
    if is_by_provider(entry.endpoint):
        return {"upgrade_configs": services.UPGRADES} if is_upgraded(entry.endpoint) else {}
    # the next try is at once; per try until the answer's headers, there is none for its pauses
    return {
        "retry_policy": {**retries, "per_try_timeout": LONGEST_FIRST_BYTE, "retry_back_off": BACK_OFF},
        **_copies(entry),
    }


def _copies(entry: Entry) -> Node:
    """Requests that the processor marks go to a shadow too, once, whatever becomes of the plan."""
    if entry.route.shadow is None:
        return {}
    return {
        "request_mirror_policies": [{"cluster_header": names.CTL_SHADOW, "disable_shadow_host_suffix_append": True}]
    }


def _walk_the_plan() -> Node:
    return named(
        "envoy.router.cluster_specifier_plugin.priority_group",
        "router.cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier",
        override_metadata_namespace=names.META_PLAN,
        # no plan: fail closed. Only a static cluster may stand here, one of CDS stops Envoy from starting.
        priority_groups=[{"name": SINK_CLUSTER, "clusters": [{"cluster_name": SINK_CLUSTER, "weight": 1}]}],
    )


def _retry_policy() -> Node:
    return {
        "retry_on": "5xx,reset,connect-failure,refused-stream,retriable-status-codes,retriable-headers",
        "retriable_status_codes": sorted(RETRIABLE_STATUSES),
        "retriable_headers": [{"name": names.CTL_RETRY, "string_match": {"exact": "1"}}],
        "num_retries": MOST_RETRIES,
        "refresh_cluster_on_retry": True,  # without it every try stays on the first target
    }


def _nothing_matched() -> Node:
    body = error_body(Reason.ROUTE_NOT_FOUND, "No route of the gateway matches this request.")
    return {
        "name": "none",
        "match": {"prefix": "/"},
        "direct_response": {"status": Reason.ROUTE_NOT_FOUND.status, "body": {"inline_string": body}},
        "typed_per_filter_config": filters.without_router_filter(),
        "response_headers_to_add": [
            header("content-type", "application/json"),
            header(names.REQUEST_ID, "%STREAM_ID%"),
        ],
    }


def _match(entry: Entry) -> Node:
    first, *others = entry.tests
    match: Node = dict(_path(first))
    headers = [_also(test) for test in others]
    headers += [_methods(methods) for methods in (entry.methods, entry.route.match.methods) if methods]
    headers += _asked_headers(entry.route.match)
    if headers:
        match["headers"] = headers
    if entry.route.match.query:
        match["query_parameters"] = [_valued(name, value) for name, value in entry.route.match.query.items()]
    return match


def _path(test: PathTest) -> Mapping[str, object]:
    match test.kind:
        case "exact":
            return {"path": test.text}
        case "prefix":
            return {"prefix": test.text}
        case "below":
            return {"path_separated_prefix": test.text}
        case "regex":
            return {"safe_regex": {"regex": test.text}}


def _also(test: PathTest) -> Node:
    """A second test of the path goes by its header, which holds the query too."""
    return {"name": ":path", "string_match": {"safe_regex": {"regex": rf"(?:{test.text})(?:\?.*)?"}}}


def _methods(methods: tuple[str, ...]) -> Node:
    if len(methods) == 1:
        return {"name": ":method", "string_match": {"exact": methods[0]}}
    return {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(map(globs.escape, methods))}}}


def _asked_headers(match: Match) -> list[Node]:
    headers = [_valued(name.lower(), value) for name, value in match.headers.items()]
    if match.hosts and PRESENT not in match.hosts:
        hosts = "|".join(_host(pattern) for pattern in match.hosts)
        headers.append({"name": ":authority", "string_match": {"safe_regex": {"regex": f"(?i)(?:{hosts})"}}})
    return headers


def _host(pattern: str) -> str:
    host = ".+" + globs.escape(pattern[1:]) if pattern.startswith("*.") else globs.escape(pattern)
    return host if has_port(pattern) else rf"{host}(?::[0-9]+)?"


def _valued(name: str, value: str) -> Node:
    if value == PRESENT:
        return {"name": name, "present_match": True}
    return {"name": name, "string_match": {"exact": value}}
