"""Tests of a path, in the forms that both Envoy and we can hold a request against.

Law: whether a route's path reaches an endpoint is decided here, once, when the configuration is compiled: for an exact
path by matching it, for a prefix by what is left of the route's path behind it.
"""

import re
from dataclasses import dataclass
from typing import Literal

from extproc.facts import globs
from extproc.snapshot import PathMatch

TestKind = Literal["exact", "prefix", "below", "regex"]


@dataclass(frozen=True, slots=True)
class PathTest:
    """`below` is the path itself and everything behind it at a slash; `regex` holds for the whole path."""

    kind: TestKind
    text: str

    def holds(self, path: str) -> bool:
        match self.kind:
            case "exact":
                return path == self.text
            case "prefix":
                return path.startswith(self.text)
            case "below":
                return path == self.text or path.startswith(f"{self.text}/")
            case "regex":
                return re.fullmatch(self.text, path, re.DOTALL) is not None


Tests = tuple[PathTest, ...]  # all must hold


def written(match: PathMatch) -> Tests:
    """A route's own path."""
    match match.kind:
        case "exact":
            return (PathTest("exact", match.text),)
        case "prefix":
            return (_below(match.text),)
        case "glob":
            return (_glob(match.text),)
        case "regex":
            return (PathTest("regex", match.text),)
        case "any":
            return (PathTest("prefix", "/"),)


def reached(match: PathMatch, path: str, is_prefix: bool) -> Tests | None:
    """The tests that a request for this endpoint's path must pass under a route's path; None: none ever does."""
    route = written(match)
    if not is_prefix:
        return (PathTest("exact", path),) if route[0].holds(path) else None
    return _reached_prefix(match, path, path)


def reached_unversioned(match: PathMatch, path: str, is_prefix: bool, version: str) -> Tests | None:
    """The same for a request that left the version out: the route is held against the path with it."""
    if not is_prefix:
        return (PathTest("exact", path),) if written(match)[0].holds(version + path) else None
    return _reached_prefix(match, version + path, path)


def _reached_prefix(match: PathMatch, meant: str, asked: str) -> Tests | None:
    """`meant` is the prefix that the route is held against, `asked` the one that requests begin with."""
    prefix = PathTest("prefix", asked)
    match match.kind:
        case "any":
            return (prefix,)
        case "exact":
            return (
                (PathTest("exact", asked + match.text.removeprefix(meant)),) if match.text.startswith(meant) else None
            )
        case "prefix":
            below = _below(match.text)
            if below.holds(meant):
                return (prefix,)
            return (
                (PathTest(below.kind, asked + below.text.removeprefix(meant)),)
                if below.text.startswith(meant)
                else None
            )
        case "glob":
            left = globs.remainders(match.text, meant)
            if globs.is_everything(left):
                return (prefix,)
            behind = "|".join(globs.to_regex(rest) for rest in sorted(left))
            return (PathTest("regex", f"{globs.escape(asked)}(?:{behind})"),) if left else None
        case "regex":
            return _reached_by_regex(match.text, meant, asked)


def _reached_by_regex(regex: str, meant: str, asked: str) -> Tests | None:
    """A regular expression has no remainder that is easily written, so both are asked of the path.

    Where the version was left out this works only for an expression that spells the version at its beginning.
    """
    if meant != asked:
        version = meant.removesuffix(asked)
        spelled = regex.removeprefix("^")
        if not spelled.startswith(f"{version}/") or "|" in spelled:
            return None
        regex = spelled.removeprefix(version)
    return (PathTest("prefix", asked), PathTest("regex", regex))


def _below(text: str) -> PathTest:
    return PathTest("prefix", text) if text.endswith("/") else PathTest("below", text)


def _glob(text: str) -> PathTest:
    if text.count("*") == 1 and text.endswith("*"):
        return PathTest("prefix", text[:-1])
    return PathTest("regex", globs.to_regex(text, captures=True)) if "*" in text else PathTest("exact", text)
