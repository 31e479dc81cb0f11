"""parse() and stream() with a model of the answer: the SDK checks the JSON against it."""

from client import HELLO, MODEL, client
from pydantic import BaseModel


class City(BaseModel):
    name: str
    people: int
    districts: list[str]


c = client()
parsed = c.chat.completions.parse(model=MODEL, messages=HELLO, response_format=City)
assert isinstance(parsed.choices[0].message.parsed, City)

with c.chat.completions.stream(model=MODEL, messages=HELLO, response_format=City) as stream:
    kinds = {event.type for event in stream}
    final = stream.get_final_completion()
assert {"content.delta", "content.done", "chunk"} <= kinds and isinstance(final.choices[0].message.parsed, City)

answer = c.responses.parse(model=MODEL, input="hello", text_format=City)
assert isinstance(answer.output_parsed, City)
