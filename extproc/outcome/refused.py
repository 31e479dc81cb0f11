"""The refusals that Envoy says in our name, read from its record, so that they are counted with our own.

Law: only answers that Envoy made itself are looked at; what an upstream answered is no refusal, whatever its status.
"""

from typing import Final

from extproc.outcome.classify import NO_HOST, RESET, client_left, cut
from extproc.outcome.record import Record
from extproc.refusal import Reason
from extproc.rewrite.refusals import DETAILS_PREFIX

BY_DETAILS: Final = (  # Envoy's response code details begin so
    ("ext_proc_error", Reason.PROCESSOR_UNAVAILABLE),
    ("request_payload_too_large", Reason.REQUEST_TOO_LARGE),
    ("route_not_found", Reason.ROUTE_NOT_FOUND),
    ("response_payload_too_large", Reason.UPSTREAM_GARBLED),
    ("request_header_timeout", Reason.REQUEST_TIMEOUT),
    ("request_overall_timeout", Reason.REQUEST_TIMEOUT),
    ("http1.headers_too_large", Reason.HEADERS_TOO_LARGE),
    ("http1.too_many_headers", Reason.HEADERS_TOO_LARGE),
)
BY_CODE: Final = {reason.code: reason for reason in Reason}  # what a filter of ours gave as the details of its refusal
NOT_REACHED: Final = NO_HOST | {"upstream_connection_failure", "upstream_overflow", "no_cluster_found"}


def refused_by_envoy(exchange: Record) -> Reason | None:
    if exchange.details in ("", "via_upstream") or exchange.status < 400 or client_left(exchange) or cut(exchange):
        return None
    ours = BY_CODE.get(exchange.details.removeprefix(DETAILS_PREFIX).partition("{")[0])
    if ours is not None:
        return ours
    for beginning, reason in BY_DETAILS:
        if exchange.details.startswith(beginning):
            return reason
    if "upstream_request_timeout" in exchange.flags:
        return Reason.UPSTREAM_TIMEOUT
    if exchange.flags & NOT_REACHED:
        return Reason.NO_TARGET_AVAILABLE
    if exchange.flags & RESET:
        return Reason.UPSTREAM_FAILED
    return None
