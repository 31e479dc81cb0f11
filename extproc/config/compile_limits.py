"""Limits of clients and of requests: from the schema to the snapshot."""

from typing import Final

from extproc.config.schema import AddressLimitKeys, LimitsKeys, ListenLimitsKeys
from extproc.snapshot import AddressLimit, Limits, ListenLimits

BURST_SECONDS: Final = 2  # of its own rate is what an address may do at once, where nothing is written


def request_limits(keys: LimitsKeys) -> Limits:
    return Limits(body=keys.body, headers=keys.headers, header_count=int(keys.header_count))


def listen_limits(keys: ListenLimitsKeys) -> ListenLimits:
    return ListenLimits(
        connections=int(keys.connections),
        connections_per_second=None if keys.connections_per_second is None else int(keys.connections_per_second),
        streams_per_connection=int(keys.streams_per_connection),
        per_address=_address(keys.per_address) if keys.per_address is not None else None,
        headers_timeout=keys.headers_timeout,
        request_timeout=keys.request_timeout,
        idle_timeout=keys.idle_timeout,
        memory=keys.memory,
    )


def _address(keys: AddressLimitKeys) -> AddressLimit:
    rate = int(keys.requests_per_second)
    return AddressLimit(rate, rate * BURST_SECONDS if keys.burst is None else int(keys.burst))
