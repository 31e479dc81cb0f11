"""A request's path as Envoy reads it before it looks for a route, or that it takes no such request.

Law: what Envoy 1.40 does with the settings of our edge (normalize_path, merge_slashes, escaped slashes refused), found
out of it and held against it by a test. The query stays as it was written.
"""

import re
from typing import Final

_UNFIT: Final = re.compile(r"[^\x21-\x7e]|#")  # HTTP/1.1 has no such request line
_ESCAPED_SLASH: Final = re.compile(r"%2f|%5c|%00", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]")  # these mean the same as their escapes
_ESCAPED_BY_ENVOY: Final = re.compile(r'["<>^`{}]')
_DOTS_WITH_PARAMETERS: Final = re.compile(r"(\.\.?);.*", re.DOTALL)  # `..;x` is a way up too


def normal(path: str) -> str | None:
    """With its query; None: 400."""
    path, mark, query = path.partition("?")
    if not path.startswith("/") or _UNFIT.search(path + query) or _ESCAPED_SLASH.search(path):
        return None
    return _merged(_without_dots(path.replace("\\", "/"))) + mark + query


def _without_dots(path: str) -> str:
    kept: list[str] = []
    parts = path.split("/")[1:]
    for place, part in enumerate(parts):
        dots = _DOTS_WITH_PARAMETERS.fullmatch(part)
        read = dots[1] if dots else _plain(part)
        if read not in (".", ".."):
            kept.append(read)
            continue
        if read == "..":
            del kept[-1:]
        if place == len(parts) - 1:
            kept.append("")
    return "/" + "/".join(kept)


def _plain(part: str) -> str:
    read = _ESCAPED.sub(_unless_it_must_stay, part)
    return _ESCAPED_BY_ENVOY.sub(lambda found: f"%{ord(found[0]):02X}", read)


def _unless_it_must_stay(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _PLAIN.match(character) else found[0]


def _merged(path: str) -> str:
    """One slash for several; where there is nothing else, Envoy leaves two."""
    if "//" not in path:
        return path
    inner = "/".join(part for part in path.split("/") if part)
    return f"/{inner}/" if path.endswith("/") else f"/{inner}"
