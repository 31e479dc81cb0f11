"""Responses: whole, and the sequence of events."""

from client import MODEL, client

c = client()
whole = c.responses.create(model=MODEL, input="hello")
assert whole.output_text and whole.status == "completed" and whole.usage.total_tokens > 0

events = list(c.responses.create(model=MODEL, input="hello", stream=True))
assert [event.sequence_number for event in events] == list(range(len(events)))
assert events[-1].type == "response.completed" and events[-1].response.output_text == whole.output_text

with c.responses.stream(model=MODEL, input="hello") as stream:
    for _ in stream:
        pass
    assert stream.get_final_response().output_text == whole.output_text
