"""What every piece of one answer in the OpenAI dialect repeats."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    id: str
    created: int
    model: str
