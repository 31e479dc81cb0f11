"""What a target would lose of a chat request, told before anything is sent.

Law: a loss is a feature that the caller asked for and the target's API, or its model, cannot be told. Content that it
cannot take is no loss but a reason to leave the target out: an answer to half a question is none. Some losses change
what the answer is, so a plan goes around them where it can; the others are named and change no order.
"""

from typing import Final

from extproc.dialects.model_families import Traits, traits_at
from extproc.dialects.openai.features import CONTENTS, OLD_CAP
from extproc.dialects.registry import side_of
from extproc.snapshot import Model

# Losing one of these gives another kind of answer, not only a slightly different one.
DECISIVE: Final = frozenset(
    {
        "audio",
        "logit_bias",
        "logprobs",
        "modalities",
        "n",
        "parallel_tool_calls",
        "response_format",
        "stop",
        "tool_choice",
        "tools",
        "top_logprobs",
        "web_search_options",
    }
)
ADAPTED: Final = frozenset({"openai", "azure_openai"})  # of the caller's shape, and still refusing some of it
SAMPLING: Final = frozenset({"temperature", "top_p", "top_k"})
PENALTIES: Final = frozenset({"frequency_penalty", "presence_penalty"})


def losses(dialect: str, model: str, entry: Model | None, features: frozenset[str]) -> tuple[str, ...]:
    """The names of what gets lost, in their order. `model` is what the provider is told."""
    side = side_of(dialect, model)
    if not features or (side.expresses is None and dialect not in ADAPTED):
        return ()
    asked = features - CONTENTS - side.unsent - {OLD_CAP}
    lost = frozenset() if side.expresses is None else asked - side.expresses
    known = traits_at(dialect, model, entry)
    if not _samples(known, features):
        lost |= asked & (SAMPLING | PENALTIES)
    elif not known.penalties:
        lost |= asked & PENALTIES
    if known.thinking == "none" and (dialect not in ADAPTED or _family_known(known)):
        lost |= asked & {"reasoning_effort"}
    return tuple(sorted(lost))


def _family_known(known: Traits) -> bool:
    """One of OpenAI's own that does not think; a model that nobody knows behind an API of that shape may well."""
    return known.takes_developer_role or known.parallel_tools


def _samples(known: Traits, features: frozenset[str]) -> bool:
    quiet = known.sampling_at_no_effort and not known.thinks_unasked and "reasoning_effort" not in features
    return known.sampling or quiet


def unfit(dialect: str, model: str, features: frozenset[str]) -> tuple[str, ...]:
    """The kinds of content in the request that this API cannot take at all."""
    takes = side_of(dialect, model).takes
    return () if takes is None else tuple(sorted((features & CONTENTS) - takes))


def decisive(lost: tuple[str, ...]) -> bool:
    return any(name in DECISIVE for name in lost)
