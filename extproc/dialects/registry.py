"""The dialects by their names, so that no other room imports a vendor.

Law: what a dialect can say and read is this one list of functions; a new dialect is a new line in the table.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from extproc.dialects import anthropic, bedrock, cohere, gemini, mistral, ollama, sse
from extproc.dialects.openai import answer, errors, request, usage
from extproc.dialects.openai.answer import ModelName
from extproc.dialects.openai.request import RequestBody, Requirement, WrongField
from extproc.dialects.openai.side import SIDES as OPENAI_SIDES
from extproc.dialects.provider_side import ProviderSide
from extproc.dialects.upstream_error import UpstreamError
from extproc.money import Usage
from extproc.refusal import Refusal
from extproc.snapshot import OPENAI_SHAPED

__all__ = [
    "BY_NAME",
    "ModelName",
    "RequestBody",
    "Requirement",
    "Vocabulary",
    "WrongField",
    "api_of",
    "side_of",
    "vocabulary",
]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How one dialect is read and spoken."""

    # (endpoint, body, the model that is asked for where it is not the body's); raises NotAnObject and WrongField
    read_request: Callable[[str, bytes, str | None], RequestBody]
    read_usage: Callable[[str | bytes], Usage | None]  # from the text of a usage object
    find_usage: Callable[[bytes], Usage | None]  # from a whole answer or one chunk
    error_body: Callable[[Refusal], bytes]
    error_event: Callable[[Refusal, str], bytes]  # (refusal, endpoint)
    upstream_error_body: Callable[[UpstreamError], bytes]
    is_error_event: Callable[[sse.Event], bool]
    model_list: Callable[[Iterable[ModelName]], bytes]
    model_object: Callable[[ModelName], bytes]


_OPENAI = Vocabulary(
    read_request=request.read_request,
    read_usage=usage.read_usage,
    find_usage=usage.find_usage,
    error_body=errors.error_body,
    error_event=errors.error_event,
    upstream_error_body=errors.upstream_error_body,
    is_error_event=errors.is_error_event,
    model_list=answer.model_list,
    model_object=answer.model_object,
)

BY_NAME: Mapping[str, Vocabulary] = dict.fromkeys(OPENAI_SHAPED, _OPENAI)


def vocabulary(dialect: str) -> Vocabulary:
    """OpenAI's for a name that is not in the table: an answer in some dialect is better than none."""
    return BY_NAME.get(dialect, _OPENAI)


# --- as upstreams ----------------------------------------------------------------------------------------------------

_SIDES: Mapping[str, ProviderSide] = {
    **OPENAI_SIDES,
    "anthropic": anthropic.SIDE,
    "bedrock": bedrock.SIDE,
    "cohere": cohere.SIDE,
    "gemini": gemini.SIDE,
    "mistral": mistral.SIDE,
    "ollama": ollama.SIDE,
}


def api_of(dialect: str, model: str) -> str:
    """The API that is really spoken: Vertex AI serves each publisher's models in that publisher's own shape."""
    if dialect != "vertex":
        return dialect
    return "anthropic" if "claude" in model.lower() else "gemini"


def side_of(dialect: str, model: str) -> ProviderSide:
    return _SIDES.get(api_of(dialect, model), _SIDES["openai"])
