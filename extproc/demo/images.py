"""POST /v1/images/generations: a real PNG, small, in a colour of the provider's own.

Law: only base64 is given; there is nowhere to host an address.
"""

import base64
import hashlib
import math
import struct
import zlib
from typing import Any, Final

import msgspec

from extproc.demo.asked import CHARACTERS_PER_TOKEN, decoded
from extproc.demo.pace import whole
from extproc.demo.reply import Problem, Reply, encode
from extproc.demo.request import Order

SIDE: Final = 16
TOKENS_PER_PICTURE: Final = 272
MOST_PICTURES: Final = 10


class ImagesRequest(msgspec.Struct):
    prompt: str
    n: int | None = None


def images(order: Order) -> Reply:
    request = decoded(order.body, ImagesRequest)
    count = 1 if request.n is None else request.n
    if not 1 <= count <= MOST_PICTURES:
        raise Problem(400, f"`n` must be from 1 to {MOST_PICTURES}.", param="n")
    shown = base64.b64encode(png(order.provider.name)).decode()
    body = {"created": order.now, "data": [{"b64_json": shown}] * count, "output_format": "png"}
    return whole(encode({**body, "usage": _usage(request.prompt, count)}), 0, order.provider.speed)


def _usage(prompt: str, count: int) -> dict[str, Any]:
    asked = math.ceil(len(prompt) / CHARACTERS_PER_TOKEN)
    made = count * TOKENS_PER_PICTURE
    return {
        "input_tokens": asked,
        "input_tokens_details": {"text_tokens": asked, "image_tokens": 0},
        "output_tokens": made,
        "total_tokens": asked + made,
    }


def png(seed: str) -> bytes:
    """A square of one colour, drawn from `seed`."""
    colour = hashlib.sha256(seed.encode()).digest()[:3]
    row = b"\x00" + colour * SIDE  # each row begins with its filter: none
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)  # 8 bits a channel, RGB
    blocks = (b"IHDR", header), (b"IDAT", zlib.compress(row * SIDE)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_block(kind, data) for kind, data in blocks)


def _block(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
