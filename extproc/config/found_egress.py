"""The proxy of the environment: what curl, Python and Go read from the same variables.

Law: as in found.py. What cannot be used is left out with a note, because it was written for other programs too.
"""

from collections.abc import Mapping
from typing import Any, Final

from extproc.config.addresses import NotAnAddress, parse_proxy
from extproc.config.direct_hosts import NotAHost, parse_entry, split_entries

PROXIES: Final = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_DIRECT: Final = ("no_proxy", "NO_PROXY")


def egress(is_set: Mapping[str, str], notes: list[str]) -> dict[str, Any] | None:
    seen = proxy_variable(is_set)
    if seen is None:
        return None
    try:
        parse_proxy(is_set[seen])
    except NotAnAddress as error:
        notes.append(f"{seen} is seen, not used: it {error}")
        return {"proxy": "none"}
    return {"proxy": is_set[seen], "no_proxy": _direct(is_set, notes)}


def proxy_variable(environment: Mapping[str, str]) -> str | None:
    return next((name for name in PROXIES if environment.get(name, "").strip()), None)


def _direct(is_set: Mapping[str, str], notes: list[str]) -> list[str]:
    name = next((name for name in _DIRECT if name in is_set), None)
    kept = []
    for entry in split_entries([is_set[name]]) if name is not None else ():
        try:
            parse_entry(entry)
        except NotAHost as error:
            notes.append(f"`{entry}` in {name} is seen, not used: it {error}")
        else:
            kept.append(entry)
    return kept
