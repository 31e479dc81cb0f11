"""langchain-openai: invoke, stream, a tool loop, an answer that fits a model."""

from client import BASE_URL, KEY, MODEL
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class City(BaseModel):
    """A city."""

    name: str
    people: int


@tool
def forecast(city: str, days: int) -> str:
    """Tells the weather."""
    return f"rain for {days} in {city}"


model = ChatOpenAI(model=MODEL, base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=20, stream_usage=True)
whole = model.invoke("hello")
assert whole.text == "You said: hello" and whole.usage_metadata["input_tokens"] == 15, whole

chunks = list(model.stream("hello"))
assert "".join(chunk.text for chunk in chunks) == "You said: hello"
assert sum((chunk.usage_metadata or {}).get("output_tokens", 0) for chunk in chunks) == 7

with_tools = model.bind_tools([forecast])
messages = [HumanMessage("how is the weather?")]
asked = with_tools.invoke(messages)
(call,) = asked.tool_calls
assert call["name"] == "forecast" and call["args"].keys() == {"city", "days"}, asked
messages += [asked, ToolMessage(forecast.invoke(call["args"]), tool_call_id=call["id"])]
assert "rain for" in with_tools.invoke(messages).text

summed = None
for chunk in with_tools.stream(messages[:1]):
    summed = chunk if summed is None else summed + chunk
assert summed.tool_calls[0]["args"].keys() == {"city", "days"}

for method in ("json_schema", "function_calling"):
    found = model.with_structured_output(City, method=method).invoke("hello")
    assert isinstance(found, City), (method, found)
