"""Globs of names: `*` stands for any characters, everything else for itself."""

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def pattern(glob: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in glob.split("*")), re.DOTALL)


def matches(glob: str, name: str) -> bool:
    return glob == name or ("*" in glob and pattern(glob).fullmatch(name) is not None)


def any_matches(globs: Iterable[str], *names: str) -> bool:
    return any(matches(glob, name) for glob in globs for name in names)
