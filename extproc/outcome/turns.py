"""Whose turn it was: the running number of the latest plan in which each target stood first.

Law: numbers only grow; what stood first in no plan, or in none for very long, has none.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from extproc.outcome.recent import Recent

LIMIT: Final = 2_000


class Turns:
    def __init__(self, limit: int = LIMIT) -> None:
        self._number = 0
        self._turns: Recent[int] = Recent(limit)

    def __iter__(self) -> Iterator[str]:
        return iter(self._turns)

    def stood_first(self, target: str) -> None:
        self._number += 1
        self._turns.put(target, self._number)

    def of(self, target: str) -> int:
        return self._turns.get(target) or 0

    def all(self) -> dict[str, int]:
        return self._turns.all()

    def inherit(self, turns: Mapping[str, int]) -> None:
        self._turns.put_all(turns)
        self._number = max([self._number, *turns.values()])

    def keep(self, wanted: Callable[[str], bool]) -> None:
        self._turns.keep(wanted)
