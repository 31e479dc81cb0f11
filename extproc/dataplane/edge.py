"""What never comes in from outside: Envoy's internal headers and ours, but for those that callers may set.

Law: a header that steers Envoy or the processor is taken off before anything looks at the request, in any case of its
letters (Envoy has lowered them by then).
"""

from collections.abc import Iterable

from extproc import names
from extproc.dataplane.form import Node, header, named
from extproc.facts.globs import escape

# RE2 counts instructions, and Envoy's limit of 100 is below what the expression here, or an operator's own, needs.
RE2_PROGRAM_SIZE = 20_000


def early_header_mutation(*, tells_certificate: bool = False) -> Node:
    return _mutations(
        {"remove_on_match": {"key_matcher": {"prefix": names.ENVOY_PREFIX}}},
        {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": all_but(names.PREFIX, names.CALLER_HEADERS)}}}},
        *([_certificate()] if tells_certificate else []),
    )


def tells_certificate() -> Node:
    """For Envoys that remove headers by their whole names only: that one. The processor removes the others."""
    return _mutations({"remove": names.CTL_PEER}, _certificate())


def _mutations(*mutations: Node) -> Node:
    return named(
        "envoy.http.early_header_mutation.header_mutation",
        "http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=list(mutations),
    )


def _certificate() -> Node:
    """The client's, whole: see facts/peer. Behind what takes off whatever the client itself has sent by this name."""
    return {"append": header(names.CTL_PEER, "%DOWNSTREAM_PEER_CERT%")}


def all_but(prefix: str, kept: Iterable[str]) -> str:
    """An expression for every name that begins with `prefix` and is not one of `kept`. RE2 has no look-ahead, so
    the complement is spelled out: at each letter, whatever leaves the tree of kept names, or stops inside it."""
    return escape(prefix) + _leaving(frozenset(name.removeprefix(prefix) for name in kept))


def _leaving(words: frozenset[str]) -> str:
    heads = sorted({word[0] for word in words if word})
    if not heads:
        return ".+" if "" in words else ".*"
    ways = [f"[^{''.join(escape_in_class(head) for head in heads)}].*"]
    for head in heads:
        ways.append(escape(head) + _leaving(frozenset(word[1:] for word in words if word[:1] == head)))
    if "" not in words:
        ways.append("")
    return f"(?:{'|'.join(ways)})"


def escape_in_class(character: str) -> str:
    return f"\\{character}" if character in "\\]^-" else character
