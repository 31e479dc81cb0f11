"""Text from outside made fit for one line of a log or a terminal.

Law: nothing that breaks a line, moves a cursor or changes a colour comes through, and no text is longer than it may be.
"""

from typing import Final

ELLIPSIS: Final = "…"


def printable(text: str, limit: int) -> str:
    """At most `limit` characters; what cannot be printed is written as its code."""
    cut = len(text) > limit
    text = text[: limit - 1] if cut else text
    if not text.isprintable():
        text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)[: limit - 1]
    return text + ELLIPSIS if cut else text
