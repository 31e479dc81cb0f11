"""What translation and counting cost by themselves: pure functions in this process, without Envoy or a network.

Law: CPU time, and of several rounds the best: whatever else the machine does can only add. The pair that hardly changes
anything, OpenAI's dialect to itself, is what the others are compared with.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.scene import LONG, prose
from extproc.dialects.tokens import Counter, family_of
from extproc.refusal import Refusal
from extproc.translation.pair import Answer, Call, Destination, Pair, TranslatedRequest
from extproc.translation.registry import CHAT_PAIRS
from tests.translation.asking import chat_call, destination, pair_of
from tests.upstreams.formats import FORMATS
from tests.upstreams.words import Said

ROUNDS = 5
ENOUGH = 0.05  # seconds of one round
EVENTS = 200
LETTERS = 5  # of one event
BASELINE = "openai"
COUNTED = {"o200k": "gpt-4o", "cl100k": "gpt-4", "estimated": "claude-sonnet-4-5"}
QUESTION = {
    "model": "asked-for",
    "temperature": 0.5,
    "max_tokens": 500,
    "stop": ["END"],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How is the weather in Bergen, and what should I wear?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "forecast", "arguments": '{"city":"Bergen"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "rain, 7 degrees"},
        {"role": "user", "content": "And tomorrow?"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "forecast",
                "description": "Tells the weather.",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            },
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Work:
    """What is timed of one pair."""

    request: Callable[[], TranslatedRequest | Refusal]
    answer: Callable[[], Answer | Refusal]
    stream: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class PairCost:
    """In µs of CPU."""

    request: float
    answer: float
    stream: float  # of EVENTS events


@dataclass(frozen=True, slots=True)
class CountCost:
    prompt: float  # µs of CPU for one prompt of LONG bytes
    per_second: float  # tokens


@dataclass(frozen=True, slots=True)
class Report:
    pairs: dict[str, PairCost]  # by the provider's dialect; the baseline first
    counts: dict[str, CountCost]  # by how it is counted


def run(enough: float = ENOUGH) -> Report:
    return Report(
        {dialect: pair_cost(dialect, enough) for dialect in dialects()},
        {name: count_cost(model, enough) for name, model in COUNTED.items()},
    )


def dialects() -> list[str]:
    """The baseline, then all that a pair translates chats to."""
    return [BASELINE, *(name for name in FORMATS if ("openai", name) in CHAT_PAIRS)]


def pair_cost(dialect: str, enough: float) -> PairCost:
    work = work_of(dialect)
    return PairCost(cost(work.request, enough), cost(work.answer, enough), cost(work.stream, enough))


def work_of(dialect: str) -> Work:
    spoken = FORMATS[dialect]
    pair, to = pair_of(dialect, spoken.model), destination(dialect, spoken.model)
    call = chat_call(json.dumps(QUESTION).encode())
    streamed = chat_call(json.dumps({**QUESTION, "stream": True}).encode())
    words = prose(EVENTS * LETTERS)
    whole = Answer(200, (("content-type", spoken.type),), spoken.whole(Said(words)))
    pieces = in_pieces(spoken.stream(Said(words, pieces=LETTERS)), EVENTS)
    return Work(
        request=lambda: pair.request(call, to),
        answer=lambda: pair.answer(call, to, whole),
        stream=lambda: play(pair, streamed, to, pieces),
    )


def play(pair: Pair, call: Call, to: Destination, pieces: list[bytes]) -> bytes:
    stream = pair.stream(call, to)
    return b"".join([*map(stream.feed, pieces), stream.finish()])


def in_pieces(data: bytes, count: int) -> list[bytes]:
    """Of one size, so most of them end in the middle of an event, as what comes from a network does."""
    size = -(-len(data) // count)
    return [data[start : start + size] for start in range(0, len(data), size)]


def count_cost(model: str, enough: float) -> CountCost:
    text = prose(LONG)
    tokens = Counter(family_of(model)).count(text)  # loads the vocabulary, too
    prompt = cost(lambda: Counter(family_of(model)).count(text), enough)
    return CountCost(prompt, 1e6 * tokens / prompt)


def cost(work: Callable[[], object], enough: float) -> float:
    """µs of CPU for one time, the best round's."""
    times = 1
    while (spent := _spent(work, times)) < enough:
        times = max(2 * times, int(times * enough / max(spent, 1e-6)))
    return 1e6 * min(spent, *(_spent(work, times) for _ in range(ROUNDS - 1))) / times


def _spent(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - began


PAIR_COLUMNS = ("openai to", "request µs", "answer µs", f"{EVENTS} events µs", "an event µs", "events, × openai")
COUNT_COLUMNS = ("tokens", "64 KiB ms", "tokens a second")


def pair_cells(report: Report) -> list[tuple[str, ...]]:
    base = report.pairs[BASELINE]
    return [
        (
            dialect,
            f"{row.request:.0f}",
            f"{row.answer:.0f}",
            f"{row.stream:.0f}",
            f"{row.stream / EVENTS:.1f}",
            f"{row.stream / base.stream:.1f}",
        )
        for dialect, row in report.pairs.items()
    ]


def count_cells(report: Report) -> list[tuple[str, ...]]:
    return [(name, f"{row.prompt / 1e3:.2f}", f"{row.per_second:,.0f}") for name, row in report.counts.items()]
