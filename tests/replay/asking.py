"""A recorded request said in the OpenAI dialect, where that is simple; else a plain one that brings the same answer.

Law: for judging answers only. The recorded model, whether it streamed, and the tools that the answer calls are kept;
texts are kept where they are texts; everything else is not needed.
"""

from typing import Any

from tests.replay.recordings import Fitting

PLAIN: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
OPENAI_SHAPED = frozenset({"openai", "azure_openai", "openrouter"})


def fields(fitting: Fitting) -> dict[str, Any]:
    """The body that the caller sends, without `model` and `stream`."""
    asked = fitting.recording.asked
    if fitting.dialect in OPENAI_SHAPED or fitting.endpoint != "chat":
        return {name: value for name, value in asked.items() if name not in ("model", "stream")}
    said: dict[str, Any] = {"messages": _messages(fitting.dialect, asked) or PLAIN}
    if tools := _tools(fitting.dialect, asked):
        said["tools"] = tools
    if fitting.streamed:
        said["stream_options"] = {"include_usage": True}
    return said


def _messages(dialect: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The recorded turns, if all of them are nothing but text."""
    turns = asked.get("contents") if dialect in ("gemini", "vertex") else asked.get("messages")
    found: list[dict[str, Any]] = []
    for turn in turns if isinstance(turns, list) else []:
        text = _text(turn.get("parts", turn.get("content"))) if isinstance(turn, dict) else None
        role = "assistant" if isinstance(turn, dict) and turn.get("role") == "model" else turn.get("role")
        if not text or turn.get("tool_calls") or role not in ("user", "assistant", "system"):
            return []
        found.append({"role": role, "content": text})
    return found if found and found[-1]["role"] == "user" else []


def _text(content: Any) -> str | None:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [block.get("text") if isinstance(block, dict) else None for block in content]
    return "".join(map(str, texts)) if texts and all(isinstance(text, str) for text in texts) else None


def _tools(dialect: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[tuple[Any, Any]] = []
    if dialect == "anthropic":
        found = [(tool.get("name"), tool.get("input_schema")) for tool in asked.get("tools") or []]
    elif dialect == "bedrock":
        specs = [tool.get("toolSpec") or {} for tool in (asked.get("toolConfig") or {}).get("tools") or []]
        found = [(spec.get("name"), (spec.get("inputSchema") or {}).get("json")) for spec in specs]
    elif dialect in ("gemini", "vertex"):
        declared = [d for tool in asked.get("tools") or [] for d in tool.get("functionDeclarations") or []]
        found = [(each.get("name"), {"type": "object"}) for each in declared]
    else:
        functions = [tool.get("function") or {} for tool in asked.get("tools") or []]
        found = [(each.get("name"), each.get("parameters")) for each in functions]
    return [
        {"type": "function", "function": {"name": name, "parameters": schema}}
        for name, schema in found
        if isinstance(name, str) and isinstance(schema, dict)
    ]
