"""The endpoints of one upstream: how requests are spread over them, and how a dead one is left.

Law: as long as one endpoint lives all requests go to the living, none to the sink; with none alive all go to the sink,
so that the plan walks on. The sink itself is never checked: were it found dead, Envoy would say 503 instead.
"""

from collections.abc import Sequence

from extproc.dataplane.egress import tunnelled
from extproc.dataplane.form import Node, pipe, seconds, socket_address
from extproc.snapshot import Endpoint, HealthSpec, Proxy

SINK_ADDRESS = ("127.0.0.1", 0)  # nothing can listen on port 0
# Envoy moves requests to the next priority, the sink, in the measure in which this, in percent, times the living share
# falls short of 1: with its 140 and one of three alive, half of them. At this the last of 1,000 still gets all.
ONE_IS_ENOUGH = 100_000
CHECK_PATH = "/health"  # llama.cpp, vLLM, TGI and most gateways have it
# A new cluster waits for its first checks, and a start or a reload for the cluster: so long at most.
CHECK_PATIENCE = 5.0


def load_assignment(cluster: str, endpoints: Sequence[Endpoint], proxy: Proxy | None = None, *, sink: bool) -> Node:
    if proxy is not None:
        first = [tunnelled(endpoint, proxy) for endpoint in endpoints]
    else:
        first = [_endpoint(number, endpoints) for number in range(len(endpoints))]
    priorities: list[Node] = [{"lb_endpoints": first}]
    assignment: Node = {"cluster_name": cluster, "endpoints": priorities}
    if sink:
        door = {"address": socket_address(*SINK_ADDRESS), "health_check_config": {"disable_active_health_check": True}}
        priorities.append({"priority": 1, "lb_endpoints": [{"endpoint": door}]})
        assignment["policy"] = {"overprovisioning_factor": ONE_IS_ENOUGH}
    return assignment


def _endpoint(number: int, endpoints: Sequence[Endpoint]) -> Node:
    endpoint = endpoints[number]
    host: Node = {"address": _address(endpoint), "health_check_config": {"hostname": endpoint.authority}}
    if endpoint.by_name:
        host["hostname"] = endpoint.host
    if connections_move(endpoints):
        others = [*endpoints[number + 1 :], *endpoints[:number]]
        # A connection that is refused goes to the next endpoint at once, without a retry: a retry would be the plan's
        # next target, and a plan of one pool has none. Envoy does this for addresses only.
        host["additional_addresses"] = [{"address": _address(other)} for other in others]
    return {"endpoint": host}


def _address(endpoint: Endpoint) -> Node:
    return pipe(endpoint.host) if endpoint.scheme == "unix" else socket_address(endpoint.host, endpoint.port)


def connections_move(endpoints: Sequence[Endpoint]) -> bool:
    """Whether a connection that one endpoint refuses is made to another."""
    return len(endpoints) > 1 and not any(each.scheme == "unix" or each.by_name for each in endpoints)


def is_pool(endpoints: Sequence[Endpoint]) -> bool:
    """Whether there may be another endpoint when one is dead. A name may stand for many."""
    return len(endpoints) > 1 or endpoints[0].by_name


def health_checks(health: HealthSpec, endpoints: Sequence[Endpoint], *, http2: bool) -> list[Node]:
    """Envoy's own: a GET without any credential, so that a 401 is a sign of life like every answer below 500.

    Where nobody said what to ask, «no such path» is one too; where somebody did, it means that the server behind an
    entrance is gone. Statuses that are none count towards the threshold, as connections that fail do.
    """
    alive = [{"start": 200, "end": 500}] if health.path is None else [_range(200, 404), _range(405, 500)]
    dead = [_range(500, 600)] if health.path is None else [_range(404, 405), _range(500, 600)]
    interval = seconds(health.interval)
    check: Node = {
        "timeout": seconds(min(health.timeout, CHECK_PATIENCE)),
        "interval": interval,
        "no_traffic_interval": interval,  # Envoy's default of a minute would find an idle pool's dead too late
        "unhealthy_threshold": health.failure_threshold,
        "healthy_threshold": health.success_threshold,
        "reuse_connection": False,  # what a new request would meet, handshake and certificates included
        "http_health_check": {
            "path": health.path or CHECK_PATH,
            "expected_statuses": alive,
            "retriable_statuses": dead,
            **({"codec_client_type": "HTTP2"} if http2 else {}),
        },
    }
    if endpoints[0].scheme == "https":
        check["tls_options"] = {"alpn_protocols": ["http/1.1"]}
    return [check]


def _range(start: int, end: int) -> Node:
    return {"start": start, "end": end}
