"""What one target did lately: a value, of which each event makes the next. No clock: `now` comes in.

Law: whoever failed tells no speed, and whoever was not waited for tells nothing of its end. What a mean is over:

  first_token  seconds from the beginning of an attempt to the first piece of a streamed answer, by size class of the
               prompt. Of answers that have no tokens (embeddings) the time to their first byte.
  per_token    seconds for each token of output: of a stream (end - first piece) / (tokens - 1), of a whole answer all
               of its time / tokens, its prompt's reading counted in. Output that nobody counted tells a speed only
               where no counted one did.
  errors       share of attempts that failed. A 429, a caller's mistake and a caller that left are no attempts here.
  cached       share of input tokens that came from the target's cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from extproc.decision.decayed import Decayed, decayed
from extproc.decision.window import Window

ERRORS_MOST: Final = 100.0  # a share of few failures needs many attempts
NO_SAMPLES: Final = Window()


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one answer came, seen from its attempt's beginning."""

    size: int  # size class of the prompt
    first_token: float | None = None  # seconds
    per_token: float | None = None  # seconds
    counted: bool = False  # whether somebody counted the tokens


@dataclass(frozen=True, slots=True)
class TrackRecord:
    errors: Decayed | None = None
    first_token: Mapping[int, Decayed] = field(default_factory=dict)
    first_tokens: Window = NO_SAMPLES
    per_token: Decayed | None = None
    per_token_estimated: Decayed | None = None
    cached: Decayed | None = None

    def failed(self, now: float) -> "TrackRecord":
        return replace(self, errors=decayed(self.errors, 1.0, now, most=ERRORS_MOST))

    def succeeded(self, now: float) -> "TrackRecord":
        return replace(self, errors=decayed(self.errors, 0.0, now, most=ERRORS_MOST))

    def answered(self, speed: Speed, now: float) -> "TrackRecord":
        made = self
        if speed.first_token is not None:
            mean = decayed(made.first_token.get(speed.size), speed.first_token, now)
            by_size = {**made.first_token, speed.size: mean} if mean is not None else made.first_token
            made = replace(
                made, first_token=by_size, first_tokens=made.first_tokens.with_sample(speed.first_token, now)
            )
        if speed.per_token is None:
            return made
        if speed.counted:
            return replace(made, per_token=decayed(made.per_token, speed.per_token, now))
        return replace(made, per_token_estimated=decayed(made.per_token_estimated, speed.per_token, now))

    def read(self, cached_share: float, now: float) -> "TrackRecord":
        """An answer that says how much of its input its cache held."""
        return replace(self, cached=decayed(self.cached, cached_share, now))
