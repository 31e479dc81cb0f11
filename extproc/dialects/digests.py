"""Short digests of what callers write: enough to tell requests apart, and nothing to read; and draws by a text.

Law: the same on every machine and after every restart. Only digests of sessions, users and prompts are kept.
"""

from hashlib import blake2b
from typing import Final

_BYTES: Final = 8
DRAWS: Final = 2**64
_LONGEST_NAME: Final = 1024  # characters that are looked at


def digest_of_name(name: str | None) -> str | None:
    """None where it is empty."""
    return digest(name[:_LONGEST_NAME].encode("utf-8", "surrogatepass")) if name else None


def digest(data: bytes) -> str:
    return blake2b(data, digest_size=_BYTES).hexdigest()


def drawn_by(text: str) -> int:
    """A number below DRAWS that looks drawn, and is always the same for this text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest(), "big")
