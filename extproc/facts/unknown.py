"""A request that is no endpoint: what to say of it."""

from extproc.dialects.endpoints import ENDPOINTS, Endpoint
from extproc.refusal import Reason, Refusal

_LONGEST_PATH = 100


def unknown_endpoint(method: str, path: str) -> Refusal:
    """405 where only the method is wrong, else 404 with the list of what there is."""
    plain = path.partition("?")[0]
    others = [endpoint for endpoint in ENDPOINTS if _is_at(endpoint, plain)]
    if others:
        allowed = tuple(sorted({method for endpoint in others for method in endpoint.methods}))
        message = f"{_shown(plain)} takes {' or '.join(allowed)}, not {_shown(method)}."
        return Refusal(Reason.METHOD_NOT_ALLOWED, message, allow=allowed)
    return Refusal(Reason.UNKNOWN_ENDPOINT, f"{_shown(plain)} is no endpoint of the gateway. {known_endpoints()}")


def known_endpoints() -> str:
    """The list, as a sentence."""
    known = (f"{endpoint.method} {endpoint.path}{'…' if endpoint.is_prefix else ''}" for endpoint in ENDPOINTS)
    return f"There are: {', '.join(known)}."


def _is_at(endpoint: Endpoint, path: str) -> bool:
    forms = (endpoint.path, endpoint.unversioned)
    return any(path.startswith(form) and path != form if endpoint.is_prefix else path == form for form in forms)


def _shown(text: str) -> str:
    return "".join(character for character in text[:_LONGEST_PATH] if character.isprintable())
