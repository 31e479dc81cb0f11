"""What an answer says, whoever read it: the same words for every SDK.

Law: plain data that compares by `==`; a number that a provider does not tell is None and compares with nothing.
"""

import json
from typing import Any


def arguments(value: Any) -> Any:
    """Of a tool call, as data: texts that are JSON are read."""
    if isinstance(value, str):
        try:
            return json.loads(value) if value.strip() else {}
        except ValueError:
            return value
    return {} if value is None else value


def said(
    text: str | None,
    calls: list[tuple[str, Any]],
    finish: str | None,
    *,
    prompt: Any = None,
    completion: Any = None,
    cached: Any = None,
    reasoning: Any = None,
    plan: str | None = None,
    thought: str | None = None,
) -> dict[str, Any]:
    usage = {"prompt": prompt, "completion": completion, "cached": cached, "reasoning": reasoning}
    return {
        "text": text or "",
        "plan": plan or "",  # what a provider says of its calls apart from its text
        "thought": thought or "",
        "calls": [[name, arguments(value)] for name, value in calls],
        "finish": "tool_calls" if calls and finish == "stop" else finish,
        "usage": {name: None if value is None else int(value) for name, value in usage.items()},
    }


def refused(status: int) -> dict[str, Any]:
    return {"status": status}


def broken(error: BaseException) -> dict[str, Any]:
    """After the status had been good."""
    return {"broken": f"{type(error).__name__}: {error}"[:300]}
