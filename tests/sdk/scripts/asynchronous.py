"""The asynchronous client: many at once, and a stream that is left early."""

import asyncio

from client import HELLO, MODEL, async_client


async def main() -> None:
    async with async_client() as c:
        answers = await asyncio.gather(*(c.chat.completions.create(model=MODEL, messages=HELLO) for _ in range(10)))
        assert len({answer.choices[0].message.content for answer in answers}) == 1
        pieces = []
        async for chunk in await c.chat.completions.create(model=MODEL, messages=HELLO, stream=True):
            pieces.append(chunk.choices[0].delta.content or "")
        assert "".join(pieces) == answers[0].choices[0].message.content
        left = await c.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        await anext(aiter(left))
        await left.close()
        assert (await c.embeddings.create(model=MODEL, input="x")).data[0].embedding


asyncio.run(main())
