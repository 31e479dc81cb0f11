"""Names that are like the one that was asked for, and how a name of somebody else's is printed.

Law: the work is bounded, whatever the caller sent and however many names there are; what is printed is short ASCII,
because it goes into headers too.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import chain, islice
from typing import Final

LONGEST: Final = 100  # characters of a name that are looked at
MOST: Final = 400  # names that are compared


def nearest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The nearest first. Of very many names, those that share the first letters are compared first."""
    asked = name[:LONGEST].lower()
    spelled: dict[str, str] = {}
    for one in names:
        spelled.setdefault(one.lower(), one)
    near: list[str] = []
    far: list[str] = []
    for lower in spelled:
        (near if lower[:2] == asked[:2] else far).append(lower)
    compared = list(islice(chain(near, far), MOST))
    # Where nothing is like it, the nearest still say what there is.
    found = get_close_matches(asked, compared, n=count) or get_close_matches(asked, compared, n=count, cutoff=0.0)
    return [spelled[lower] for lower in found]


def hint(name: str, names: Iterable[str]) -> str:
    """`; nearest: a, b`, or nothing. A name that exists, and may not be had here, is not its own nearest."""
    found = nearest(name, (one for one in names if one != name))
    return f"; nearest: {', '.join(found)}" if found else ""


def shown(name: str) -> str:
    """A name as a sentence may print it."""
    text = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
