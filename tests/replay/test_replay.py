"""The handwritten recordings through a real gateway at three sizes of pieces, and the harness that compares them."""

import dataclasses
from typing import Any

import pytest

from extproc.translation.registry import CHAT_PAIRS
from tests.replay.comparing import differences, path_difference
from tests.replay.handwritten import handwritten
from tests.replay.judging import Tally, judge
from tests.replay.recordings import Fitting, Recording, fit
from tests.replay.table import details, lines
from tests.sdk.environments import VENDORS
from tests.upstreams.formats import FORMATS

SIZES = (1, 7, 37)
with_vendors = pytest.mark.skipif(VENDORS.why_missing() is not None, reason=str(VENDORS.why_missing()))
APIS = {"vertex": "gemini"}


@pytest.mark.envoy
@pytest.mark.sdk
@with_vendors
def test_callers_read_through_the_gateway_what_the_vendors_sdk_reads(capsys: pytest.CaptureFixture[str]) -> None:
    paired = {"openai", *(name for name in FORMATS if ("openai", APIS.get(name, name)) in CHAT_PAIRS)}
    tally = judge([each for each in handwritten() if each.provider in paired], SIZES)
    with capsys.disabled():
        print("\n" + "\n".join(lines(tally, SIZES)))
    assert not tally.different, "\n".join(details(tally))
    assert all(tally.equal.get((name, "chat", size), 0) > 10 for name in paired for size in SIZES)


@pytest.mark.envoy
@pytest.mark.sdk
@with_vendors
def test_a_recording_that_says_something_else_is_told() -> None:
    """Served wrong on purpose: the harness would see a gateway that reads wrong."""
    tampered = [_of_openai(number, text) for number, text in ((1, "one"), (2, "two"))]
    served = {each.number: each for each in tampered}

    def mixed_up(fitting: Fitting) -> Fitting:
        return dataclasses.replace(fitting, recording=served[3 - fitting.recording.number])

    tally = judge(tampered, (0,), through=mixed_up)
    assert len(tally.different) == 2 and "'one' is seen as 'two'" in "\n".join(details(tally))


def _of_openai(number: int, text: str) -> Recording:
    body = (
        '{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop",'
        f'"message":{{"role":"assistant","content":"{text}"}}}}]}}'
    )
    asked = '{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
    head = (number, "ours", "openai", "POST", "/v1/chat/completions", asked)
    return Recording(*head, 200, "application/json", {}, body.encode())


CHAT: dict[str, Any] = {
    "text": "hi",
    "plan": "",
    "thought": "",
    "calls": [["f", {"a": 1}]],
    "finish": "tool_calls",
    "usage": {"prompt": 5, "completion": 2, "cached": None, "reasoning": 0},
}


@pytest.mark.parametrize(
    ("native", "seen"),
    [
        (CHAT, CHAT),
        (CHAT, {**CHAT, "usage": {"prompt": 5, "completion": 2, "cached": 0, "reasoning": None}}),
        ({**CHAT, "plan": "I look. "}, {**CHAT, "text": "I look. hi"}),
        ({"status": 401}, {"status": 502}),
        ({"status": 429}, {"status": 429}),
        ({"broken": "x"}, {"broken": "y"}),
        ({**CHAT, "finish": "error"}, {"status": 502}),
        ({"whole": {"a": [1, 2]}}, {"whole": {"a": [1, 2]}}),
    ],
)
def test_what_means_the_same_is_equal(native: dict[str, Any], seen: dict[str, Any]) -> None:
    assert list(differences(native, seen)) == []


@pytest.mark.parametrize(
    ("native", "seen", "says"),
    [
        (CHAT, {**CHAT, "text": "ho"}, "text"),
        (CHAT, {**CHAT, "thought": "hm"}, "thought"),
        (CHAT, {**CHAT, "calls": [["f", {"a": "1"}]]}, "calls"),
        (CHAT, {**CHAT, "finish": "stop"}, "finish"),
        (CHAT, {**CHAT, "usage": {**CHAT["usage"], "prompt": 4}}, "usage.prompt"),
        (CHAT, {"status": 200}, "expected an answer"),
        (CHAT, {"unreadable": "x"}, "cannot read"),
        ({"status": 401}, {"status": 401}, "502"),
        ({"broken": "x"}, CHAT, "error of the provider"),
        ({"whole": {"a": [1, 2]}}, {"whole": {"a": [1, 3]}}, ".whole.a[1]"),
    ],
)
def test_what_means_something_else_is_told_by_its_field(
    native: dict[str, Any], seen: dict[str, Any], says: str
) -> None:
    assert says in "\n".join(differences(native, seen))


def test_recordings_that_fit_no_endpoint_say_why() -> None:
    assert [each for each in map(fit, handwritten()) if isinstance(each, str)] == []
    one = next(each for each in handwritten() if each.provider == "anthropic")
    for change, says in (
        ({"method": "GET"}, "nothing is asked"),
        ({"request": "x"}, "no JSON"),
        ({"uri": "/v1/complete"}, "no chat completion"),
        ({"provider": "openai", "uri": "/v1/files"}, "no endpoint"),
        ({"request": "{}"}, "names no model"),
    ):
        assert says in str(fit(dataclasses.replace(one, **change)))  # type: ignore[arg-type]
    fitting = fit(one)
    assert isinstance(fitting, Fitting)
    assert list(path_difference(fitting, "/v1/messages?beta=true")) == []
    assert list(path_difference(fitting, "/v1/other")) and list(path_difference(fitting, None))


def test_the_table_counts_what_was_compared() -> None:
    tally = Tally(equal={("anthropic", "chat", 7): 3})
    tally.skip("cohere", "no reason")
    assert [line.split() for line in lines(tally, (7,))][1:] == [
        ["anthropic", "chat", "7", "3", "0"],
        ["all", "3", "0"],
        ["skipped", "1", "×", "cohere:", "no", "reason"],
    ]
