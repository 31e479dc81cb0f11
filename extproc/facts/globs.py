"""Path globs: `*` stands for any characters, slashes included; everything else for itself.

Law: a glob is told in three ways that agree: whether it matches a text, the RE2 expression Envoy is given, and what is
left of it behind a text that was already read (its remainders).
"""

import re

Remainders = frozenset[str]  # globs of which one must match the rest; none: nothing can match any more


def matches(glob: str, text: str) -> bool:
    return re.fullmatch(to_regex(glob), text, re.DOTALL) is not None


def to_regex(glob: str, *, captures: bool = False) -> str:
    """RE2's and Python's common ground. With captures, the n-th star is the n-th group."""
    star = "(.*)" if captures else ".*"
    return star.join(escape(part) for part in glob.split("*"))


def escape(text: str) -> str:
    """Backslashes only where both RE2 and Python need them: Python's own `re.escape` writes some that RE2 refuses."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def remainders(glob: str, read: str) -> Remainders:
    """What must match behind `read` for `glob` to match the whole."""
    left = _open({glob})
    for character in read:
        left = _open({_after(rest, character) for rest in left} - {None})
    return frozenset(rest for rest in left if not _is_implied(rest, left))


def is_everything(left: Remainders) -> bool:
    return any(rest and not rest.strip("*") for rest in left)


def _after(rest: str, character: str) -> str | None:
    if rest.startswith("*"):
        return rest
    return rest[1:] if rest[:1] == character else None


def _open(globs: set[str | None]) -> set[str]:
    """A star may also stand for nothing, so what is behind it may begin here too."""
    opened: set[str] = set()
    for glob in globs:
        while glob is not None:
            opened.add(glob)
            glob = glob[1:] if glob.startswith("*") else None
    return opened


def _is_implied(rest: str, left: set[str]) -> bool:
    """`*x` matches all that `x` does."""
    return f"*{rest}" in left
