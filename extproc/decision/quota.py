"""What a provider's rate limit leaves one target, of requests or of tokens: a value, of which each word makes the next.

Law: the latest word counts, by the moment at which the provider said it and not by when we heard of it: the record of a
long stream comes late. What was said holds until the limit's reset; behind it all of the limit is left again, or nobody
knows where no limit was told. A quota of nothing shuts nobody: the 429 that follows does.
"""

from dataclasses import dataclass

from extproc.decision.plan import Measure


@dataclass(frozen=True, slots=True)
class Quota:
    left: float
    at: float  # when it was said
    limit: float | None = None
    resets_at: float | None = None

    def then(self, later: "Quota") -> "Quota":
        return later if later.at >= self.at else self

    def left_at(self, now: float) -> Measure | None:
        if self.resets_at is None:
            return Measure(self.left, self.at)
        if now < self.resets_at:
            return Measure(self.left, max(now, self.at))
        return Measure(self.limit, self.resets_at) if self.limit is not None else None
