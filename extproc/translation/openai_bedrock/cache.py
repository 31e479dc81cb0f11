"""«Everything up to here may be cached» → Converse's cache points.

Law: a point stands behind what the caller marked; a few only are allowed, so the last ones stay, which cover the most.
An hour is told where the model knows it, and never behind five minutes. To a model that does not cache a mark is
nothing: it was a hint.
"""

from collections.abc import Iterator
from typing import Any, Final

from extproc.dialects.bedrock_families import Family
from extproc.dialects.openai.chat import CacheHint

Block = dict[str, Any]

_MOST: Final = 4


class CachePoints:
    """Those of one request, while it is being written."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self.lost: set[str] = set()

    def after(self, hint: CacheHint | None) -> list[Block]:
        if hint is None or not self._family.caches:
            return []
        point: Block = {"type": "default"}
        if hint.ttl == "1h" and self._family.caches_an_hour:
            point["ttl"] = hint.ttl
        elif hint.ttl not in (None, "5m"):
            self.lost.add("cache_control.ttl")
        return [{"cachePoint": point}]

    def bound(self, body: Block) -> None:
        """Takes out of a written body what is too much."""
        holders = list(_holders(body))
        points = [block["cachePoint"] for holder in holders for block in holder if "cachePoint" in block]
        extra = {id(point) for point in points[: max(len(points) - _MOST, 0)]}
        for holder in holders if extra else ():
            holder[:] = [block for block in holder if id(block.get("cachePoint")) not in extra]
            self.lost.add("cache_control")
        short = False
        for point in points[-_MOST:]:
            if short and point.pop("ttl", None) is not None:
                self.lost.add("cache_control.ttl")
            short = short or "ttl" not in point


def _holders(body: Block) -> Iterator[list[Block]]:
    """In the order in which they are cached."""
    yield (body.get("toolConfig") or {}).get("tools", [])
    yield body["system"]
    for message in body["messages"]:
        yield message["content"]
