"""Log probabilities of tokens, as OpenAI writes them, from those of APIs that took over its form.

Law: what a provider tells beside it (ids of tokens) is left out; where it tells no bytes they are the token's own.
"""

from collections.abc import Mapping
from typing import Any

from extproc.dialects.tolerant import items, number, text


def token_logprobs(told: object) -> Mapping[str, Any] | None:
    """`told` is a list of tokens. None where there is none."""
    tokens = [
        {**token, "top_logprobs": [top for each in items(one, "top_logprobs") if (top := _token(each)) is not None]}
        for one in (told if isinstance(told, list) else ())
        if (token := _token(one)) is not None
    ]
    return logprobs_of(tokens)


def logprobs_of(tokens: list[dict[str, Any]]) -> Mapping[str, Any] | None:
    return {"content": tokens, "refusal": None} if tokens else None


def token(said: str, logprob: float) -> dict[str, Any]:
    return {"token": said, "logprob": logprob, "bytes": list(said.encode("utf-8", "replace"))}


def _token(one: object) -> dict[str, Any] | None:
    logprob = number(one, "logprob")
    if logprob is None:
        return None
    made = token(text(one, "token"), logprob)
    told = items(one, "bytes")
    if told and all(isinstance(byte, int) and 0 <= byte < 256 for byte in told):
        made["bytes"] = told
    return made
