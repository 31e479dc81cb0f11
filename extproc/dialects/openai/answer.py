"""Answers that the gateway gives itself in the OpenAI dialect: the list of models, and one of them.

Law: the same names give the same bytes; a model's `created` is 0, because nobody knows when it was made.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name that a caller may ask for."""

    id: str
    owned_by: str  # the provider's name, or the gateway's for an alias


def model_object(name: ModelName) -> bytes:
    return msgspec.json.encode(_model(name))


def model_list(names: Iterable[ModelName]) -> bytes:
    return msgspec.json.encode({"object": "list", "data": [_model(name) for name in names]})


def _model(name: ModelName) -> dict[str, str | int]:
    return {"id": name.id, "object": "model", "created": 0, "owned_by": name.owned_by}
