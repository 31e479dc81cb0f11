"""What the listener asks of clients before anybody is asked who they are: sizes, times, and how much one address may.

Law: all of it is Envoy's alone, in front of the processor, so a flood costs no Python. How much one address may stands
in the route table, which changes while connections stay open; everything else here is the listener's, and a listener
that changes asks its connections to close.
"""

from typing import Final

from extproc.dataplane.form import Node, named, seconds, typed
from extproc.snapshot import AddressLimit, Limits, Listen, ListenLimits

ADDRESS_FILTER: Final = "envoy.filters.http.local_ratelimit"
ADDRESS_LIMIT: Final = "filters.http.local_ratelimit.v3.LocalRateLimit"
ADDRESS_STATISTICS: Final = "extproc_address"
CONNECTION_RATE_STATISTICS: Final = "extproc_connections"
ADDRESSES: Final = 10_000  # that are remembered at a time; who has not come for longest is forgotten first
EVERYBODY_ELSE: Final = {"max_tokens": 0xFFFFFFFF, "tokens_per_fill": 0xFFFFFFFF, "fill_interval": "1s"}
IPV6_SITE: Final = 64  # bits: what one client is given, and may choose the rest of
# A connection may send this much before it is read; Envoy's own are 16 and 24 MiB, and strangers may have many. 20 MB
# over 50 ms took 1.3 s with this, and 18.6 s with the 64 KiB that edges usually have; on loopback all are alike.
STREAM_WINDOW: Final = 1024 * 1024
CONNECTION_WINDOW: Final = 8 * 1024 * 1024
KIB: Final = 1024


def connection_manager(listen: Listen, limits: Limits) -> Node:
    """Fields of the HTTP connection manager, the same for every listener."""
    clients = listen.limits
    return {
        "max_request_headers_kb": -(-limits.headers // KIB),
        "request_headers_timeout": seconds(clients.headers_timeout),
        "request_timeout": seconds(clients.request_timeout),  # ends with the answer's beginning: streams are not cut
        "common_http_protocol_options": {
            "idle_timeout": seconds(clients.idle_timeout),
            "max_headers_count": limits.header_count,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": clients.streams_per_connection,
            "initial_stream_window_size": STREAM_WINDOW,
            "initial_connection_window_size": CONNECTION_WINDOW,
        },
        "xff_num_trusted_hops": listen.trusted_hops,
    }


def listener_filters(listen: Listen) -> list[Node]:
    """Before a byte of TLS or HTTP is read. The address comes first: the rate is of connections, whoever makes them."""
    found = []
    if listen.limits.connections_per_second is not None:
        found.append(_connection_rate(listen.limits.connections_per_second))
    if listen.proxy_protocol:
        found.append(named("envoy.filters.listener.proxy_protocol", "filters.listener.proxy_protocol.v3.ProxyProtocol"))
    return found


def _connection_rate(rate: int) -> Node:
    return named(
        "envoy.filters.listener.local_ratelimit",
        "filters.listener.local_ratelimit.v3.LocalRateLimit",
        stat_prefix=CONNECTION_RATE_STATISTICS,
        token_bucket={"max_tokens": rate, "tokens_per_fill": rate, "fill_interval": "1s"},
    )


def address_filter() -> Node:
    """In front of the processor; the route table says how much, or nothing."""
    return {**named(ADDRESS_FILTER, ADDRESS_LIMIT, stat_prefix=ADDRESS_STATISTICS), "disabled": True}


def on_all_routes(limits: ListenLimits) -> Node:
    """Settings of the virtual host."""
    return {ADDRESS_FILTER: _address_limit(limits.per_address)} if limits.per_address is not None else {}


def _address_limit(limit: AddressLimit) -> Node:
    everything = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    bucket = {
        "max_tokens": limit.burst,
        "tokens_per_fill": limit.requests_per_second,
        "fill_interval": "1s",
    }
    address = {"masked_remote_address": {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": IPV6_SITE}}
    return typed(
        ADDRESS_LIMIT,
        stat_prefix=ADDRESS_STATISTICS,
        filter_enabled=everything,
        filter_enforced=everything,
        token_bucket=EVERYBODY_ELSE,  # Envoy wants one; every request has an address, so it is nobody's
        always_consume_default_token_bucket=False,
        rate_limits=[{"actions": [address]}],
        descriptors=[{"entries": [{"key": "masked_remote_address"}], "token_bucket": bucket}],  # one for each value
        max_dynamic_descriptors=ADDRESSES,
    )
