"""Where a request becomes a Reply: key, model, faults, then the endpoint.

Law: pure and total. Every request gets a Reply; what is counted (the request's number) and the time come in.
"""

import hmac
from collections.abc import Callable
from typing import Any, Final

import msgspec

from extproc.demo.asked import decoded
from extproc.demo.audio import speech, transcriptions
from extproc.demo.catalog import EVERY_ENDPOINT, Endpoint, Model, Provider
from extproc.demo.chat import chat
from extproc.demo.completions import completions
from extproc.demo.embeddings import embeddings
from extproc.demo.faults import DAMAGE, FAULT_MODELS, INSTEAD, damaged, flaky_turn
from extproc.demo.images import images
from extproc.demo.moderations import moderations
from extproc.demo.multipart import form_of
from extproc.demo.reply import Plain, Problem, Reply, encode
from extproc.demo.request import Order, Request
from extproc.demo.responses import responses

# Here the model may be left out, as at OpenAI.
MODEL_IS_OPTIONAL: Final[frozenset[Endpoint]] = frozenset({"moderations", "images"})
ENDPOINTS: Final[dict[str, tuple[Endpoint, Callable[[Order], Reply]]]] = {
    "/v1/chat/completions": ("chat", chat),
    "/v1/completions": ("completions", completions),
    "/v1/responses": ("responses", responses),
    "/v1/embeddings": ("embeddings", embeddings),
    "/v1/moderations": ("moderations", moderations),
    "/v1/images/generations": ("images", images),
    "/v1/audio/speech": ("speech", speech),
    "/v1/audio/transcriptions": ("transcriptions", transcriptions),
}


class NamesModel(msgspec.Struct):
    model: str | None = None


def answered(provider: Provider, request: Request, number: int, now: int) -> Reply:
    """What `provider` does with its `number`-th request."""
    try:
        return _answered(provider, request, number, now)
    except Problem as problem:
        return problem.reply()


def is_counted(request: Request) -> bool:
    """Looking at the list of models or at the health takes no turn of a flaky provider."""
    return request.method == "POST" and request.path in ENDPOINTS


def _answered(provider: Provider, request: Request, number: int, now: int) -> Reply:
    if request.path == "/healthz":
        return Plain(encode({"status": "ok", "provider": provider.name}))
    _check_key(provider, request)
    if request.method == "GET" and (request.path + "/").startswith("/v1/models/"):
        return _models(provider, request.path.removeprefix("/v1/models").strip("/"), now)
    if request.path not in ENDPOINTS:
        raise Problem(404, f"Invalid URL ({request.method} {request.path})")
    if request.method != "POST":
        raise Problem(405, f"Not allowed to {request.method} on {request.path}.", headers=(("allow", "POST"),))
    return _order_answered(provider, request, number, now)


def _order_answered(provider: Provider, request: Request, number: int, now: int) -> Reply:
    endpoint, answer = ENDPOINTS[request.path]
    name = _model_name(request)
    if name in INSTEAD:
        return INSTEAD[name]
    model = _model(provider, name, endpoint)
    failure = flaky_turn(number, provider.fails_every) if name not in DAMAGE else None
    if failure is not None:
        return failure
    reply = answer(Order(provider, model, request.body, request.content_type, number, now))
    return damaged(name, reply, request.path) if name in DAMAGE else reply


def _check_key(provider: Provider, request: Request) -> None:
    scheme, _, key = request.authorization.partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Problem(401, "You didn't provide an API key in an Authorization header (Bearer).")
    if not hmac.compare_digest(key.strip().encode(), provider.key.encode()):
        # The wrong key is not repeated: it may be somebody's real one, sent here by a mistake in a route.
        raise Problem(401, f"Incorrect API key provided to {provider.name}.", code="invalid_api_key")


def _model_name(request: Request) -> str:
    if request.path == "/v1/audio/transcriptions":
        return form_of(request.body, request.content_type).get("model", b"").decode(errors="replace")
    return decoded(request.body, NamesModel).model or ""


def _model(provider: Provider, name: str, endpoint: Endpoint) -> Model:
    if name in FAULT_MODELS:
        return Model(name, vision=True, endpoints=EVERY_ENDPOINT)
    model = provider.model(name)
    if not name and endpoint in MODEL_IS_OPTIONAL:
        model = provider.default_model(endpoint)
    elif not name:
        raise Problem(400, "You must provide a model parameter.", param="model")
    if model is None:
        raise Problem(
            404, f"The model `{name}` does not exist at {provider.name}.", code="model_not_found", param="model"
        )
    if endpoint not in model.endpoints:
        raise Problem(404, f"The model `{name}` does not serve {endpoint}.", code="model_not_found", param="model")
    return model


def _models(provider: Provider, name: str, now: int) -> Reply:
    if name:
        model = provider.model(name)
        if model is None:
            raise Problem(404, f"The model `{name}` does not exist.", code="model_not_found", param="model")
        return Plain(encode(_shown(model, provider, now)))
    listed = [_shown(model, provider, now) for model in provider.models]
    return Plain(encode({"object": "list", "data": listed}))


def _shown(model: Model, provider: Provider, now: int) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": now, "owned_by": provider.name}
