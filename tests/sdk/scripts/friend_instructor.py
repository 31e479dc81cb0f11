"""instructor: answers that fit a model, by tools and by schema, whole and in parts."""

import instructor
from client import HELLO, MODEL, client
from pydantic import BaseModel


class City(BaseModel):
    """A city."""

    name: str
    people: int
    districts: list[str]


for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA):
    c = instructor.from_openai(client(), mode=mode)
    found = c.chat.completions.create(model=MODEL, messages=HELLO, response_model=City, max_retries=0)
    assert isinstance(found, City), (mode, found)
    parts = list(c.chat.completions.create_partial(model=MODEL, messages=HELLO, response_model=City, max_retries=0))
    assert parts[-1].model_dump() == found.model_dump(), (mode, parts[-1])
