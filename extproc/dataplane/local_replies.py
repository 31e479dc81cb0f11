"""Envoy's own answers, said as the OpenAI dialect says errors.

Law: only what Envoy itself says is mapped, told by its response flag or by the details that name its cause; refusals of
the processor keep their words, and answers of upstreams are none of this. The first mapper that holds is taken.

An answer that is broken off under our hands goes straight to the caller, past all filters; so what the answer filter
would put on it is put on here.
"""

import json

from extproc import names
from extproc.dataplane.form import Node, expression
from extproc.refusal import Reason
from extproc.rewrite.refusals import DETAILS_PREFIX

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
)
AGAIN_AFTER = 1  # seconds: an address gets at least one request a second
LESS_AFTER = 2  # and memory is looked at four times a second


def local_reply_config() -> Node:
    return {
        "mappers": [
            _ours(),
            _to_services(
                "response.code_details == 'local_rate_limited'", "Too many requests from this address.\n", AGAIN_AFTER
            ),
            _details(
                "startsWith('local_rate_limited')",
                Reason.TOO_MANY_REQUESTS,
                "Too many requests from this address; try again a little later.",
                again_after=AGAIN_AFTER,
            ),
            _details(
                "startsWith('overload')",
                Reason.OVERLOADED,
                "The gateway takes no new requests at this moment; try again a little later.",
                again_after=LESS_AFTER,
            ),
            _details(
                "matches('^http[123]\\\\.(headers_too_large|too_many_headers)$')",
                Reason.HEADERS_TOO_LARGE,
                "The headers are larger or more than this gateway reads.",
            ),
            _details(
                "matches('^request_(header|overall)_timeout$')",
                Reason.REQUEST_TIMEOUT,
                "The request did not arrive in time.",
            ),
            _details("startsWith('ext_proc_error')", Reason.PROCESSOR_UNAVAILABLE, "The gateway's processor is down."),
            _details("startsWith('mismatch_between_content_length')", Reason.INTERNAL_ERROR, "A bug of the gateway."),
            _details(
                "startsWith('response_payload_too_large')",
                Reason.UPSTREAM_GARBLED,
                "The provider's answer is larger than this gateway reads.",
                final=True,
            ),
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
        "headers_to_add": _dress(final=True),
    }


def _ours() -> Node:
    """First, because Envoy's flags tell of attempts before: a refusal behind the last retry is no lack of targets."""
    return {
        "filter": expression(f"response.code_details.startsWith('{DETAILS_PREFIX}')"),
        "headers_to_add": _dress(final=False),  # whether to try again, a refusal has said itself
    }


def _dress(*, final: bool) -> list[Node]:
    """`final`: the plan was walked, an SDK need not walk it again."""
    said = {**_DRESS, names.SHOULD_RETRY: "false"} if final else _DRESS
    return [_header(name, value) for name, value in said.items()]


def _header(name: str, value: str) -> Node:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


_DRESS = {
    names.REQUEST_ID: f"%DYNAMIC_METADATA({names.META}:{names.M_ID})%",
    names.TARGET: f"%DYNAMIC_METADATA({names.META_WALK}:{names.W_TARGET})%",
    names.ATTEMPTS: f"%DYNAMIC_METADATA({names.META_WALK}:{names.W_REAL})%",
}


def _details(test: str, reason: Reason, message: str, *, final: bool = False, again_after: int | None = None) -> Node:
    return {
        "filter": expression(f"response.code_details.{test}"),
        "status_code": reason.status,
        "body_format_override": _json(reason, message),
        "headers_to_add": [*_dress(final=final), *_again(again_after)],
    }


def _to_services(test: str, message: str, again_after: int) -> Node:
    """Callers of a service speak no dialect of ours."""
    return {
        "filter": expression(f"{test} && xds.route_name.endsWith('|{names.ENDPOINT_SERVICE}')"),
        "body_format_override": {"text_format_source": {"inline_string": message}, "content_type": "text/plain"},
        "headers_to_add": _again(again_after),
    }


def _again(after: int | None) -> list[Node]:
    return [] if after is None else [_header("retry-after", str(after))]


def _bad_requests() -> Node:
    known = ", ".join(f"'{details}'" for details in BAD_REQUEST_DETAILS)
    return {
        "filter": expression(
            f"response.code_details in [{known}] || response.code_details.startsWith('http1.')"
            " || response.code_details.startsWith('http2.')"
        ),
        "body_format_override": _json(Reason.INVALID_REQUEST, "The request is not one that this gateway passes on."),
    }
