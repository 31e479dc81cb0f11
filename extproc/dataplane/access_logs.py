"""Who hears how an exchange ended: people and log collectors (JSON), the processor (records), Prometheus (statistics).

Law: the decision's metadata may be printed; extproc.private, queries and headers that may hold a secret are not named
in anything that is printed or counted. Labels of statistics come from the configuration, never from what a caller
writes: Envoy forgets no series, so a caller could fill its memory.
"""

from extproc import names
from extproc.dataplane.filters import PROCESSOR_CLUSTER
from extproc.dataplane.form import Node, expression, named
from extproc.dataplane.place import NO_LOG, STANDARD_OUTPUT, Place
from extproc.outcome import rate_limits

PERIOD = "10s"  # while an exchange runs, a record this often tells the processor that it still does
CLUSTER_META = "extproc.cluster"  # a cluster's metadata: whose it is, without the hash of its name
UPSTREAM_NAME = f"%CLUSTER_METADATA({CLUSTER_META}:name)%"

FLOODS = ("local_rate_limited", "overload", "cors_response")  # details of Envoy's own answers to many at a time
ONE_PERCENT: Node = {"numerator": 1, "denominator": "HUNDRED"}

FORMAT: Node = {
    "log": "access",  # what tells this line from the decision log's in the same stream
    "time": "%START_TIME%",
    "request_id": f"%DYNAMIC_METADATA({names.META}:{names.M_ID})%",
    "envoy_request_id": "%STREAM_ID%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "route": "%ROUTE_NAME%",
    "upstream": UPSTREAM_NAME,
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "duration_ms": "%DURATION%",
    "first_byte_ms": "%RESPONSE_DURATION%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "source": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "decision": f"%DYNAMIC_METADATA({names.META})%",
}

# What providers say of their limits, for the breakers and for routing.
LIMIT_HEADERS = ("retry-after", "retry-after-ms", *rate_limits.HEADERS)


def exchange_logs(place: Place) -> list[Node]:
    return [
        *json_log(place, FORMAT, _both(_only_ends(), _seldom_of_floods())),
        *({**log, "filter": _no_flood()} for log in records_of_exchanges()),
        *(_statistics() if place.form == "whole" else ()),
    ]


def records_of_exchanges() -> list[Node]:
    return [_records(names.LOG_EXCHANGE, ("content-type", *names.ANSWER_HEADERS))]


def attempt_logs() -> list[Node]:
    """One record for each attempt, from Envoy's router."""
    return [_records(names.LOG_ATTEMPT, LIMIT_HEADERS)]


def json_log(place: Place, line: Node, which: Node) -> list[Node]:
    """Lines of Envoy's own, where `place` says; none where it wants none."""
    if place.access_log == NO_LOG:
        return []
    if place.access_log == STANDARD_OUTPUT:
        log = named("json", "access_loggers.stream.v3.StdoutAccessLog", log_format={"json_format": line})
    else:
        log = named(
            "json", "access_loggers.file.v3.FileAccessLog", path=place.access_log, log_format={"json_format": line}
        )
    return [{**log, "filter": which}]


def _seldom_of_floods() -> Node:
    seldom = {"runtime_filter": {"runtime_key": "extproc.logged_of_a_flood", "percent_sampled": ONE_PERCENT}}
    return {"or_filter": {"filters": [_no_flood(), seldom]}}


def _no_flood() -> Node:
    """What Envoy answers by itself as fast as it is asked would cost the processor a record each, and fill disks:
    counters tell of it, and some lines of the access log. Preflights are no exchanges."""
    known = ", ".join(f"'{details}'" for details in FLOODS)
    return expression(f"!(has(response.code_details) && response.code_details in [{known}])")


def _both(one: Node, other: Node) -> Node:
    return {"and_filter": {"filters": [one, other]}}


def _only_ends() -> Node:
    """Periodic records are for the processor alone: here they would be counted, and printed, as exchanges."""
    return {"log_type_filter": {"types": ["DownstreamEnd"]}}


def _records(log_name: str, response_headers: tuple[str, ...]) -> Node:
    return named(
        log_name,
        "access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
        common_config={
            # With the same settings for both Envoy makes one stream of them, for each of its threads. On two, attempts
            # could come to another processor than their exchange, and there wait for it in vain.
            "log_name": names.LOG_OF_BOTH,
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": PROCESSOR_CLUSTER}},
            "buffer_size_bytes": 0,  # at once: with Envoy's defaults the breakers knew 4 of 20 failures
        },
        additional_response_headers_to_log=list(response_headers),
    )


def _statistics() -> list[Node]:
    tags = [
        {"name": "provider", "value_format": UPSTREAM_NAME},
        {"name": "caller", "value_format": f"%DYNAMIC_METADATA({names.META}:{names.M_CALLER})%"},
        {"name": "code", "value_format": "%RESPONSE_CODE%"},
    ]
    counters = [
        {"stat": {"name": "exchanges", "tags": tags}, "value_fixed": 1},
        {"stat": {"name": "attempts", "tags": tags}, "value_format": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"},
    ]
    durations = [_milliseconds("duration_ms", "%DURATION%", tags)]
    first_bytes = [_milliseconds("first_byte_ms", "%RESPONSE_DURATION%", tags)]
    answered = _both(_only_ends(), expression("response.code_details == 'via_upstream'"))
    return [
        {**_stats("statistics", counters=counters, histograms=durations), "filter": _only_ends()},
        # apart, because where no upstream answered there is no number, and Envoy logs an error for it
        {**_stats("first_bytes", histograms=first_bytes), "filter": answered},
    ]


def _stats(name: str, **fields: object) -> Node:
    return named(name, "access_loggers.stats.v3.Config", stats_scope={"prefix": "extproc"}, **fields)


def _milliseconds(name: str, value: str, tags: list[Node]) -> Node:
    return {"stat": {"name": name, "tags": tags}, "unit": "Milliseconds", "value_format": value}
