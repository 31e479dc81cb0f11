"""Sampling, limits and the rest of a chat's settings → Converse's `inferenceConfig` and its neighbours.

Law: a value out of Converse's range is put to the nearest one that it takes, and what a model would refuse is left
out; both are losses. A cap above what the model can write is its own limit and none.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.bedrock_families import Family
from extproc.dialects.model_families import Traits
from extproc.dialects.openai.chat import Chat
from extproc.translation.openai_bedrock.thinking import Thinking

_IN_METADATA: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]*", re.ASCII)
_LONGEST_METADATA: Final = 256
_MOST_METADATA: Final = 16
_TIERS: Final = {"flex": "flex", "priority": "priority"}
_GUARDRAIL_KEYS: Final = frozenset({"guardrailIdentifier", "guardrailVersion", "trace"})
_STREAMED_GUARDRAIL_KEYS: Final = _GUARDRAIL_KEYS | {"streamProcessingMode"}
_LONGEST_PASSED: Final = 2048


class Settings:
    """One request's, while they are being written: members of the body and what is lost of them."""

    def __init__(self, chat: Chat, family: Family, traits: Traits, thinking: Thinking) -> None:
        self._chat = chat
        self._family = family
        self._traits = traits
        self._thinking = thinking
        samples = traits.sampling or (traits.sampling_at_no_effort and not thinking.on)
        self._samples = samples and not thinking.free
        self.lost: set[str] = set()

    # --- inferenceConfig ---------------------------------------------------------------------------------------------

    def inference(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "maxTokens": self._cap(),
            "temperature": self._temperature(),
            "topP": self._top_p(),
            "stopSequences": self._stops() or None,
        }
        return {key: value for key, value in told.items() if value is not None}

    def _cap(self) -> int | None:
        asked = self._chat.max_tokens or self._thinking.at_most
        if asked is None:
            return None
        if self._thinking.free:
            self.lost.add("max_completion_tokens")
            return None
        return min(asked, self._traits.max_output or asked)

    def _temperature(self) -> float | None:
        asked = self._chat.temperature
        if asked is None or not self._may_sample("temperature", asked == 1):
            return None
        return self._within_one("temperature", asked)

    def _top_p(self) -> float | None:
        asked = self._chat.top_p
        if asked is None or not self._may_sample("top_p", asked == 1):
            return None
        if self._family.one_sampling and self._chat.temperature is not None:
            if asked != 1:
                self.lost.add("top_p")
            return None
        return self._within_one("top_p", asked)

    def top_k(self) -> dict[str, Any]:
        """Into additionalModelRequestFields."""
        asked = self._chat.top_k
        if asked is None or not self._may_sample("top_k", False):
            return {}
        match self._family.top_k:
            case "":
                self.lost.add("top_k")
                return {}
            case "nova":
                return {"inferenceConfig": {"topK": asked}}
            case name:
                return {name: asked}

    def _may_sample(self, name: str, is_default: bool) -> bool:
        """Claude samples in its own way while it thinks."""
        if self._samples and not (self._family.claude and self._thinking.on):
            return True
        if not is_default:
            self.lost.add(name)
        return False

    def _within_one(self, name: str, asked: float) -> float:
        told = min(max(asked, 0), 1)
        if told != asked:
            self.lost.add(name)
        return told

    def _stops(self) -> list[str]:
        if not self._family.stops:
            self.lost |= {"stop"} if self._chat.stop else set()
            return []
        words = [word for word in dict.fromkeys(self._chat.stop) if self._takes_stop(word)]
        if len(words) < len(set(self._chat.stop)):
            self.lost.add("stop")
        return words

    def _takes_stop(self, word: str) -> bool:
        if self._family.claude and not word.strip():
            return False
        known = self._family.stop_words
        return known is None or known.fullmatch(word) is not None

    # --- its neighbours ----------------------------------------------------------------------------------------------

    def metadata(self, given: Mapping[str, Any]) -> dict[str, str]:
        """`user` and `metadata`: labels of the request in the account's own logs."""
        told: dict[str, str] = {}
        if self._chat.user is not None:
            self._label(told, "user", self._chat.user, "user")
        labels = given.get("metadata")
        for key, value in (labels if isinstance(labels, dict) else {}).items():
            self._label(told, key, value, "metadata")
        return told

    def _label(self, told: dict[str, str], key: str, value: object, name: str) -> None:
        fits = isinstance(value, str) and _fits(value) and key and _fits(key) and len(told) < _MOST_METADATA
        if not fits or key in told:
            self.lost.add(name)
        else:
            told[key] = str(value)

    def tier(self, given: Mapping[str, Any]) -> dict[str, str] | None:
        asked = given.get("service_tier")
        if asked is None:
            return None
        told = _TIERS.get(asked) if isinstance(asked, str) else None
        if told is None:
            self.lost.add("service_tier")
            return None
        return {"type": told}


def _fits(label: str) -> bool:
    return len(label) <= _LONGEST_METADATA and _IN_METADATA.fullmatch(label) is not None


def guardrail(given: object, stream: bool) -> dict[str, str] | None:
    """The caller's own `guardrailConfig`, if it can be one: words under known names. What they mean AWS knows."""
    allowed = _STREAMED_GUARDRAIL_KEYS if stream else _GUARDRAIL_KEYS
    if not isinstance(given, dict) or not given.keys() <= _STREAMED_GUARDRAIL_KEYS:
        return None
    words = {key: value for key, value in given.items() if isinstance(value, str) and len(value) <= _LONGEST_PASSED}
    if len(words) < len(given) or not {"guardrailIdentifier", "guardrailVersion"} <= words.keys():
        return None
    return {key: value for key, value in words.items() if key in allowed}


def performance(given: object) -> dict[str, str] | None:
    latency = given.get("latency") if isinstance(given, dict) and len(given) == 1 else None
    return {"latency": latency} if latency in ("standard", "optimized") else None
