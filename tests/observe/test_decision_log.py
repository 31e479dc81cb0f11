"""One line for each exchange, whatever is in it."""

import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.observe.decision_log import FIELDS, LONGEST_LINE, DecisionLog, human_line, json_line, record_of
from extproc.observe.outcome import Attempt
from tests.observe.samples import ANSWERED, outcome

COLOUR = re.compile(r"\033\[[0-9]{1,2}m")


def test_a_line_says_what_happened() -> None:
    """The whole of it, word for word."""
    assert json.loads(json_line(ANSWERED)) == {
        "log": "exchange",
        "time": "2026-11-21T09:54:40.500+00:00",
        "id": "x1",
        "request_id": "r1",
        "snapshot": "s1",
        "route": "main",
        "endpoint": "chat",
        "caller": "ci",
        "labels": {"team": "blue"},
        "model": "smart",
        "strategy": "ordered",
        "target": "anthropic/claude-3-haiku",
        "reason": "it is the cheapest",
        "attempts": [
            {"target": "lab/small", "status": 500, "why": "upstream_5xx", "ms": 20},
            {"target": "anthropic/claude-3-haiku", "status": 200, "why": "", "ms": 400},
        ],
        "unreachable": ["open/llama3"],
        "status": 200,
        "stream": True,
        "usage": {
            "input": 100,
            "output": 20,
            "cached_input": 64,
            "cache_write": 0,
            "reasoning": 0,
            "estimated": False,
            "cache_write_1h": 0,
            "audio_input": 0,
            "audio_output": 0,
            "cached_audio": 0,
            "image_input": 0,
            "image_output": 0,
            "tier": "standard",
        },
        "cost": "0.000105",
        "ttft_ms": 120,
        "duration_ms": 450,
        "request_bytes": 900,
        "response_bytes": 4000,
        "details": "via_upstream",
    }


def test_every_field_is_documented() -> None:
    """And none is documented that does not exist."""
    full = outcome(
        refusal="x",
        client_left=True,
        cut=True,
        flags=("f",),
        lost_records=1,
        losses=("seed",),
        failed="x",
        arm="canary",
    )
    assert set(record_of(full)) == set(FIELDS)


def test_zero_is_said_and_nothing_is_not() -> None:
    """A status of 0 and a cost of 0 mean something; a missing cost means something else."""
    nothing = record_of(outcome(status=0, cost=0, usage=None, ttft_ms=None, labels={}, model=None))
    assert nothing["status"] == 0 and nothing["cost"] == "0"
    assert not {"usage", "ttft_ms", "labels", "model"} & set(nothing)
    assert "cost" not in record_of(outcome(cost=None))


texts = st.text(st.characters(), max_size=400) | st.sampled_from(
    ["\n", "\r\n", "\u2028", "\x1b[2J", "\ud800", "x" * 9000]
)


@given(texts, st.dictionaries(texts, texts, max_size=40), st.lists(texts, max_size=30))
def test_a_line_is_one_line_and_bounded_whatever_callers_say(
    word: str, labels: dict[str, str], tried: list[str]
) -> None:
    """Newlines, terminal codes, lone surrogates and megabytes come out tame, in both forms."""
    wild = outcome(
        model=word,
        caller=word,
        details=word,
        labels=labels,
        target=f"{word}/{word}",
        attempts=tuple(Attempt(text, "failure", 500, text) for text in tried),
        flags=tuple(tried),
    )
    line = json_line(wild)
    assert len(line.splitlines()) == 1 and len(line.encode()) <= LONGEST_LINE
    assert isinstance(json.loads(line), dict)
    seen = COLOUR.sub("", human_line(wild))
    assert seen.isprintable() and len(seen) < LONGEST_LINE


@pytest.mark.parametrize("field", ["model", "details", "target", "caller", "strategy"])
def test_what_looks_like_a_credential_is_masked(field: str) -> None:
    """A caller may put its key where a model's name belongs."""
    written: dict[str, Any] = {field: "sk-proj-abcdefghijklmnop1234"}
    assert "abcdefgh" not in json_line(outcome(**written)) + human_line(outcome(**written))


def test_people_get_a_short_line() -> None:
    """Status, target, tokens, cost, times, and who failed."""
    line = COLOUR.sub("", human_line(ANSWERED)).split("  ")[1:]
    assert [part.strip() for part in line] == [
        "200",
        "anthropic/claude-3-haiku",
        "100+20 tokens",
        "$0.000105",
        "first 120 ms",
        "450 ms",
        "open/llama3: no_host",
        "lab/small: upstream_5xx",
    ]
    refused = COLOUR.sub("", human_line(outcome(target=None, status=404, refusal="model_not_found", attempts=())))
    assert "404  main (model_not_found)" in refused
    assert "left" in human_line(outcome(client_left=True)) and "cut" in human_line(outcome(cut=True))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_json_and_a_terminal_a_line_for_people() -> None:
    """Unless somebody said which."""
    pipe, terminal, said = io.StringIO(), Terminal(), Terminal()
    DecisionLog(pipe).exchange(ANSWERED)
    DecisionLog(terminal).exchange(ANSWERED)
    DecisionLog(said, people=False).exchange(ANSWERED)
    assert pipe.getvalue() == said.getvalue() == json_line(ANSWERED) + "\n"
    assert terminal.getvalue() == human_line(ANSWERED) + "\n"
