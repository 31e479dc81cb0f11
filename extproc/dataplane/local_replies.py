"""Envoy's own answers, said as the OpenAI dialect says errors.

Law: only what Envoy itself says is mapped, told by its response flag or by the details that name its cause; refusals of
the processor and answers of upstreams pass as they are. The first mapper that holds is taken.
"""

import json

from extproc import names
from extproc.dataplane.form import Node, expression
from extproc.refusal import Reason

# What Envoy found wrong with the request itself; it has chosen the status.
BAD_REQUEST_DETAILS = (
    "path_normalization_failed",
    "missing_host_header",
    "missing_path_rejected",
    "absolute_path_rejected",
    "invalid_envoy_request_headers",
    "request_headers_failed_strict_check",
    "low_version",
    "upgrade_failed",
    "request_header_timeout",
)


def local_reply_config() -> Node:
    return {
        "mappers": [
            _details("startsWith('ext_proc_error')", Reason.PROCESSOR_UNAVAILABLE, "The gateway's processor is down."),
            _details("startsWith('mismatch_between_content_length')", Reason.INTERNAL_ERROR, "A bug of the gateway."),
            _details(
                "matches('^(request_payload_too_large|request_payload_exceeded.*)')",
                Reason.REQUEST_TOO_LARGE,
                "The body is larger than this gateway reads.",
            ),
            _flags(("UT", "SI", "DT", "UMSDR"), Reason.UPSTREAM_TIMEOUT, "No provider answered in time."),
            _flags(("UC", "UR", "LR", "UPE"), Reason.UPSTREAM_FAILED, "The provider broke off before it answered."),
            _flags(
                ("UF", "UH", "UO", "NC", "NFCF", "URX", "DF"), Reason.NO_TARGET_AVAILABLE, "No target could be reached."
            ),
            _details("startsWith('route_not_found')", Reason.ROUTE_NOT_FOUND, "No route matches this request."),
            _bad_requests(),
        ]
    }


def error_body(reason: Reason, message: str) -> str:
    error = {"message": message, "type": reason.type, "param": None, "code": reason.code}
    return json.dumps({"error": error}, separators=(",", ":")) + "\n"


def _json(reason: Reason, message: str) -> Node:
    body = error_body(reason, message).replace("%", "%%")  # Envoy reads % as the beginning of a command
    return {"text_format_source": {"inline_string": body}, "content_type": "application/json"}


def _flags(flags: tuple[str, ...], reason: Reason, message: str) -> Node:
    return {
        "filter": {"response_flag_filter": {"flags": list(flags)}},
        "status_code": reason.status,
        "body_format_override": _json(reason, message),
        "headers_to_add": _dress(),
    }


def _dress() -> list[Node]:
    """Where an attended answer breaks off under our hands, the answer filter has had its turn already."""
    said = {names.REQUEST_ID: f"%DYNAMIC_METADATA({names.META}:{names.M_ID})%", names.SHOULD_RETRY: "false"}
    return [
        {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in said.items()
    ]


def _details(test: str, reason: Reason, message: str) -> Node:
    return {
        "filter": expression(f"response.code_details.{test}"),
        "status_code": reason.status,
        "body_format_override": _json(reason, message),
    }


def _bad_requests() -> Node:
    known = ", ".join(f"'{details}'" for details in BAD_REQUEST_DETAILS)
    return {
        "filter": expression(
            f"response.code_details in [{known}] || response.code_details.startsWith('http1.')"
            " || response.code_details.startsWith('http2.')"
        ),
        "body_format_override": _json(Reason.INVALID_REQUEST, "The request is not one that this gateway passes on."),
    }
