"""The facts that conditions may name: each with its kind and a sentence, in one place.

Law: a name stands here or does not exist. A text that is absent is "", a boolean that is absent is false; a number
that is absent has no value, and what depends on it does not hold. There is no clock among them: the same request gives
the same answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from extproc.facts.request import Facts

# `label`: a text that callers write; compared with a number or a boolean it is read as one. `any`: whatever was sent.
Kind = Literal["number", "boolean", "text", "label", "list", "map", "any"]
EMBEDDING: Final = "embedding"


@dataclass(frozen=True, slots=True)
class Fact:
    kind: Kind
    meaning: str
    read: Callable[[Facts], Any]


def _label(name: str, meaning: str) -> Fact:
    return Fact("label", meaning, lambda facts: facts.labels.get(name, ""))


def _flag(name: str, meaning: str) -> Fact:
    return Fact("boolean", meaning, lambda facts: facts.labels.get(name, "").lower() == "true")


def _task_type(facts: Facts) -> str:
    """An embeddings request is one, whether it says so or not."""
    return facts.labels.get("task_type", "") or (EMBEDDING if facts.family == "embeddings" else "")


FACTS: Final[Mapping[str, Fact]] = {
    "tokens": Fact("number", "Tokens of the prompt, as counted or estimated.", lambda facts: facts.input_tokens),
    "max_output_tokens": Fact(
        "number",
        "The caller's cap for the answer; no value where there is none.",
        lambda facts: facts.max_output_tokens,
    ),
    "total_tokens": Fact("number", "Both together.", lambda facts: facts.input_tokens + (facts.max_output_tokens or 0)),
    "model": Fact("text", 'The model or alias asked for; `""` for `auto` and none.', lambda facts: facts.model or ""),
    "provider": Fact("text", "The provider asked for.", lambda facts: facts.provider or ""),
    "route": Fact("text", "The route's name.", lambda facts: facts.route),
    "endpoint": Fact("text", "`chat`, `completions`, `embeddings`, `responses`, …", lambda facts: facts.endpoint),
    "family": Fact("text", "What a model must serve for it: `chat`, `embeddings`, …", lambda facts: facts.family),
    "stream": Fact("boolean", "The answer is streamed.", lambda facts: facts.stream),
    "caller": Fact("text", "The caller's name, of `callers`.", lambda facts: facts.caller.name or ""),
    "needs": Fact(
        "list",
        "What the request needs: `tools`, `vision`, `audio`, `files`, `json_schema`, `json_object`.",
        lambda facts: facts.needs,
    ),
    "tags": Fact("list", "Capabilities that the request asks for by `requirements`.", lambda facts: facts.tags),
    "requirements": Fact("map", "The body's `requirements`: `requirements.NAME`.", lambda facts: facts.requirements),
    "task_type": Fact("label", "As the body says; `embedding` for embeddings where it does not.", _task_type),
    "safety_required": _flag("safety_required", "As the body says."),
    "safety_critical": _flag("safety_critical", "As the body says."),
    "team": _label("team", "The caller's own label, else as header or body say."),
    "project": _label("project", "The same."),
    "customer": _label("customer", "The same."),
    "customer_id": _label("customer_id", "The caller's own label, else as the body says."),
    "environment": _label("environment", "The same."),
    "cost_center": _label("cost_center", "The same."),
    "feature": _label("feature", "The same."),
    "user_id": _label("user_id", "The same."),
    "experiment_id": _label("experiment_id", "The same."),
    "region": _label("region", "The same."),
    "model_version": _label("model_version", "The same."),
    "priority": _label("priority", "The same; only where the body says a text."),
    "compliance_level": _label("compliance_level", "The same."),
    "data_classification": _label("data_classification", "The caller's own label, else as header or body say."),
}
