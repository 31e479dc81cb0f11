"""What a service is told instead of the path and host that the caller wrote.

Law: `$n` is the n-th star of the match (of a regular expression: its n-th group); a path prefix is replaced by the
new path; any other path is replaced whole. Envoy keeps the query.
"""

import re

from extproc.dataplane.form import Node
from extproc.facts import globs
from extproc.snapshot import PathMatch, Rewrite


def rewrite(match: PathMatch, told: Rewrite) -> Node:
    action: Node = {}
    if told.path is not None:
        pattern, substitution = _path(match, told.path)
        action["regex_rewrite"] = {"pattern": {"regex": pattern}, "substitution": substitution}
    if told.host is not None:
        action["host_rewrite_literal"] = told.host
    return action


def _path(match: PathMatch, path: str) -> tuple[str, str]:
    new = _substitution(path)
    match match.kind:
        case "prefix" if match.text.endswith("/"):
            return f"^{globs.escape(match.text)}(.*)$", f"{new.rstrip('/')}/\\1"
        case "prefix":
            return f"^{globs.escape(match.text)}(/.*)?$", f"{new.rstrip('/')}\\1"
        case "glob":
            return f"^{globs.to_regex(match.text, captures=True)}$", new
        case "regex":
            return f"^(?:{match.text})$", new
        case "exact" | "any":
            return "^.*$", new


def _substitution(path: str) -> str:
    """`$1` in RE2's words is `\\1`, and a backslash of the path is two."""
    return re.sub(r"\$(\d)", r"\\\1", path.replace("\\", "\\\\"))
