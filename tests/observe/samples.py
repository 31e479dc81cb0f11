"""An outcome with everything in it."""

from dataclasses import replace
from typing import Any

from extproc.money import Usage
from extproc.observe.outcome import Attempt, Outcome

ANSWERED = Outcome(
    id="x1",
    request_id="r1",
    time=1_795_254_880.5,
    snapshot="s1",
    route="main",
    endpoint="chat",
    caller="ci",
    labels={"team": "blue"},
    model="smart",
    strategy="ordered",
    target="anthropic/claude-3-haiku",
    attempts=(
        Attempt("open/llama3", "sink", 0, "no_host", 1),
        Attempt("lab/small", "failure", 500, "upstream_5xx", 20),
        Attempt("anthropic/claude-3-haiku", "ok", 200, "", 400),
    ),
    status=200,
    refusal=None,
    stream=True,
    usage=Usage(input=100, output=20, cached_input=64),
    cost=105_000,
    ttft_ms=120,
    duration_ms=450,
    details="via_upstream",
    reason="it is the cheapest",
    request_bytes=900,
    response_bytes=4000,
)


def outcome(**changes: Any) -> Outcome:
    return replace(ANSWERED, **changes)
