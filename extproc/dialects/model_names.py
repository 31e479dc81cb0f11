"""The many spellings of one model's name, and the one that all of them mean.

Law: only the name is read. What says where and when (a region's profile, a vendor before a dot or a slash, a date, a
revision, `-latest`) is taken off; what says which model stays.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from extproc.snapshot import Model

# Bedrock's inference profiles: the same model, reached through a group of regions.
_PROFILE: Final = re.compile(r"(?:us|us-gov|eu|apac|jp|au|ca|sa|in|uk|global)\.(?=[a-z])")
_VENDOR: Final = re.compile(r"[a-z][a-z0-9-]*\.(?=[a-z])")  # `anthropic.` is one, the `gpt-4.` of gpt-4.1 is none
_TUNED: Final = re.compile(r"^ft:")  # OpenAI's fine-tuned ones: `ft:gpt-4o-mini-2024-07-18:team::id`
_TAG: Final = re.compile(r":.*")  # Ollama's `:8b`, OpenRouter's `:free`, what follows a fine-tuned model's base
_REVISION: Final = re.compile(r"(?<!claude)-v\d+(?::.*)?$")  # Bedrock's `-v1:0`; in `claude-v2` it is the version
_DATE: Final = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest|default)$")
_LONGEST: Final = 256  # no name is longer; of what is, the end is looked at


def without_profile(name: str) -> str:
    """`us.anthropic.claude-…`, and the ARN of that profile → `anthropic.claude-…`; others as they were written."""
    last = name[-_LONGEST:].rpartition("/")[2]
    return _PROFILE.sub("", last, count=1)


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """`us.anthropic.claude-sonnet-4-5-20250929-v1:0`, `claude-sonnet-4-5@20250929` → `claude-sonnet-4-5`."""
    plain = _TUNED.sub("", without_profile(name.lower()))
    if match := _VENDOR.match(plain):
        plain = plain[match.end() :]
    plain = _TAG.sub("", _REVISION.sub("", plain))
    return _DATE.sub("", plain)


def by_plain_name(models: Iterable[Model]) -> dict[str, Model]:
    """Of several the undated one stands for all, else the newest: a profile only where nothing else is known."""
    found: dict[str, Model] = {}
    for model in sorted(models, key=_newest_last):
        plain = plain_name(model.name)
        if plain not in found or found[plain].name != plain:
            found[plain] = model
    return found


def _newest_last(model: Model) -> tuple[bool, bool, str]:
    return not model.former, without_profile(model.name) == model.name, model.name
