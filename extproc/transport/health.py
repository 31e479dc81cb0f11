"""gRPC's health protocol, for Envoy's and Kubernetes' probes, free of protobuf: one text in, one number out.

Law: everything serves until the drain begins; then all but `liveness` say NOT_SERVING, because a process that drains
is not dead, and an orchestrator that kills it for that would cut the very streams that it waits for.
"""

import asyncio
from typing import Final

SERVING: Final = b"\x08\x01"
NOT_SERVING: Final = b"\x08\x02"
SERVICE_UNKNOWN: Final = b"\x08\x03"

LIVENESS: Final = "liveness"
SERVICES: Final = frozenset({"", LIVENESS, "readiness", "envoy.service.ext_proc.v3.ExternalProcessor"})


class Health:
    def __init__(self) -> None:
        self._draining = asyncio.Event()

    def drain(self) -> None:
        self._draining.set()

    async def until_drained(self) -> None:
        await self._draining.wait()

    def status(self, request: bytes) -> bytes:
        """The answer to one HealthCheckRequest."""
        service = asked_service(request)
        if service not in SERVICES:
            return SERVICE_UNKNOWN
        return NOT_SERVING if self._draining.is_set() and service != LIVENESS else SERVING


def asked_service(request: bytes) -> str | None:
    """Field 1 of a HealthCheckRequest; None for anything that names none of our services anyway."""
    if not request:
        return ""
    if len(request) < 2 or request[0] != 0x0A or request[1] != len(request) - 2 or request[1] > 0x7F:
        return None
    try:
        return request[2:].decode()
    except UnicodeDecodeError:
        return None
