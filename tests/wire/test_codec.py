"""Messages of Envoy's read, replies of ours written: byte for byte where it matters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.protocol.events import BodyEvent, Context, Headers, HeadersEvent, Opening, TrailersEvent, UnknownEvent
from extproc.protocol.replies import BodyReply, HeaderEdit, HeadersReply, ImmediateReply, Modes, MoreTime, TrailersReply
from extproc.wire import codec
from extproc.wire.codec import Garbled, UnsendableHeader, decode, empty_reply, encode
from extproc.wire.pb.core_pb2 import HeaderValue
from extproc.wire.pb.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from extproc.wire.pb.processing_mode_pb2 import ProcessingMode
from extproc.wire.structs import read_struct
from tests.conversations import messages as say


def only_header(**value):
    message = ProcessingRequest(request_headers={"headers": {"headers": [HeaderValue(**value)]}})
    event, _ = decode(message.SerializeToString())
    assert isinstance(event, HeadersEvent)
    return event.headers.pairs[0]


def test_a_header_is_read_from_raw_value_or_from_value():
    assert only_header(key="x-a", raw_value=b"raw") == ("x-a", b"raw")
    assert only_header(key=":path", value="/v1") == (":path", b"/v1")
    assert only_header(key="x-a", raw_value=b"raw", value="text") == ("x-a", b"raw")


def test_a_headers_name_becomes_lower_case_and_its_bytes_stay():
    assert only_header(key="X-Name", raw_value=b"caf\xe9\xff") == ("x-name", b"caf\xe9\xff")


def test_lines_of_one_name_stay_apart_and_in_order():
    event, _ = decode(say.headers("request", (("cookie", b"a"), ("x", b"1"), ("cookie", b"b"))))
    assert event.headers.pairs == (("cookie", b"a"), ("x", b"1"), ("cookie", b"b"))


@pytest.mark.parametrize("direction", ["request", "response"])
def test_each_kind_of_message_becomes_its_event(direction):
    assert decode(say.headers(direction, ((":a", b"b"),), end=True))[0] == HeadersEvent(
        direction, Headers(((":a", b"b"),)), True
    )
    assert decode(say.body(direction, b"\x00\xff", end=False))[0] == BodyEvent(direction, b"\x00\xff", False)
    assert decode(say.trailers(direction, (("t", b"1"),)))[0] == TrailersEvent(direction, Headers((("t", b"1"),)))


def test_attributes_and_metadata_come_as_plain_values():
    attributes = {"xds.route_name": "a|b|c", "upstream.request_attempt_count": 2, "rate": 0.5}
    metadata = {"extproc": {"targets": ["a/b", "c/d"], "stream": True, "labels": {"team": "x"}, "nothing": None}}
    event, _ = decode(say.headers("request", say.CHAT, attributes=attributes, metadata=metadata))
    assert event.context == Context(attributes, metadata)
    assert type(event.context.attributes["upstream.request_attempt_count"]) is int


def test_attributes_of_another_filter_are_not_ours():
    message = ProcessingRequest(request_headers={})
    message.attributes["envoy.filters.http.other"].fields["a"].string_value = "b"
    assert decode(message.SerializeToString())[0].context.attributes == {}


@pytest.mark.parametrize(
    ("message", "opening"),
    [
        (say.headers("request", say.CHAT), None),
        (say.headers("request", say.CHAT, modes=("BUFFERED", "STREAMED")), Opening(False, "BUFFERED", "STREAMED")),
        (say.headers("request", say.CHAT, observability=True), Opening(observability=True)),
        (b"\x12\x00\x5a\x02\x08\x09", Opening(False, "UNKNOWN_9", "NONE")),
    ],
)
def test_the_opening_is_what_the_message_says_of_its_filter(message, opening):
    assert decode(message)[1] == opening


def test_a_part_of_a_newer_protocol_is_unknown():
    assert isinstance(decode(b"\xa2\x06\x02\x08\x01")[0], UnknownEvent)


@given(st.binary(max_size=64))
def test_any_bytes_are_an_event_or_garbled_and_nothing_else(data):
    try:
        event, _ = decode(data)
    except Garbled:
        return
    assert isinstance(event, (HeadersEvent, BodyEvent, TrailersEvent, UnknownEvent))


# --- replies -----------------------------------------------------------------------------------------------------
EMPTY = [
    (HeadersReply("request"), codec.EMPTY_REQUEST_HEADERS, "request_headers"),
    (HeadersReply("response"), codec.EMPTY_RESPONSE_HEADERS, "response_headers"),
    (BodyReply("request"), codec.EMPTY_REQUEST_BODY, "request_body"),
    (BodyReply("response"), codec.EMPTY_RESPONSE_BODY, "response_body"),
    (TrailersReply("request"), codec.EMPTY_REQUEST_TRAILERS, "request_trailers"),
    (TrailersReply("response"), codec.EMPTY_RESPONSE_TRAILERS, "response_trailers"),
]


@pytest.mark.parametrize(("reply", "constant", "kind"), EMPTY)
def test_a_reply_that_says_nothing_is_a_constant_of_its_kind(reply, constant, kind):
    assert encode(reply) is constant
    assert say.kind(constant) == kind
    events = {HeadersReply: HeadersEvent, BodyReply: BodyEvent, TrailersReply: TrailersEvent}
    rest = {HeadersReply: (Headers(), False), BodyReply: (b"", False), TrailersReply: (Headers(),)}
    assert empty_reply(events[type(reply)](reply.direction, *rest[type(reply)])) is constant


def test_an_unknown_event_has_no_empty_reply():
    with pytest.raises(ValueError, match="no matching"):
        empty_reply(UnknownEvent("?"))


def test_headers_are_written_in_raw_value_only_and_overwrite():
    edit = HeaderEdit(set=((":path", "/v1"), ("X-Name", "é")), remove=("Cookie",), append=(("x-more", "1"),))
    mutation = say.read(encode(HeadersReply("request", edit=edit))).request_headers.response.header_mutation
    lines = [(o.header.key, o.header.raw_value, o.header.value, o.append_action) for o in mutation.set_headers]
    assert lines == [(":path", b"/v1", "", 2), ("x-name", "é".encode(), "", 2), ("x-more", b"1", "", 0)]
    assert [o.append.value for o in mutation.set_headers] == [False, False, True]
    assert list(mutation.remove_headers) == ["cookie"]


def test_an_empty_value_is_kept():
    mutation = say.read(encode(TrailersReply("response", HeaderEdit(set=(("x", ""),))))).response_trailers
    assert mutation.header_mutation.set_headers[0].keep_empty_value


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\x00b", "\x7f", "\x1b[0m", "a" * 16385, "\udce9"])
def test_a_value_that_must_not_be_sent_raises_and_does_not_tell_it(value):
    with pytest.raises(UnsendableHeader) as raised:
        encode(HeadersReply("request", edit=HeaderEdit(set=(("x-secret", value),))))
    assert "x-secret" in str(raised.value)
    assert value not in str(raised.value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", ":unknown", "a\r\n", "é", "a\n"])
def test_a_name_that_must_not_be_sent_raises(name):
    for edit in (HeaderEdit(set=((name, "1"),)), HeaderEdit(append=((name, "1"),)), HeaderEdit(remove=(name,))):
        with pytest.raises(UnsendableHeader):
            encode(BodyReply("request", edit=edit))
    with pytest.raises(UnsendableHeader):
        encode(ImmediateReply(400, ((name, "1"),), b"", "x"))


def test_a_pseudo_header_cannot_be_removed():
    with pytest.raises(UnsendableHeader):
        encode(HeadersReply("request", edit=HeaderEdit(remove=(":path",))))


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_text_ever_splits_a_header_block(name, value):
    try:
        data = encode(HeadersReply("request", edit=HeaderEdit(set=((name, value),))))
    except UnsendableHeader:
        return
    (line,) = say.read(data).request_headers.response.header_mutation.set_headers
    assert not any((byte < 0x20 and byte != 9) or byte == 0x7F for byte in line.header.raw_value)
    assert line.header.key.isascii()
    assert line.header.key == line.header.key.strip()


def test_a_body_is_replaced_dropped_or_left():
    def mutation(reply):
        return say.read(encode(reply)).request_body.response.body_mutation

    assert mutation(BodyReply("request", body=b"new")).body == b"new"
    assert mutation(BodyReply("request", body=b"")).clear_body
    assert mutation(BodyReply("request", clear_route=True)).WhichOneof("mutation") is None


def test_metadata_is_written_with_every_kind_of_value():
    values = {"a": {"s": "t", "i": 3, "f": 0.5, "yes": True, "none": None, "list": ["x", 1, []], "map": {"k": {}}}}
    for reply in (HeadersReply("request", metadata=values), BodyReply("request", metadata=values)):
        assert read_struct(say.read(encode(reply)).dynamic_metadata) == values
    answer = ImmediateReply(403, (), b"", "x", metadata=values)
    assert read_struct(say.read(encode(answer)).dynamic_metadata) == values


def test_more_time_is_a_message_without_an_answer():
    message = say.read(encode(MoreTime(1.5)))
    assert message.WhichOneof("response") is None
    assert message.override_message_timeout.ToMilliseconds() == 1500


def test_a_headers_reply_says_route_and_modes():
    reply = HeadersReply("request", clear_route=True, modes=Modes(False, "BUFFERED", "NONE"))
    message = say.read(encode(reply))
    assert message.request_headers.response.clear_route_cache
    assert message.mode_override == ProcessingMode(
        request_header_mode="SEND",
        response_header_mode="SKIP",
        request_body_mode="BUFFERED",
        response_body_mode="NONE",
        request_trailer_mode="SKIP",
        response_trailer_mode="SKIP",
    )


def test_an_immediate_reply_keeps_lines_of_one_name_apart():
    reply = ImmediateReply(429, (("retry-after", "1"), ("x-a", "1"), ("X-A", "2")), b"{}", "limit: team a")
    message = ProcessingResponse.FromString(encode(reply)).immediate_response
    assert [(o.header.key, o.append.value) for o in message.headers.set_headers] == [
        ("retry-after", False),
        ("x-a", False),
        ("x-a", True),
    ]
    assert (message.status.code, message.body, message.details) == (429, b"{}", "limit:_team_a")


@pytest.mark.parametrize("status", [0, 101, 600])
def test_an_immediate_reply_needs_a_status_that_ends_an_exchange(status):
    with pytest.raises(ValueError, match="no status"):
        encode(ImmediateReply(status, (), b"", "x"))
