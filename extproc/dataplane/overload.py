"""Envoy's overload manager: how many connections it takes, and what it does when its memory is almost full.

Law: only Envoy's own heap is looked at, against a limit that leaves the processor its part. A machine's or container's
memory in use would count the cache of files, and trip on healthy ones. What runs goes on as long as it can: first
nothing new is taken, and only above that are the streams that hold most reset.
"""

from typing import Final

from extproc.dataplane.form import Node, named
from extproc.snapshot import ListenLimits

HEAP: Final = "envoy.resource_monitors.fixed_heap"
CONNECTIONS: Final = "envoy.resource_monitors.global_downstream_max_connections"
REFRESH: Final = "0.25s"
# at what share of the limit; behind each other, so that the gentle ones come first
SHRINK, CLOSE_IDLE, REFUSE, RESET, RESET_ALL = 0.85, 0.9, 0.95, 0.98, 1.0
TRACKED_FROM: Final = 20  # streams that hold 2^20 bytes and more may be reset, the largest first
DESCRIPTORS_OF_OURS: Final = 512  # files, admin, the processor's connections
DESCRIPTORS_OF_A_REQUEST: Final = 2  # the client's connection and the upstream's
MIB: Final = 1024 * 1024


def heap_limit(memory: int) -> int:
    """Of a machine or container with this much: what is left for processor and supervisor is a quarter and 256 MiB,
    but on small ones half."""
    return max(memory // 2, memory * 3 // 4 - 256 * MIB)


def connections(wanted: int, descriptors: int | None) -> int:
    """As many as there are descriptors for: else Envoy takes connections until it can reach no upstream."""
    if descriptors is None:
        return wanted
    return max(1, min(wanted, (descriptors - DESCRIPTORS_OF_OURS) // DESCRIPTORS_OF_A_REQUEST))


def overload_manager(limits: ListenLimits, memory: int | None, descriptors: int | None) -> Node:
    """`memory`: of the machine or container, None where it is not known; then only a written limit holds."""
    monitors = [
        named(
            CONNECTIONS,
            "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            max_active_downstream_connections=connections(limits.connections, descriptors),
        )
    ]
    heap = limits.memory if limits.memory is not None else heap_limit(memory) if memory is not None else None
    if heap is None:
        return {"resource_monitors": monitors}
    return {
        "refresh_interval": REFRESH,
        "resource_monitors": [
            *monitors,
            named(HEAP, "resource_monitors.fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=heap),
        ],
        "actions": [
            _action("shrink_heap", {"threshold": {"value": SHRINK}}),
            _action("disable_http_keepalive", {"threshold": {"value": CLOSE_IDLE}}),
            _action("stop_accepting_requests", {"threshold": {"value": REFUSE}}),
            _action(
                "reset_high_memory_stream", {"scaled": {"scaling_threshold": RESET, "saturation_threshold": RESET_ALL}}
            ),
        ],
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": TRACKED_FROM},
    }


def _action(name: str, trigger: Node) -> Node:
    return {"name": f"envoy.overload_actions.{name}", "triggers": [{"name": HEAP, **trigger}]}
