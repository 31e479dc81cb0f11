"""The conversation's table, row by row, and what a reply must not say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.protocol.conversation import Conversation, IllegalReply, OutOfTurn
from extproc.protocol.events import BodyEvent, Headers, HeadersEvent, Opening, TrailersEvent, UnknownEvent
from extproc.protocol.replies import (
    LARGEST_BUFFERED,
    BodyReply,
    HeaderEdit,
    HeadersReply,
    ImmediateReply,
    Modes,
    TrailersReply,
)

BUFFERED = Opening(request_body_mode="BUFFERED", response_body_mode="BUFFERED")
STREAMED = Opening(request_body_mode="STREAMED", response_body_mode="STREAMED")
REFUSAL = ImmediateReply(403, (), b"{}", "no")


def headers(direction="request", *, end=False, length=None):
    pairs = ((":path", b"/"),) + ((("content-length", str(length).encode()),) if length is not None else ())
    return HeadersEvent(direction, Headers(pairs), end)


def body(direction="request", data=b"{}", *, end=True):
    return BodyEvent(direction, data, end)


def trailers(direction="request"):
    return TrailersEvent(direction, Headers())


def go_on(event):
    kinds = {HeadersEvent: HeadersReply, BodyEvent: BodyReply, TrailersEvent: TrailersReply}
    return kinds[type(event)](event.direction)


def after(*events, opening=BUFFERED):
    """A conversation in which these were handled and answered."""
    conversation = Conversation()
    for event in events:
        assert conversation.receive(event, opening) == "handle"
        conversation.check(go_on(event))
        opening = None
    return conversation


PATHS = {"fresh": (), "open": (headers(),), "ended": (headers(end=True),)}
TABLE = [
    ("fresh", headers(), "handle"),
    ("fresh", body(), "handle"),
    ("fresh", trailers(), "handle"),
    ("open", headers(), OutOfTurn),
    ("open", body(end=False), "handle"),
    ("open", body(end=True), "handle"),
    ("open", trailers(), "handle"),
    ("ended", headers(), OutOfTurn),
    ("ended", body(), "acknowledge"),
    ("ended", trailers(), "acknowledge"),
]


@pytest.mark.parametrize(("state", "event", "duty"), TABLE)
def test_each_row_of_the_table_holds_in_the_request(state, event, duty):
    conversation = after(*PATHS[state])
    if duty is OutOfTurn:
        with pytest.raises(OutOfTurn):
            conversation.receive(event, None)
    else:
        assert conversation.receive(event, BUFFERED if state == "fresh" else None) == duty


def test_an_acknowledged_repetition_leaves_the_conversation_where_it_was():
    conversation = after(headers(), body())
    assert conversation.receive(body(data=b""), None) == "acknowledge"
    assert conversation.receive(headers("response"), None) == "handle"


def test_the_response_may_begin_before_the_request_ended_and_both_go_on():
    conversation = after(headers(), body(end=False), headers("response"), opening=STREAMED)
    assert conversation.receive(body(end=True), None) == "handle"
    conversation.check(BodyReply("request"))
    assert conversation.receive(body("response"), None) == "handle"


def test_a_conversation_that_begins_with_the_response_is_acknowledged_to_its_end():
    conversation = Conversation()
    parts = (headers("response"), body("response", end=False), trailers("response"))
    assert [conversation.receive(part, BUFFERED) for part in parts] == ["acknowledge"] * 3


def test_under_observability_everything_is_ignored_even_modes_we_do_not_speak():
    conversation = Conversation()
    opening = Opening(observability=True, request_body_mode="FULL_DUPLEX_STREAMED")
    assert conversation.receive(headers(), opening) == "ignore"
    assert conversation.receive(body(), None) == "ignore"
    with pytest.raises(IllegalReply):
        conversation.check(REFUSAL)


@pytest.mark.parametrize("mode", ["FULL_DUPLEX_STREAMED", "BUFFERED_PARTIAL", "GRPC", "UNKNOWN_9"])
def test_a_body_mode_that_we_do_not_speak_ends_the_conversation(mode):
    with pytest.raises(OutOfTurn, match=mode):
        Conversation().receive(headers(), Opening(response_body_mode=mode))


def test_an_unknown_message_is_never_answered_with_a_guess():
    with pytest.raises(OutOfTurn):
        Conversation().receive(UnknownEvent("new"), None)


def test_no_message_may_overtake_the_reply_to_the_one_before():
    conversation = Conversation()
    conversation.receive(headers(), BUFFERED)
    with pytest.raises(OutOfTurn):
        conversation.receive(body(), None)


@pytest.mark.parametrize("event", [headers(), body(), trailers()], ids=["headers", "body", "trailers"])
@pytest.mark.parametrize(
    "reply",
    [
        HeadersReply("request"),
        BodyReply("request"),
        TrailersReply("request"),
        HeadersReply("response"),
        BodyReply("response"),
        TrailersReply("response"),
    ],
    ids=lambda reply: f"{type(reply).__name__} {reply.direction}",
)
def test_only_the_matching_kind_of_reply_passes(event, reply):
    conversation = Conversation()
    conversation.receive(event, BUFFERED)
    if reply == go_on(event):
        conversation.check(reply)
    else:
        with pytest.raises(IllegalReply):
            conversation.check(reply)


def test_a_second_reply_to_one_message_is_illegal():
    conversation = after(headers())
    with pytest.raises(IllegalReply):
        conversation.check(HeadersReply("request"))


@pytest.mark.parametrize(
    ("before", "event", "opening", "legal"),
    [
        ((), headers(), STREAMED, True),
        ((headers(),), body(), STREAMED, True),
        ((headers(),), trailers(), BUFFERED, True),
        ((headers(end=True),), headers("response"), STREAMED, True),
        ((headers(end=True), headers("response")), body("response"), BUFFERED, True),
        ((headers(end=True), headers("response")), body("response"), STREAMED, False),
        ((headers(end=True), headers("response")), trailers("response"), BUFFERED, False),
        ((headers(), headers("response")), body(), STREAMED, False),
    ],
)
def test_an_immediate_reply_is_legal_while_the_responses_headers_are_held(before, event, opening, legal):
    conversation = after(*before, opening=opening)
    conversation.receive(event, None if before else opening)
    assert conversation.may_answer_at_once is legal
    if legal:
        conversation.check(REFUSAL)
    else:
        with pytest.raises(IllegalReply):
            conversation.check(REFUSAL)


def test_a_mode_override_moves_the_ground_of_later_replies():
    conversation = Conversation()
    conversation.receive(headers(end=True), BUFFERED)
    conversation.check(HeadersReply("request", modes=Modes(True, "NONE", "STREAMED")))
    conversation.receive(headers("response"), None)
    conversation.check(HeadersReply("response"))
    conversation.receive(body("response", end=False), None)
    assert not conversation.may_answer_at_once


def body_check(reply, *, length=2, opening=BUFFERED, headers_edit=None):
    conversation = Conversation()
    conversation.receive(headers(length=length), opening)
    conversation.check(HeadersReply("request", edit=headers_edit or HeaderEdit()))
    conversation.receive(body(data=b"{}"), None)
    conversation.check(reply)
    return conversation


def with_length(said):
    return HeaderEdit(set=(("content-length", said),))


@pytest.mark.parametrize(
    "case",
    [
        {"reply": BodyReply("request")},
        {"reply": BodyReply("request", body=b"[]")},
        {"reply": BodyReply("request", body=b"[1]", edit=with_length("3"))},
        {"reply": BodyReply("request", body=b"[1]", edit=HeaderEdit(remove=("Content-Length",)))},
        {"reply": BodyReply("request", body=b"[1]"), "length": None},
        {"reply": BodyReply("request", body=b"[1]"), "headers_edit": HeaderEdit(remove=("content-length",))},
        {"reply": BodyReply("request", body=b"[1]"), "opening": STREAMED},
    ],
)
def test_a_new_body_with_its_own_length_passes(case):
    assert not body_check(**case).may_answer_at_once


@pytest.mark.parametrize(
    "case",
    [
        {"reply": BodyReply("request", body=b"[1]")},
        {"reply": BodyReply("request", body=b"[1]", edit=with_length("2"))},
        {"reply": BodyReply("request", edit=HeaderEdit(set=(("x-a", "1"),))), "opening": STREAMED},
        {"reply": BodyReply("request", clear_route=True), "opening": STREAMED},
    ],
)
def test_a_body_reply_that_envoy_would_refuse_or_lose_is_illegal(case):
    with pytest.raises(IllegalReply):
        body_check(**case)


def test_clearing_the_route_after_it_was_taken_is_illegal():
    conversation = after(headers(end=True))
    conversation.receive(headers("response"), None)
    with pytest.raises(IllegalReply):
        conversation.check(HeadersReply("response", clear_route=True))


directions = st.sampled_from(["request", "response"])
anything = st.one_of(
    st.builds(headers, directions, end=st.booleans()),
    st.builds(body, directions, end=st.booleans()),
    st.builds(trailers, directions),
    st.just(UnknownEvent("?")),
)


@given(st.lists(anything, max_size=8), st.sampled_from([BUFFERED, STREAMED, None]))
def test_any_sequence_is_a_duty_or_out_of_turn_and_nothing_else(events, opening):
    conversation = Conversation()
    for event in events:
        try:
            duty = conversation.receive(event, opening)
        except OutOfTurn:
            return
        assert duty in ("handle", "acknowledge")
        if duty == "handle":
            conversation.check(go_on(event))


def test_a_buffered_body_is_whole_whatever_it_says_and_another_one_when_it_ends() -> None:
    for mode, end, whole in (("BUFFERED", False, True), ("STREAMED", False, False), ("STREAMED", True, True)):
        talk = Conversation()
        talk.receive(HeadersEvent("request", Headers(), False), Opening(request_body_mode=mode))
        assert talk.is_whole(BodyEvent("request", b"{}", end)) is whole


def test_a_filter_of_answers_alone_is_handled_from_the_response_on():
    conversation = Conversation(answers_only=True)
    assert conversation.receive(headers("response"), Opening()) == "handle"
    assert conversation.may_answer_at_once


@pytest.mark.parametrize(
    ("size", "end", "whole"),
    [(10, True, True), (10, False, True), (LARGEST_BUFFERED + 1, False, False), (LARGEST_BUFFERED + 1, True, True)],
)
def test_a_partly_buffered_answer_is_whole_unless_it_is_too_large(size, end, whole):
    conversation = Conversation(answers_only=True)
    conversation.receive(headers("response"), Opening())
    conversation.check(HeadersReply("response", modes=Modes(True, "NONE", "BUFFERED_PARTIAL")))
    beginning = body("response", b"x" * size, end=end)
    assert conversation.receive(beginning, None) == "handle"
    assert conversation.is_whole(beginning) is whole
    conversation.check(REFUSAL)
