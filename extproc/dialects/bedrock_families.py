"""What each family of models takes of Converse: one API for all, and a validation error for what a model does not know.

Law: only the model's id is read, or where that says nothing (an ARN of an application's profile, a provisioned or
imported model) the name that callers use; a capability of the model's entry (`tools`, `no_tools`, `caching`, …)
overrules its family. A family that nobody knows gets what most take.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from extproc.dialects.model_names import without_profile
from extproc.snapshot import Model

# Where an effort stands in additionalModelRequestFields. claude: `thinking`, and `effort` in outputConfig;
# flat: `reasoning_effort`; nested: `reasoning.effort`; nova: `reasoningConfig`; worded: `reasoning_config`, a word.
Thinks = Literal["", "claude", "flat", "nested", "nova", "worded"]
TopK = Literal["", "top_k", "k", "nova"]  # where it stands there; nova: `inferenceConfig.topK`


@dataclass(frozen=True, slots=True)
class Family:
    claude: bool = False
    nova: bool = False
    system: bool = True  # takes system blocks
    tools: bool = True
    choices: frozenset[str] = frozenset()  # of `any` and `tool`; `auto` is what nothing says, too
    streams_tools: bool = True  # with tools it must be asked for a whole answer else
    strict_tools: bool = False
    result_status: bool = False
    caches: bool = False
    caches_tools: bool = False
    caches_an_hour: bool = False
    stops: bool = True
    stop_words: re.Pattern[str] | None = None  # the only ones that it takes
    one_sampling: bool = False  # temperature or top_p, not both
    top_k: TopK = ""
    thinks: Thinks = ""


_BOTH: Final = frozenset({"any", "tool"})
_ANY: Final = frozenset({"any"})
_CLAUDE: Final = Family(
    claude=True, choices=_BOTH, result_status=True, caches=True, caches_tools=True, top_k="top_k", thinks="claude"
)
_CLAUDE_4_1: Final = replace(_CLAUDE, one_sampling=True)
_CLAUDE_4_5: Final = replace(_CLAUDE_4_1, caches_an_hour=True, strict_tools=True)
_NOVA: Final = Family(nova=True, choices=_BOTH, result_status=True, caches=True, top_k="nova")
_NO_TOOLS: Final = Family(tools=False)
_TEXT_ALONE: Final = replace(_NO_TOOLS, system=False)
_TITAN: Final = replace(_TEXT_ALONE, stop_words=re.compile(r"\|+|User:"))
_LLAMA: Final = Family(stops=False, streams_tools=False)
_MISTRAL: Final = Family(streams_tools=False, top_k="top_k")

# In their order: the first that is found in the id counts.
_BY_ID: Final[tuple[tuple[re.Pattern[str], Family], ...]] = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"claude-(?:v\d|instant)", Family(claude=True, tools=False, top_k="top_k")),
        (r"claude-(?:[a-z]+-4-[5-9]|[a-z]+-(?:[5-9]|\d\d)\b|mythos|fable)", _CLAUDE_4_5),
        (r"claude-[a-z]+-4-1\b", _CLAUDE_4_1),
        (r"claude-3-(?:opus|sonnet|haiku)|claude-3-5-sonnet-20240620", replace(_CLAUDE, caches=False)),
        (r"claude", _CLAUDE),
        (r"nova-2", replace(_NOVA, thinks="nova")),
        (r"nova-(?:micro|lite|pro|premier)", _NOVA),
        (r"titan-text-premier", replace(_TITAN, system=True)),
        (r"titan", _TITAN),
        (r"llama-?3-2-(?:1b|3b)|llama-?3-(?:8b|70b)|llama-?2", replace(_LLAMA, tools=False)),
        (r"llama", _LLAMA),
        (r"mistral-large-3|ministral-3|devstral|magistral", Family(choices=_ANY, top_k="top_k")),
        (r"mistral-large|pixtral", replace(_MISTRAL, choices=_ANY)),
        (r"mistral-small", _MISTRAL),
        (r"mistral-7b|mixtral", replace(_TEXT_ALONE, top_k="top_k")),
        (r"voxtral", _NO_TOOLS),
        (r"command-r|command-a", Family(top_k="k")),
        (r"command", replace(_TEXT_ALONE, top_k="k")),
        (r"jamba-instruct", _NO_TOOLS),
        (r"jamba", Family()),
        (r"\bj2-", _TEXT_ALONE),
        (r"deepseek\.r1|deepseek-r1", _NO_TOOLS),
        (r"deepseek\.v3-v1", Family(choices=_ANY, thinks="worded")),
        (r"deepseek", Family(choices=_BOTH, thinks="worded")),
        (r"gpt-oss|kimi", Family(thinks="flat")),
        (r"openai\.gpt|\bgpt-\d", Family(choices=_BOTH, thinks="nested")),
        (r"palmyra", Family(streams_tools=False)),
    )
)
_UNKNOWN: Final = Family()
_OPAQUE: Final = re.compile(
    r":(?:application-inference-profile|provisioned-model|custom-model(?:-deployment)?|imported-model|endpoint"
    r"|prompt|prompt-router)/"
)


def telling_name(model: str, entry: Model | None) -> str:
    """The name from which the family can be seen: the model's id, or what callers say where the id is an opaque ARN."""
    return entry.name if entry is not None and _OPAQUE.search(model) else model


@lru_cache(maxsize=1024)  # asked for several times on an exchange's way
def family_of(model: str, entry: Model | None) -> Family:
    name = without_profile(telling_name(model, entry).lower())
    found = next((family for pattern, family in _BY_ID if pattern.search(name)), _UNKNOWN)
    return found if entry is None else _told(found, entry.capabilities)


def _told(family: Family, said: frozenset[str]) -> Family:
    def either(capability: str, otherwise: bool) -> bool:
        return capability in said or (otherwise and f"no_{capability}" not in said)

    return replace(
        family,
        system=either("system_role", family.system),
        tools=either("tools", family.tools),
        choices=_BOTH if "forced_tools" in said else family.choices,
        streams_tools=either("streamed_tools", family.streams_tools),
        caches=either("caching", family.caches),
    )
