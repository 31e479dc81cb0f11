"""The gateway's own answers to GET /v1/models and /v1/models/{id}.

Law: a caller sees the names it may use and learns nothing of others: a name it may not use does not exist.
"""

import difflib
from collections.abc import Sequence
from urllib.parse import unquote

from extproc import names
from extproc.dialects.registry import ModelName, vocabulary
from extproc.protocol.replies import ImmediateReply, Metadata
from extproc.refusal import Reason, Refusal
from extproc.rewrite.refusals import JSON, immediate

_SHOWN = 100  # of a name that does not exist


def models_reply(
    path: str, usable: Sequence[ModelName], dialect: str, request_id: str, metadata: Metadata
) -> ImmediateReply:
    """`path` as the caller wrote it, versioned or not, with its query or without."""
    words = vocabulary(dialect)
    wanted = _wanted(path)
    if wanted is None:
        return _answer(words.model_list(usable), request_id, metadata)
    found = next((name for name in usable if name.id == wanted), None)
    if found is not None:
        return _answer(words.model_object(found), request_id, metadata)
    near = difflib.get_close_matches(wanted[:_SHOWN], [name.id for name in usable], n=3)
    hint = f" Near it: {', '.join(f'`{name}`' for name in near)}." if near else ""
    shown = "".join(c for c in wanted[:_SHOWN] if c.isprintable())
    message = f"There is no model `{shown}` that you may use.{hint}"
    return immediate(Refusal(Reason.MODEL_NOT_FOUND, message, param="model"), dialect, request_id, metadata)


def _wanted(path: str) -> str | None:
    """The id in the path; ids may hold slashes, escaped or not."""
    plain = path.partition("?")[0]
    return unquote(plain.partition("/models")[2].removeprefix("/")) or None


def _answer(body: bytes, request_id: str, metadata: Metadata) -> ImmediateReply:
    return ImmediateReply(
        status=200,
        headers=(("content-type", JSON), (names.REQUEST_ID, request_id)),
        body=body,
        details="extproc_models",
        metadata=metadata,
    )
