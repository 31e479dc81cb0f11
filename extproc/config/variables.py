"""`${NAME}` and `${NAME:-default}` in scalar values; `$$` is a dollar.

Law: variables are put in after parsing, so no value of the environment can change the shape of a document. `$` before
anything else stays as it is: `$1` belongs to rewrites.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from extproc.config.problems import PathParts, Problem, path_text
from extproc.config.scalars import substituted
from extproc.config.yaml_nodes import Entry

_MARK = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<inside>[^{}]*)\}|(?P<open>\{))")
_INSIDE = re.compile(r"^(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?$", re.DOTALL)


class _Unset(Exception):
    """What is wrong with a variable, as (message, hint)."""


def unknown(name: str) -> str:
    """What stands for a secret that is only elsewhere: one for each, and fit to be a key, a URL or a shared secret."""
    return f"https://known-elsewhere.invalid/{quote(name, safe='')}"


def put_in(
    entry: Entry, environment: Mapping[str, str], path: PathParts = (), *, elsewhere: bool = False
) -> list[Problem]:
    """Replace the variables of a tree in place; what cannot be replaced is a problem and stays as written.

    `elsewhere`: a value that is a variable and nothing else may be set only where the configuration is used. Whoever
    reads it must be content with that (`Entry.elsewhere`).
    """
    if isinstance(entry.content, dict):
        children: list[tuple[str | int, Entry]] = list(entry.content.items())
    elif isinstance(entry.content, list):
        children = list(enumerate(entry.content))
    else:
        return _scalar(entry, environment, path, elsewhere=elsewhere)
    return [
        problem
        for part, child in children
        for problem in put_in(child, environment, (*path, part), elsewhere=elsewhere)
    ]


def _scalar(entry: Entry, environment: Mapping[str, str], path: PathParts, *, elsewhere: bool) -> list[Problem]:
    text = entry.content
    if not isinstance(text, str) or "$" not in text or entry.variables_in:
        return []
    alone = _alone(text)
    if elsewhere and alone is not None and not environment.get(alone):
        entry.variables_in, entry.variable, entry.elsewhere, entry.content = True, alone, True, unknown(alone)
        return []
    try:
        new = _MARK.sub(lambda found: _replacement(found, environment), text)
    except _Unset as unset:
        message, hint = unset.args
        return [Problem(entry.file, entry.line, path_text(path), message, hint)]
    entry.variables_in = True  # an entry that several aliases share is replaced once
    entry.variable = alone
    if new != text:
        entry.content = substituted(new) if entry.plain else new
    return []


def _alone(text: str) -> str | None:
    """The variable that the whole text is. With a default it may be another's value, so it is not named."""
    found = _MARK.fullmatch(text)
    inside = _INSIDE.match(found["inside"]) if found is not None and found["inside"] else None
    return inside["name"] if inside is not None and inside["default"] is None else None


def _replacement(found: re.Match[str], environment: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    inside = None if found["open"] else _INSIDE.match(found["inside"])
    if inside is None:
        raise _Unset("`${` starts a variable and none follows", "write ${NAME}, ${NAME:-default}, or $$ for a dollar")
    name, default = inside["name"], inside["default"]
    value = environment.get(name)
    if default is not None:
        return value or default
    if value is None:
        raise _Unset(f"the variable {name} is not set", f"set it, or write ${{{name}:-default}}")
    return value
