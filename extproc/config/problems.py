"""A problem of a configuration: where it is, what is wrong and what to write instead.

Law: a problem never holds a secret. Values are quoted only where no secret can stand.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

PathParts = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"^[A-Za-z0-9_-]+$")


@dataclass(frozen=True, slots=True)
class Problem:
    file: str
    line: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " + (f"{self.path}: " if self.path else "")
        return f"{where}{self.message}" + (f" ({self.hint})" if self.hint else "")


def path_text(path: PathParts) -> str:
    """`providers.lab.models[1].price`; a key that would read wrongly stands in quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _PLAIN_KEY.match(part) else json.dumps(part, ensure_ascii=False)
            text += f".{key}" if text else key
    return text


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, as a reader meets them."""
    return tuple(sorted(set(problems), key=lambda p: (p.file, p.line, p.path, p.message)))


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant; empty when nothing is near."""
    found = get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(f'`{one}`' for one in found)}?" if found else ""


def nearest_or_all(name: str, known: Iterable[str], what: str) -> str:
    """A hint for a reference: the nearest names, else the few names there are."""
    names = list(known)
    if hint := nearest(name, names):
        return hint
    if not names:
        return f"no {what} is configured"
    shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return f"known: {shown}"
