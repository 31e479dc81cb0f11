"""A name that becomes one segment of a path.

Law: it is one segment after every decoding that may come, or it is none at all.
"""

from urllib.parse import quote, unquote


def segment(name: str, safe: str = "", slashes: bool = False) -> str | None:
    """The name, quoted; None where it cannot be a segment. `safe`: letters that the provider wants unquoted; `slashes`:
    it understands quoted ones (of an ARN)."""
    decoded = unquote(name)
    forbidden = "\\" if slashes else "/\\"
    if not name or name == "." or ".." in decoded or any(c in forbidden or not c.isprintable() for c in decoded):
        return None
    return quote(name, safe=safe)
