"""Reads a multipart/form-data body: the last value of each field, as bytes.

Law: enough for what SDKs send; a body that cannot be read is the caller's mistake and is told so.
"""

import re
from typing import Final

from extproc.demo.reply import Problem

_BOUNDARY: Final = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAME: Final = re.compile(rb'[;\s]name="([^"]*)"', re.IGNORECASE)  # not the tail of filename="…"


def form_of(body: bytes, content_type: str) -> dict[str, bytes]:
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        raise Problem(400, "The body must be multipart/form-data.")
    fields: dict[str, bytes] = {}
    # The first boundary has no line before it; with one added all parts look the same.
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode("latin-1", "replace"))[1:]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name:
            fields[name[1].decode(errors="replace")] = value
    return fields
