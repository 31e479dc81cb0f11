"""openai-agents: its whole tool loop on chat completions, at once and streamed."""

import asyncio

from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from client import MODEL, async_client

set_tracing_disabled(True)
asked: list[str] = []


@function_tool
def forecast(city: str, days: int) -> str:
    """Tells the weather."""
    asked.append(city)
    return f"rain for {days} in {city}"


async def main() -> None:
    model = OpenAIChatCompletionsModel(model=MODEL, openai_client=async_client())
    settings = ModelSettings(include_usage=True)
    agent = Agent(name="a", instructions="Be brief.", model=model, tools=[forecast], model_settings=settings)
    done = await Runner.run(agent, "how is the weather?")
    assert "rain for" in done.final_output and len(asked) == 1, done
    assert done.context_wrapper.usage.requests == 2 and done.context_wrapper.usage.input_tokens == 30

    streamed = Runner.run_streamed(agent, "how is the weather?")
    kinds = {event.type async for event in streamed.stream_events()}
    assert "rain for" in streamed.final_output and len(asked) == 2
    assert {"raw_response_event", "run_item_stream_event"} <= kinds, kinds


asyncio.run(main())
