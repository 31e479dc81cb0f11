"""Which pair translates between two dialects. A new pair is a new line here."""

from collections.abc import Mapping
from typing import Final

from extproc.dialects.registry import api_of
from extproc.snapshot import OPENAI_SHAPED
from extproc.translation.openai_anthropic import OpenAIToAnthropic
from extproc.translation.openai_bedrock import OpenAIToBedrock
from extproc.translation.openai_cohere import OpenAIToCohere
from extproc.translation.openai_gemini import OpenAIToGemini
from extproc.translation.openai_mistral import OpenAIToMistral
from extproc.translation.openai_ollama import OpenAIToOllama
from extproc.translation.openai_openai import OpenAIToOpenAI
from extproc.translation.pair import Pair

_OPENAI: Final = OpenAIToOpenAI()
# By (the caller's dialect, the API spoken upstream).
CHAT_PAIRS: Final[Mapping[tuple[str, str], Pair]] = {
    ("openai", "anthropic"): OpenAIToAnthropic(),
    ("openai", "bedrock"): OpenAIToBedrock(),
    ("openai", "cohere"): OpenAIToCohere(),
    ("openai", "gemini"): OpenAIToGemini(),
    ("openai", "mistral"): OpenAIToMistral(),
    ("openai", "ollama"): OpenAIToOllama(),
}
SAME_SHAPE: Final[Mapping[tuple[str, str], Pair]] = {("openai", dialect): _OPENAI for dialect in OPENAI_SHAPED}


def pair_for(caller_dialect: str, provider_dialect: str, model: str, endpoint: str) -> Pair | None:
    """`model` is what the provider is told: on Vertex AI it says which API is spoken."""
    between = (caller_dialect, api_of(provider_dialect, model))
    if endpoint == "chat" and between in CHAT_PAIRS:
        return CHAT_PAIRS[between]
    return SAME_SHAPE.get(between)
