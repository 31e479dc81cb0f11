"""POST /v1/embeddings: unit vectors from a hash of the text.

Law: the same text and length give the same vector, as floats and as base64, to the last bit of a float32.
"""

import base64
import hashlib
import math
import struct
from typing import Any, Final, Literal

import msgspec

from extproc.demo.asked import CHARACTERS_PER_TOKEN, decoded
from extproc.demo.pace import whole
from extproc.demo.reply import Problem, Reply, encode
from extproc.demo.request import Order

MOST_DIMENSIONS: Final = 4096


class EmbeddingsRequest(msgspec.Struct):
    input: str | list[str | int | list[int]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


def embeddings(order: Order) -> Reply:
    request = decoded(order.body, EmbeddingsRequest)
    dimensions = order.model.dimensions if request.dimensions is None else request.dimensions
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise Problem(400, f"`dimensions` must be from 1 to {MOST_DIMENSIONS}.", param="dimensions")
    inputs = _inputs(request.input)
    tokens = sum(_tokens(each) for each in inputs)
    if not inputs or tokens > order.model.context:
        raise Problem(400, "`input` must not be empty nor exceed the model's context.", param="input")
    packed = [_vector(each, dimensions) for each in inputs]
    body = {
        "object": "list",
        "model": order.model.name,
        "data": [_embedding(place, each, request.encoding_format) for place, each in enumerate(packed)],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return whole(encode(body), 0, order.provider.speed)


def _inputs(given: str | list[str | int | list[int]]) -> list[str | list[int]]:
    if isinstance(given, str):
        return [given] if given else []
    numbers = [each for each in given if isinstance(each, int)]
    texts = [each for each in given if not isinstance(each, int)]
    return [*texts, numbers] if numbers else texts


def _tokens(one: str | list[int]) -> int:
    return max(1, math.ceil(len(one) / CHARACTERS_PER_TOKEN)) if isinstance(one, str) else len(one)


def _vector(one: str | list[int], dimensions: int) -> bytes:
    """Little-endian float32s, as base64 carries them."""
    seed = one.encode() if isinstance(one, str) else encode(one)
    drawn = struct.unpack(f"<{dimensions}i", hashlib.shake_256(seed).digest(4 * dimensions))
    length = math.sqrt(sum(each * each for each in drawn)) or 1.0
    return struct.pack(f"<{dimensions}f", *(each / length for each in drawn))


def _embedding(place: int, packed: bytes, form: str | None) -> dict[str, Any]:
    shown: Any = base64.b64encode(packed).decode()
    if form != "base64":
        shown = struct.unpack(f"<{len(packed) // 4}f", packed)
    return {"object": "embedding", "index": place, "embedding": shown}
