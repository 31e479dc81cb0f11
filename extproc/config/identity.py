"""Names that say what they mean: the id of a snapshot, and the names of clusters.

Law: equal meanings have equal names, in every process and on every machine; an order counts only where it means
something.
"""

import hashlib
from dataclasses import replace
from typing import Any

import msgspec

from extproc.snapshot import Credential, Endpoint, HealthSpec, Proxy, Snapshot, Tls


def snapshot_id(snapshot: Snapshot) -> str:
    """12 hex digits over everything in it. The order of providers is that of the default strategy, so it counts."""
    return _hex([list(snapshot.providers), replace(snapshot, id="")], 12)


def cluster_name(
    name: str,
    endpoints: tuple[Endpoint, ...],
    tls: Tls,
    http2: bool,
    connect_timeout: float,
    of_provider: tuple[str, Credential, float | None, str | None] | None = None,
    health: HealthSpec | None = None,
    proxy: Proxy | None = None,
) -> str:
    """The name of Envoy's cluster: it changes when the cluster must, and stays when only models or prices do.

    `of_provider` is the dialect, the credential's form, the timeout and the region of a provider's cluster. Envoy
    itself asks after the health of one endpoint only where there may be others.
    """
    meaning: list[Any] = [endpoints, tls, http2, connect_timeout, of_provider]
    if health is not None and (len(endpoints) > 1 or endpoints[0].by_name):
        meaning.append(health)
    if proxy is not None:
        meaning.append(["proxy", proxy])
    return f"{name}.{_hex(meaning, 8)}"


def proxy_cluster(host: str, port: int, credential_at: str | None) -> str:
    """The name of an egress proxy's cluster. What it is shown counts by the place where it is written, never itself:
    names are in logs, and whoever guesses well could prove it by them."""
    return f"egress@{_hex([host, port, credential_at], 8)}"


def _hex(value: Any, digits: int) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:digits]
