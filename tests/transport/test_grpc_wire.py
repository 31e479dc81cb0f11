"""gRPC's messages out of bytes in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.transport.grpc_wire import RESOURCE_EXHAUSTED, UNIMPLEMENTED, BadMessage, Messages, message
from extproc.transport.methods import MESSAGE_LIMIT


@given(st.lists(st.binary(max_size=30), max_size=6), st.lists(st.integers(0, 300), max_size=8))
def test_messages_come_out_as_they_went_in(sent: list[bytes], cuts: list[int]) -> None:
    words = b"".join(map(message, sent))
    messages = Messages()
    heard, at = [], 0
    for cut in [*sorted(cut for cut in cuts if cut <= len(words)), len(words)]:
        heard += messages.feed(words[at:cut])
        at = cut
    assert heard == sent


@pytest.mark.parametrize(
    ("prefix", "status"),
    [(b"\x01\0\0\0\0", UNIMPLEMENTED), (b"\0" + (MESSAGE_LIMIT + 1).to_bytes(4, "big"), RESOURCE_EXHAUSTED)],
)
def test_a_message_that_is_not_taken_says_why_before_it_is_there(prefix: bytes, status: int) -> None:
    with pytest.raises(BadMessage) as raised:
        Messages().feed(prefix)
    assert raised.value.status == status
