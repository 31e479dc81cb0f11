"""Who may come in, and what is on offer, in the words of each dialect: the key, the API's version, the list of models.

Law: a key that does not fit is never repeated: it may be somebody's real one, sent here by a mistake in a route.
"""

import hmac
from datetime import UTC, datetime
from typing import Any

from extproc.demo.catalog import Dialect, Model, Provider
from extproc.demo.reply import Plain, Problem, Reply, encode
from extproc.demo.request import Request


def check_entry(provider: Provider, request: Request) -> None:
    if provider.dialect == "anthropic":
        _check_key_header(provider, request)
    else:
        _check_bearer(provider, request.authorization)


def _check_bearer(provider: Provider, authorization: str) -> None:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Problem(401, "You didn't provide an API key in an Authorization header (Bearer).")
    if not _fits(provider, key.strip()):
        raise Problem(401, f"Incorrect API key provided to {provider.name}.", code="invalid_api_key")


def _check_key_header(provider: Provider, request: Request) -> None:
    """The newest SDKs send a Bearer; beside one, x-api-key counts."""
    key = request.api_key or request.authorization.partition(" ")[2].strip()
    if not key:
        raise Problem(401, "x-api-key header is required")
    if not _fits(provider, key):
        raise Problem(401, "invalid x-api-key")
    if not request.version:
        raise Problem(400, "anthropic-version: header is required")


def _fits(provider: Provider, key: str) -> bool:
    return hmac.compare_digest(key.encode(), provider.key.encode())


def models(provider: Provider, name: str, now: int) -> Reply:
    """All models, or the one that is named."""
    if name:
        model = provider.model(name)
        if model is None:
            raise no_such_model(provider, name)
        return Plain(encode(_shown(model, provider, now)))
    listed = [_shown(model, provider, now) for model in provider.models]
    return Plain(encode(_list_of(listed, provider.dialect)))


def no_such_model(provider: Provider, name: str) -> Problem:
    said = f"The model `{name}` does not exist at {provider.name}."
    return Problem(
        404, f"model: {name}" if provider.dialect == "anthropic" else said, code="model_not_found", param="model"
    )


def _list_of(listed: list[dict[str, Any]], dialect: Dialect) -> dict[str, Any]:
    if dialect == "anthropic":
        ids = [each["id"] for each in listed] or [None]
        return {"data": listed, "first_id": ids[0], "last_id": ids[-1], "has_more": False}
    return {"object": "list", "data": listed}


def _shown(model: Model, provider: Provider, now: int) -> dict[str, Any]:
    if provider.dialect == "anthropic":
        made = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": model.name, "display_name": model.name, "created_at": made}
    return {"id": model.name, "object": "model", "created": now, "owned_by": provider.name}
