"""Reads recorded answers with the vendor's own SDK, straight from the upstream that serves them.

Law: what the SDK gives is told in the words of `reading`, by the published meaning of each number: a prompt counts what
was cached, a completion counts what was thought.
"""

from typing import Any

import of_claude
import of_google
import of_others

READERS = {
    "anthropic": of_claude.anthropic,
    "bedrock": of_claude.bedrock,
    "gemini": of_google.gemini,
    "vertex": of_google.gemini,
    "cohere": of_others.cohere,
    "mistral": of_others.mistral,
    "ollama": of_others.ollama,
}


def read(question: dict[str, Any]) -> dict[str, Any]:
    return READERS[question["dialect"]](question["base_url"], question["model"], question["stream"])
