"""The families of models, each as the traits in which it differs from a model that nobody knows.

Law: a rule sees the plain name alone (see model_names) and answers with fields of Traits. The first family that knows
the name counts.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.efforts import EFFORTS

Facts = Mapping[str, Any]

USUAL_EFFORTS: Final = frozenset({"low", "medium", "high"})
ALL_EFFORTS: Final = frozenset(EFFORTS)
CLAUDE_BUDGET: Final = (1024, 32_000)  # above it the vendor advises batches
_NEWEST: Final = (99, 0)


def by_name(plain: str) -> Facts:
    return next((facts for rule in _RULES if (facts := rule(plain)) is not None), {})


# --- Claude ----------------------------------------------------------------------------------------------------------

_CLAUDE: Final = re.compile(r"claude-?(?:[a-z]+-)*v?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_CLAUDE_OUTPUTS: Final = (((4, 6), 128_000), ((4, 5), 64_000), ((4, 0), 32_000), ((3, 7), 64_000), ((3, 5), 8192))


def _claude(plain: str) -> Facts | None:
    if not plain.startswith("claude"):
        return None
    version = _version(_CLAUDE.match(plain)) or ((1, 2) if "instant" in plain else _NEWEST)
    always = "haiku" not in plain and (version > (5, 0) or "fable" in plain or "mythos" in plain)
    large = 64_000 if version == (4, 0) and "sonnet" in plain else None
    return {
        "sampling": version < (4, 7),
        "prefill": version < (4, 6),
        "native_json_schema": version >= (4, 5),
        "forced_tools": version <= (5, 0) or "haiku" in plain,
        "parallel_tools": version >= (3, 0),
        "system_between_turns": version >= (4, 8),
        "max_output": large or next((most for since, most in _CLAUDE_OUTPUTS if version >= since), 4096),
        "thinks_unasked": version >= (5, 0) or always,
        **_claude_thinking(version, always),
    }


def _claude_thinking(version: tuple[int, int], always: bool) -> Facts:
    if version < (3, 7):
        return {}
    if version < (4, 6):
        return {"thinking": "budget", "budget": CLAUDE_BUDGET, "efforts": ALL_EFFORTS}
    efforts = USUAL_EFFORTS | {"max"} | ({"xhigh"} if version > (4, 6) else set()) | (set() if always else {"none"})
    return {"thinking": "adaptive", "efforts": efforts}


# --- Gemini ----------------------------------------------------------------------------------------------------------

_GEMINI: Final = re.compile(r"gemini-(\d)(?:\.(\d+))?")
_GEMINI_BUDGETS: Final = (("flash-lite", (512, 24_576)), ("flash", (1, 24_576)), ("", (128, 32_768)))
_DRAWS: Final = re.compile(r"-image(?:-|$)|nano-banana")
_SPEAKS: Final = re.compile(r"-tts(?:-|$)")
# Releases before the lasting one: they take fewer settings.
_TRIED_OUT: Final = re.compile(r"-(?:preview|exp)(?:-|$)")
# Members of a family that do not think.
_MUTE: Final = re.compile(r"-(?:image|tts|exp|embedding|native-audio|live)|nano-banana")


def _gemini(plain: str) -> Facts | None:
    if plain.startswith("gemma"):
        return {"fetches_links": False}
    if not plain.startswith(("gemini", "learnlm")):
        return None
    unknown = (2, 0) if _MUTE.search(plain) or plain.startswith("learnlm") else _NEWEST
    version = _version(_GEMINI.match(plain)) or unknown
    common = {
        "native_json_schema": version >= (1, 5),
        "max_output": 65_536 if version >= (2, 5) else 8192,
        # Refused by Flash since 3.6; of a name without a version only Flash is taken for such a one.
        "sampling": version < (3, 6) or (version == _NEWEST and "flash" not in plain),
        "penalties": version < (3, 0) and _TRIED_OUT.search(plain) is None,
        "fetches_links": version > (2, 0) or "nano-banana" in plain,
        "speaks": _SPEAKS.search(plain) is not None,
        "draws": _DRAWS.search(plain) is not None,
    }
    if version < (2, 5) or _MUTE.search(plain):
        return common
    if version < (3, 0):
        size, budget = next(pair for pair in _GEMINI_BUDGETS if pair[0] in plain)
        efforts = ALL_EFFORTS if size else ALL_EFFORTS - {"none"}  # Pro cannot be told not to think
        thinks = size != "flash-lite"
        return {**common, "thinking": "budget", "budget": budget, "efforts": efforts, "thinks_unasked": thinks}
    efforts = _gemini_efforts(plain, version)
    return {**common, "thinking": "level", "efforts": efforts, "thinks_unasked": True, "signs_calls": True}


def _gemini_efforts(plain: str, version: tuple[int, int]) -> frozenset[str]:
    if "flash" in plain and version < (3, 7):
        return USUAL_EFFORTS | {"minimal"}
    return USUAL_EFFORTS if version > (3, 0) and version != _NEWEST else frozenset({"low", "high"})


# --- OpenAI ----------------------------------------------------------------------------------------------------------

_O_SERIES: Final = re.compile(r"o(\d)(?:-|$)")
_GPT: Final = re.compile(r"gpt-(\d{1,2})(?:\.(\d+))?")
_LATER_EFFORTS: Final = (((5, 2), "xhigh"), ((6, 0), "max"))
_OF_GPT: Final = {"native_json_schema": True, "parallel_tools": True, "takes_developer_role": True}
_OF_THINKING_GPT: Final = {
    **_OF_GPT,
    "sampling": False,
    "thinking": "level",
    "thinks_unasked": True,
    "efforts": USUAL_EFFORTS,
    "uses_max_completion_tokens": True,
    "max_output": 128_000,
}


def _openai(plain: str) -> Facts | None:
    if plain.startswith("gpt-oss"):
        return {"thinking": "level", "thinks_unasked": True, "efforts": USUAL_EFFORTS}
    if series := _O_SERIES.match(plain):
        return _o_series(plain, int(series[1]))
    if plain.startswith(("gpt-4o", "chatgpt-4o")):
        return {**_OF_GPT, "max_output": 16_384}
    if plain.startswith(("gpt-35", "gpt-3.5")):
        return {"max_output": 4096}
    if plain.startswith(("codex", "computer-use")):
        return _OF_THINKING_GPT
    version = _version(_GPT.match(plain))
    if version is None:
        return None
    if version >= (5, 0):
        return _gpt_5(plain, version)
    return {**_OF_GPT, "max_output": 32_768} if version >= (4, 1) else {"parallel_tools": True, "max_output": 4096}


def _o_series(plain: str, number: int) -> Facts:
    first = plain.startswith(("o1-mini", "o1-preview"))  # they take neither role, and no tools
    return {
        **_OF_THINKING_GPT,
        "parallel_tools": False,
        "takes_developer_role": not first,
        "takes_system_role": not first,
        "native_json_schema": not first,
        "thinking": "none" if first else "level",
        "efforts": frozenset() if first else USUAL_EFFORTS,
        "max_output": 65_536 if first and number == 1 else 100_000,
    }


def _gpt_5(plain: str, version: tuple[int, int]) -> Facts:
    if "-chat" in plain and version == (5, 0):
        return {**_OF_GPT, "uses_max_completion_tokens": True, "max_output": 16_384}
    if "-chat" in plain:
        return {**_OF_THINKING_GPT, "efforts": frozenset({"medium"}), "max_output": 16_384}
    if "-pro" in plain:
        return {**_OF_THINKING_GPT, "efforts": frozenset({"high"}) if version == (5, 0) else USUAL_EFFORTS | {"xhigh"}}
    if version == (5, 0):
        return {**_OF_THINKING_GPT, "efforts": USUAL_EFFORTS | {"minimal"}}
    efforts = USUAL_EFFORTS | {"none"} | {word for since, word in _LATER_EFFORTS if version >= since}
    # Between 5.1 and 5.4 it does not think unless it is told to.
    return {**_OF_THINKING_GPT, "efforts": efforts, "sampling_at_no_effort": True, "thinks_unasked": version > (5, 4)}


# --- others ----------------------------------------------------------------------------------------------------------

_MISTRALS: Final = ("mistral", "ministral", "codestral", "devstral", "magistral", "pixtral", "voxtral", "open-mi")
_THINKS_AT_A_WORD: Final = re.compile(r"qwen-?3|deepseek-(?:r1|v3\.|v4)|nova-2|glm-[45]|kimi-k2|granite-?(?:3\.|4)")
_ALWAYS_THINKS: Final = re.compile(r"deepseek-reasoner|.*-thinking$|magistral|qwq")


def _mistral(plain: str) -> Facts | None:
    if not plain.startswith(_MISTRALS):
        return None
    return {
        "prefill": True,
        "native_json_schema": True,
        "parallel_tools": True,
        "thinks_unasked": plain.startswith("magistral"),
    }


def _cohere(plain: str) -> Facts | None:
    if not plain.startswith(("command", "c4ai")):
        return None
    if "reasoning" in plain or "command-a-plus" in plain:
        return {
            "native_json_schema": True,
            "thinking": "budget",
            "budget": (1, 32_000),
            "efforts": ALL_EFFORTS,
            "thinks_unasked": True,
            "max_output": 32_000,
        }
    return {"native_json_schema": True, "max_output": 4096}


def _open_models(plain: str) -> Facts | None:
    if _ALWAYS_THINKS.match(plain):
        return {"thinks_unasked": True}
    if _THINKS_AT_A_WORD.match(plain):
        return {"thinking": "level", "efforts": USUAL_EFFORTS | {"none"}}
    return None


def _version(match: re.Match[str] | None) -> tuple[int, int] | None:
    return (int(match[1]), int(match[2] or 0)) if match else None


_RULES: Final = (_claude, _gemini, _openai, _mistral, _cohere, _open_models)
