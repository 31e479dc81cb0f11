"""TLS to clients: what they are shown, what they must show, and HTTP/3, which is the same over QUIC.

Law: certificate, key and client CA reach Envoy as files of its own, as towards upstreams (upstream_tls): a new one is
in force for the next handshake, with the listener and its open connections untouched. Who must show a certificate
proves it at each connection.
"""

from copy import deepcopy
from typing import Final

from extproc.dataplane.form import Node, file_source, header, named
from extproc.dataplane.place import Place
from extproc.dataplane.upstream_tls import pair_in_files
from extproc.snapshot import Listen, ListenTls

LISTENER_CERTIFICATE: Final = "listen"
LISTENER_AUTHORITIES: Final = "listen.client_ca"
HANDSHAKE_WITHIN: Final = "15s"  # else who says nothing holds a connection for ever
ALT_SVC_AGE: Final = 86_400  # seconds for which a client remembers that there is HTTP/3
_CONTEXT: Final = "transport_sockets.tls.v3.DownstreamTlsContext"


def secured(listener: Node, listen: Listen, place: Place) -> Node:
    """The same listener, in TLS where the configuration says so."""
    if listen.tls is None:
        return listener
    context = _context(listen.tls, place)
    context["common_tls_context"] |= {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
    }
    socket = named("envoy.transport_sockets.tls", _CONTEXT, **context)
    return _with_socket(listener, socket, transport_socket_connect_timeout=HANDSHAKE_WITHIN)


def http3(listen: Listen) -> Node:
    """Fields of the connection manager."""
    streams = {"max_concurrent_streams": listen.limits.streams_per_connection}
    return {"codec_type": "HTTP3", "http3_protocol_options": {"quic_protocol_options": streams}}


def over_quic(listener: Node, tls: ListenTls, place: Place) -> Node:
    """The same listener on the port's UDP. QUIC has its own ALPN: with another one Envoy refuses all handshakes."""
    socket = named(
        "envoy.transport_sockets.quic",
        "transport_sockets.quic.v3.QuicDownstreamTransport",
        downstream_tls_context=_context(tls, place),
        enable_early_data=False,  # what comes before the handshake may be sent again by anybody: a chat, billed twice
    )
    quic = _with_socket(listener, socket)
    quic["name"] += ".http3"
    quic["address"]["socket_address"]["protocol"] = "UDP"
    quic["udp_listener_config"] = {"quic_options": {}, "downstream_socket_config": {"prefer_gro": True}}
    return quic


def answer_filters(listen: Listen, place: Place) -> list[Node]:
    """What answers say of HTTP/3: ours, and never an upstream's, whose port is not here."""
    if listen.tls is None:
        return []
    told = header("alt-svc", f'h3=":{place.port}"; ma={ALT_SVC_AGE}')
    mutation = {"append": told} if listen.http3 else {"remove": "alt-svc"}
    return [
        named(
            "envoy.filters.http.header_mutation",
            "filters.http.header_mutation.v3.HeaderMutation",
            mutations={"response_mutations": [mutation]},
        )
    ]


def _context(tls: ListenTls, place: Place) -> Node:
    common = _shown(tls, place)
    if tls.client_ca is None:
        return {"common_tls_context": common}
    if place.secrets_apart:
        source = {"name": LISTENER_AUTHORITIES, "sds_config": file_source(place.listener_authorities)}
        common["validation_context_sds_secret_config"] = source
    else:
        common["validation_context"] = {"trusted_ca": {"filename": tls.client_ca}}
    return {
        "common_tls_context": common,
        "require_client_certificate": True,
        # a resumed session is not checked again: a certificate that had expired since was let in (measured)
        "disable_stateless_session_resumption": True,
        "disable_stateful_session_resumption": True,
    }


def _shown(tls: ListenTls, place: Place) -> Node:
    if not place.secrets_apart:
        return {"tls_certificates": [pair_in_files(tls.certificate, tls.key)]}
    certificate = {"name": LISTENER_CERTIFICATE, "sds_config": file_source(place.listener_certificate)}
    return {"tls_certificate_sds_secret_configs": [certificate]}


def _with_socket(listener: Node, socket: Node, **more: str) -> Node:
    copy = deepcopy(listener)
    (chain,) = copy["filter_chains"]
    chain |= {"transport_socket": socket, **more}
    return copy
