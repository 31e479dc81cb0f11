"""The cluster that filters and access logs ask: processors on Unix sockets, or by address or name, with or without TLS.

Law: a processor that goes is left before it is gone. It says NOT_SERVING first, which the check below hears within its
interval; what was on the way to it is asked again elsewhere (the filters' retry policy). As long as one serves, all go
to those that serve; when none says so, all are tried.
"""

from collections.abc import Sequence

from extproc.config.addresses import NotAnAddress, parse_origin
from extproc.dataplane.clusters import PROTOCOL_OPTIONS, WIDE
from extproc.dataplane.filters import PROCESSOR_CLUSTER
from extproc.dataplane.form import EXTENSIONS, Node, file_source, named, pipe, seconds, socket_address, typed
from extproc.dataplane.place import Form, Place, ProcessorTls
from extproc.dataplane.upstream_tls import CONNECTION_LIFE
from extproc.snapshot import Endpoint, is_ip

CERTIFICATE_SECRET = "processor.certificate"
CA_SECRET = "processor.ca"
BODIES = 64 * 1024 * 1024  # whole bodies go to it
LOOK_UP = "2s"  # what a name stands for changes with every pod; a TTL of 30 s would miss a whole rolling restart
_UNIX = "unix://"
_SECRET_TYPE = f"{EXTENSIONS}.transport_sockets.tls.v3.Secret"


def processor_cluster(place: Place) -> Node:
    endpoints = processor_endpoints(place.processors)
    remote = endpoints[0].scheme != "unix"
    cluster: Node = {
        "name": PROCESSOR_CLUSTER,
        **_kind(endpoints, place.form),
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "1s" if remote else "0.25s",  # as long as retries within the message timeout allow
        "circuit_breakers": WIDE,
        "per_connection_buffer_limit_bytes": BODIES,
        # by Envoy's default of 50 the dead get requests as soon as they are more than the living
        "common_lb_config": {"healthy_panic_threshold": {"value": 1}},
        "health_checks": [_health_check()],
        "typed_extension_protocol_options": {
            PROTOCOL_OPTIONS: typed(
                "upstreams.http.v3.HttpProtocolOptions",
                explicit_http_config={"http2_protocol_options": _keepalive() if remote else {}},
                **_life(place),
            )
        },
        "load_assignment": {
            "cluster_name": PROCESSOR_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(one)}} for one in endpoints]}],
        },
    }
    if remote and place.processor_tls is not None:
        cluster["transport_socket"] = _tls(place.processor_tls, place)
    return cluster


def processor_endpoints(processors: Sequence[str]) -> list[Endpoint]:
    """NotAnAddress where one is none: sockets' paths, or HOST:PORT, and not both."""
    endpoints = [_endpoint(each) for each in processors]
    if not endpoints or len({one.scheme for one in endpoints}) > 1:
        raise NotAnAddress("processors are Unix sockets or HOST:PORT, at least one, and all of one kind")
    return endpoints


def tls_files(place: Place) -> dict[str, Node]:
    """The files by which Envoy finds the certificates of its way to the processor, and follows them when they change.

    They name files and hold no secret. Without TLS there are none.
    """
    tls = place.processor_tls
    if tls is None:
        return {}
    pair = {
        "certificate_chain": {"filename": tls.certificate},
        "private_key": {"filename": tls.key},
        "watched_directory": {"path": _directory(tls.certificate)},
    }
    trusted = {"trusted_ca": {"filename": tls.ca}, "watched_directory": {"path": _directory(tls.ca)}}
    return {
        place.processor_certificate: _secret(CERTIFICATE_SECRET, tls_certificate=pair),
        place.processor_ca: _secret(CA_SECRET, validation_context=trusted),
    }


def _endpoint(text: str) -> Endpoint:
    if text.startswith(("/", _UNIX)):
        return Endpoint("unix", text.removeprefix(_UNIX), 0)
    endpoint = parse_origin(f"http://{text}")
    if not text.endswith(f":{endpoint.port}"):
        raise NotAnAddress(f"{text}: neither a Unix socket's path nor HOST:PORT")
    return endpoint


def _address(endpoint: Endpoint) -> Node:
    return pipe(endpoint.host) if endpoint.scheme == "unix" else socket_address(endpoint.host, endpoint.port)


def _kind(endpoints: Sequence[Endpoint], form: Form) -> Node:
    """Each address of a name is a processor. Envoys before 1.34 know the older way to say it only."""
    if not any(endpoint.by_name for endpoint in endpoints):
        return {"type": "STATIC"}
    look_up: Node = {
        "dns_lookup_family": "V4_PREFERRED",
        "dns_refresh_rate": LOOK_UP,
        "dns_failure_refresh_rate": {"base_interval": "0.5s", "max_interval": LOOK_UP},
    }
    if form == "portable":
        return {"type": "STRICT_DNS", **look_up}
    return {"cluster_type": named("envoy.cluster.dns", "clusters.dns.v3.DnsCluster", **look_up)}


def _health_check() -> Node:
    """By gRPC: a connection alone says nothing of one that hangs, and nothing of one that wants to go."""
    return {
        "timeout": "2s",  # a processor on a busy machine is slow and not dead
        "interval": "1s",
        "no_traffic_interval": "1s",
        "unhealthy_interval": "0.5s",
        "unhealthy_threshold": 1,
        "healthy_threshold": 1,
        "grpc_health_check": {},
    }


def _keepalive() -> Node:
    """A machine that is gone says nothing: exchanges that it held end by this, not after an hour."""
    return {"connection_keepalive": {"interval": "10s", "timeout": "10s"}}


def _life(place: Place) -> Node:
    """With certificates that rotate a connection takes nothing new after this; what runs on it is not cut."""
    if place.processor_tls is None:
        return {}
    return {"common_http_protocol_options": {"max_connection_duration": seconds(CONNECTION_LIFE)}}


def _tls(tls: ProcessorTls, place: Place) -> Node:
    name = {"san_type": "IP_ADDRESS" if is_ip(tls.server_name) else "DNS", "matcher": {"exact": tls.server_name}}
    context: Node = {"common_tls_context": {"alpn_protocols": ["h2"], **_certificates(tls, name, place)}}
    if not is_ip(tls.server_name):
        context["sni"] = tls.server_name
    return named("envoy.transport_sockets.tls", "transport_sockets.tls.v3.UpstreamTlsContext", **context)


def _certificates(tls: ProcessorTls, name: Node, place: Place) -> Node:
    if not place.secrets_apart:
        trusted = {"trusted_ca": {"filename": tls.ca}, "match_typed_subject_alt_names": [name]}
        return {"tls_certificates": [_pair(tls)], "validation_context": trusted}
    return {
        "tls_certificate_sds_secret_configs": [
            {"name": CERTIFICATE_SECRET, "sds_config": file_source(place.processor_certificate)}
        ],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [name]},
            "validation_context_sds_secret_config": {"name": CA_SECRET, "sds_config": file_source(place.processor_ca)},
        },
    }


def _pair(tls: ProcessorTls) -> Node:
    return {"certificate_chain": {"filename": tls.certificate}, "private_key": {"filename": tls.key}}


def _secret(name: str, **what: Node) -> Node:
    return {"resources": [{"@type": _SECRET_TYPE, "name": name, **what}]}


def _directory(path: str) -> str:
    return path.rpartition("/")[0] or "/"
