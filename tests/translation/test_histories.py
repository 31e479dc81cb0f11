"""Conversations of any order: whatever callers replay, each target is sent turns as it wants them, or nobody is asked.

Law: strict turns, results at once and of every call, no blank texts, tools declared where they were used. These are
what services refuse after the types are right; the validators know them.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.refusal import Refusal
from tests.translation.asking import judged, translated, translating
from tests.translation.requests import PIXEL, TOOLS, call, calls, image, result, says, system, text, user
from tests.validators.client import why_missing

pytestmark = [
    pytest.mark.sdk,
    pytest.mark.skipif(why_missing() is not None, reason=str(why_missing())),
]

IDS = st.sampled_from(["call_1", "call_2", "call_3", "a.b:c", "ü", "x" * 70])
WORDS = st.sampled_from(["", " ", "\n", "yes", "no — «ü»", "x" * 50])
PARTS = st.lists(WORDS.map(text) | st.just(image(f"data:image/png;base64,{PIXEL}")), max_size=3)
ARGUMENTS = st.sampled_from(["{}", "", "null", '{"city": "Oslo"}', "[1]", "{broken", '"text"'])
CALLS = st.builds(call, IDS, st.sampled_from(["forecast", "clock", "gone"]), ARGUMENTS)
MESSAGE = st.one_of(
    st.builds(user, WORDS | PARTS),
    st.builds(says, WORDS | st.none()),
    st.builds(
        lambda made, said: calls(*made, content=said), st.lists(CALLS, min_size=1, max_size=3), WORDS | st.none()
    ),
    st.builds(result, IDS, WORDS),
    st.builds(result, IDS, st.lists(WORDS.map(text), max_size=2)),
    st.builds(system, WORDS),
)
CHOICES = st.sampled_from([{}, {"tool_choice": "none"}, {"tool_choice": "required"}, {"parallel_tool_calls": False}])
EFFORTS = st.sampled_from([{}, {}, {"reasoning_effort": "low"}])


@pytest.mark.parametrize(("dialect", "model"), translating())
@given(st.lists(MESSAGE, min_size=1, max_size=8), st.booleans(), CHOICES, EFFORTS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_history_is_put_in_order_or_refused(
    dialect: str,
    model: str,
    messages: list[dict[str, Any]],
    offers: bool,
    choice: dict[str, Any],
    effort: dict[str, Any],
) -> None:
    asked = {"model": model, "messages": messages, **effort, **({**TOOLS, **choice} if offers else {})}
    sent = translated(dialect, json.dumps(asked).encode(), model)
    if isinstance(sent, Refusal):
        assert 400 <= sent.status < 500, sent
        return
    assert judged(dialect, model, sent) == []


@pytest.mark.parametrize(("dialect", "model"), translating())
@given(st.lists(CALLS, min_size=1, max_size=4, unique_by=lambda each: each["id"]), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_a_whole_tool_loop_is_never_refused(dialect: str, model: str, made: list[dict[str, Any]], random: Any) -> None:
    """Results in any order; one id is written the same way in the call and in its result."""
    results = [result(each["id"], f"result {index}") for index, each in enumerate(made)]
    random.shuffle(results)
    asked = {"model": model, "messages": [user(), calls(*made), *results], **TOOLS}
    sent = translated(dialect, json.dumps(asked).encode(), model)
    assert not isinstance(sent, Refusal), sent
    assert sent.body is not None
    for index in range(len(made)):
        assert f"result {index}" in sent.body.decode()
