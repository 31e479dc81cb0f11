"""Where a request becomes a Reply: key, model, faults, then the endpoint.

Law: pure and total. Every request gets a Reply; what is counted (the request's number) and the time come in.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from extproc.demo.asked import decoded
from extproc.demo.audio import speech, transcriptions
from extproc.demo.catalog import EVERY_ENDPOINT, Dialect, Endpoint, Model, Provider
from extproc.demo.chat import chat
from extproc.demo.completions import completions
from extproc.demo.doors import check_entry, models, no_such_model
from extproc.demo.embeddings import embeddings
from extproc.demo.errors import error_reply
from extproc.demo.faults import DAMAGE, FAULT_MODELS, INSTEAD, damaged, flaky_turn
from extproc.demo.images import images
from extproc.demo.messages import messages
from extproc.demo.moderations import moderations
from extproc.demo.multipart import form_of
from extproc.demo.reply import Plain, Problem, Reply, encode
from extproc.demo.request import Order, Request, request_id
from extproc.demo.responses import responses

# Here the model may be left out, as at OpenAI.
MODEL_IS_OPTIONAL: Final[frozenset[Endpoint]] = frozenset({"moderations", "images"})
Served = dict[str, tuple[Endpoint, Callable[[Order], Reply]]]
_OPENAI: Final[Served] = {
    "/v1/chat/completions": ("chat", chat),
    "/v1/completions": ("completions", completions),
    "/v1/responses": ("responses", responses),
    "/v1/embeddings": ("embeddings", embeddings),
    "/v1/moderations": ("moderations", moderations),
    "/v1/images/generations": ("images", images),
    "/v1/audio/speech": ("speech", speech),
    "/v1/audio/transcriptions": ("transcriptions", transcriptions),
}
ENDPOINTS: Final[dict[Dialect, Served]] = {"openai": _OPENAI, "anthropic": {"/v1/messages": ("messages", messages)}}


class NamesModel(msgspec.Struct):
    model: str | None = None


def answered(provider: Provider, request: Request, number: int, now: int) -> Reply:
    """What `provider` does with its `number`-th request."""
    try:
        outcome = _answered(provider, request, number, now)
    except Problem as problem:
        outcome = problem
    if isinstance(outcome, Problem):
        return error_reply(outcome, provider.dialect, request_id(provider, number))
    return outcome


def is_counted(provider: Provider, request: Request) -> bool:
    """Looking at the list of models or at the health takes no turn of a flaky provider."""
    return request.method == "POST" and request.path in ENDPOINTS[provider.dialect]


def _answered(provider: Provider, request: Request, number: int, now: int) -> Reply | Problem:
    if request.path == "/healthz":
        return Plain(encode({"status": "ok", "provider": provider.name}))
    check_entry(provider, request)
    if request.method == "GET" and (request.path + "/").startswith("/v1/models/"):
        return models(provider, request.path.removeprefix("/v1/models").strip("/"), now)
    if request.path not in ENDPOINTS[provider.dialect]:
        raise Problem(404, f"Invalid URL ({request.method} {request.path})")
    if request.method != "POST":
        raise Problem(405, f"Not allowed to {request.method} on {request.path}.", headers=(("allow", "POST"),))
    return _order_answered(provider, request, number, now)


def _order_answered(provider: Provider, request: Request, number: int, now: int) -> Reply | Problem:
    endpoint, answer = ENDPOINTS[provider.dialect][request.path]
    name = _model_name(request)
    if name in INSTEAD:
        return INSTEAD[name]
    model = _model(provider, name, endpoint)
    failure = flaky_turn(number, provider.fails_every) if name not in DAMAGE else None
    if failure is not None:
        return failure
    reply = answer(Order(provider, model, request.body, request.content_type, number, now))
    return damaged(name, reply, endpoint) if name in DAMAGE else reply


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
        raise no_such_model(provider, name)
    if endpoint not in model.endpoints:
        raise Problem(404, f"The model `{name}` does not serve {endpoint}.", code="model_not_found", param="model")
    return model
