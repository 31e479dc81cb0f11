"""How each dialect says that something went wrong: as an answer of its own, and as an event of a stream.

Law: the same problem in other words; which problem it is was decided elsewhere.
"""

from typing import Any, Final

from extproc.demo.catalog import EVERY_ENDPOINT, Dialect, Endpoint
from extproc.demo.reply import JSON, Plain, Problem, data_event, encode, named_event

DIALECT_OF: Final[dict[Endpoint, Dialect]] = {
    endpoint: "anthropic" if endpoint == "messages" else "openai" for endpoint in EVERY_ENDPOINT
}
REQUEST_ID_HEADER: Final[dict[Dialect, str]] = {"openai": "x-request-id", "anthropic": "request-id"}

_ANTHROPIC_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def error_reply(problem: Problem, dialect: Dialect, request_id: str) -> Plain:
    said = error_object(problem, dialect)
    if dialect == "anthropic":
        said["request_id"] = request_id
    return Plain(encode(said), status=problem.status, headers=JSON + problem.headers)


def error_object(problem: Problem, dialect: Dialect) -> dict[str, Any]:
    if dialect == "anthropic":
        return {"type": "error", "error": {"type": _anthropic_type(problem.status), "message": problem.message}}
    said = {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}
    return {"error": said}


def error_event(problem: Problem, endpoint: Endpoint) -> bytes:
    match endpoint:
        case "messages":
            return named_event(error_object(problem, "anthropic"))
        case "responses":
            event = {"type": "error", "code": problem.code, "message": problem.message, "param": None}
            return named_event({**event, "sequence_number": 0})
        case _:
            return data_event(error_object(problem, "openai"))


def _anthropic_type(status: int) -> str:
    return _ANTHROPIC_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
