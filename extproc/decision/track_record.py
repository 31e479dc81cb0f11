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
class Answer:
    """What one exchange showed of the target that answered."""

    good: bool | None = None  # False: it failed behind its beginning; None: nobody waited for its end
    speed: Speed | None = None
    cached_share: float | None = None


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

    def answered(self, answer: Answer, now: float) -> "TrackRecord":
        errors, cached = self.errors, self.cached
        if answer.good is not None:
            errors = decayed(errors, 0.0 if answer.good else 1.0, now, most=ERRORS_MOST)
        if answer.cached_share is not None:
            cached = decayed(cached, answer.cached_share, now)
        first_token, window = self.first_token, self.first_tokens
        counted, estimated, speed = self.per_token, self.per_token_estimated, answer.speed
        if speed is not None and speed.first_token is not None:
            mean = decayed(first_token.get(speed.size), speed.first_token, now)
            if mean is not None:
                first_token = {**first_token, speed.size: mean}
                window = window.with_sample(speed.first_token, now)
        if speed is not None and speed.per_token is not None:
            if speed.counted:
                counted = decayed(counted, speed.per_token, now)
            else:
                estimated = decayed(estimated, speed.per_token, now)
        return TrackRecord(errors, first_token, window, counted, estimated, cached)
