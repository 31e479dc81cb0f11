"""The gateway's own answers to GET /health, /health/providers and /ready.

Law: what is not well is 503, so that a load balancer need not read the body; the list of providers is always 200.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from extproc import names
from extproc.protocol.replies import ImmediateReply, Metadata
from extproc.rewrite.refusals import JSON

WELL: Final = frozenset({"healthy", "degraded", "ready"})


def health_status(document: Mapping[str, object]) -> int:
    """Of a document whose `status` says how the gateway is."""
    return 200 if document.get("status") in WELL else 503


def page_reply(document: Mapping[str, object], status: int, request_id: str, metadata: Metadata) -> ImmediateReply:
    return ImmediateReply(
        status=status,
        headers=(("content-type", JSON), (names.REQUEST_ID, request_id), ("cache-control", "no-store")),
        body=msgspec.json.encode(document),
        details="extproc_health",
        metadata=metadata,
    )
