"""The page of dialects tells what each API can be told, as the code has it."""

from pathlib import Path

from extproc.dialects.openai.features import CONTENTS
from extproc.dialects.registry import side_of

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"
APIS = ("anthropic", "bedrock", "gemini", "cohere", "mistral", "ollama")
# What OpenAI's own clients can say and at least one other API cannot be told.
ROWS = (
    "audio", "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "metadata", "modalities", "n",
    "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "reasoning_effort", "response_format",
    "seed", "service_tier", "stop", "temperature", "tool_choice", "tools", "top_k", "top_logprobs", "top_p", "user",
    "verbosity", "web_search_options",
)  # fmt: skip


def told(api: str, feature: str) -> str:
    side = side_of(api, "")
    if feature in CONTENTS:
        return "yes" if side.takes is None or feature in side.takes else "left out of the plan"
    if feature in side.unsent:
        return "means nothing there"
    return "yes" if side.expresses is None or feature in side.expresses else "lost"


def table() -> str:
    lines = [f"| | {' | '.join(APIS)} |", "|---|" + "---|" * len(APIS)]
    for feature in (*ROWS, *sorted(CONTENTS)):
        lines.append(f"| `{feature}` | {' | '.join(told(api, feature) for api in APIS)} |")
    return "\n".join(lines)


def test_the_table_is_what_the_code_does() -> None:
    assert table() in PAGE.read_text(), f"write this into {PAGE.name}:\n{table()}"
