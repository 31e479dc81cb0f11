"""The board of rate limits: what each target's provider said is left of them, by the latest word.

Law: kept by target, because providers count by key and often by model. Bounded; the one heard of the longest ago goes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from extproc.decision.plan import Measure
from extproc.decision.quota import Quota
from extproc.outcome.classify import AttemptResult
from extproc.outcome.rate_limits import Unit, quota
from extproc.outcome.recent import Recent

LIMIT: Final = 2_000


class Quotas:
    def __init__(self, limit: int = LIMIT) -> None:
        self._left: dict[Unit, Recent[Quota]] = {"requests": Recent(limit), "tokens": Recent(limit)}

    def __iter__(self) -> Iterator[str]:
        for of_unit in self._left.values():
            yield from of_unit

    def attempt(self, result: AttemptResult, now: float) -> None:
        """What an answer's headers say. An attempt's record comes when all of the answer has: they may be old news."""
        if not result.limits or result.started_at is None:
            return
        first_byte = result.first_byte or 0.0
        age = max((result.duration or 0.0) - first_byte, 0.0)
        for unit, of_unit in self._left.items():
            said = quota(result.limits, unit, now - age, result.started_at + first_byte)
            if said is not None:
                target = str(result.target)
                before = of_unit.get(target)
                of_unit.put(target, before.then(said) if before is not None else said)

    def left(self, target: str, unit: Unit, now: float) -> Measure | None:
        said = self._left[unit].get(target)
        return said.left_at(now) if said is not None else None

    def all(self) -> dict[str, dict[str, Quota]]:
        return {unit: of_unit.all() for unit, of_unit in self._left.items()}

    def inherit(self, known: Mapping[str, Mapping[str, Quota]]) -> None:
        for unit, of_unit in self._left.items():
            of_unit.put_all(known.get(unit, {}))

    def keep(self, wanted: Callable[[str], bool]) -> None:
        for of_unit in self._left.values():
            of_unit.keep(wanted)
