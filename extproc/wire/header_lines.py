"""Header lines as Envoy writes and reads them.

Law: what comes in keeps its bytes, whatever they are; names are lower case. What goes out stands in `raw_value` only
(`value` is ignored by Envoy and leaves the header empty) and is checked first: a name or value that HTTP forbids
raises UnsendableHeader and nothing is sent, so no text of a caller or a provider can ever split a header block. `set`
overwrites; `append` is written in both spellings, because Envoys before `append_action` obey the old one.
"""

import re
from typing import Final

from extproc.protocol.events import Headers
from extproc.protocol.replies import HeaderEdit
from extproc.wire.pb import core_pb2, external_processor_pb2

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PSEUDO: Final = frozenset({":method", ":scheme", ":authority", ":path", ":status"})
_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LONGEST: Final = 16384  # Envoy's validation rules refuse the whole mutation above it
_OVERWRITE: Final = core_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
_APPEND: Final = core_pb2.HeaderValueOption.APPEND_IF_EXISTS_OR_ADD


class UnsendableHeader(ValueError):
    """Our reply holds a header that HTTP forbids. The message names the header, never its value."""


def read_headers(block: core_pb2.HeaderMap) -> Headers:
    # Envoy fills raw_value; agentgateway puts pseudo-headers into value, and so do some test clients
    return Headers(tuple((line.key.lower(), line.raw_value or line.value.encode()) for line in block.headers))


def write_edit(mutation: external_processor_pb2.HeaderMutation, edit: HeaderEdit) -> None:
    for name in edit.remove:
        if name.startswith(":"):
            raise UnsendableHeader(f"{name} cannot be removed")
        mutation.remove_headers.append(_checked_name(name))
    for name, value in edit.set:
        _write_line(mutation, name, value, append=False)
    for name, value in edit.append:
        _write_line(mutation, name, value, append=True)


def write_answer_headers(mutation: external_processor_pb2.HeaderMutation, headers: tuple[tuple[str, str], ...]) -> None:
    """An answer of our own: the first line of a name overwrites Envoy's default, further ones stand beside it."""
    seen: set[str] = set()
    for name, value in headers:
        _write_line(mutation, name, value, append=name.lower() in seen)
        seen.add(name.lower())


def _write_line(mutation: external_processor_pb2.HeaderMutation, name: str, value: str, *, append: bool) -> None:
    name, raw = _checked_name(name), _checked_value(name, value)
    option = mutation.set_headers.add()
    option.header.key = name
    option.header.raw_value = raw
    if append:
        option.append.value = True
        option.append_action = _APPEND
    else:
        option.append_action = _OVERWRITE
    if not raw:
        option.keep_empty_value = True


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None and name not in _PSEUDO:
        raise UnsendableHeader(f"not a header name: {ascii(name)[:80]}")
    return name.lower()


def _checked_value(name: str, value: str) -> bytes:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise UnsendableHeader(f"the value of {name} is not text") from None
    if len(raw) > _LONGEST:
        raise UnsendableHeader(f"the value of {name} has {len(raw)} bytes; Envoy takes {_LONGEST}")
    if _FORBIDDEN.search(raw) is not None:
        raise UnsendableHeader(f"the value of {name} holds a control character")
    return raw
