"""Chat: whole, streamed, with usage, several choices, an image as a data URL."""

from client import HELLO, MODEL, client

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

c = client()
whole = c.chat.completions.create(model=MODEL, messages=HELLO)
assert whole.choices[0].message.content and whole.choices[0].finish_reason == "stop"
assert whole.usage is not None and whole.usage.total_tokens > 0

raw = c.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
assert raw.headers["x-extproc-target"] == f"lab/{MODEL}", dict(raw.headers)
assert raw.headers["x-extproc-attempts"] == "1" and raw.headers["x-extproc-request-id"]

chunks = list(c.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
assert text == whole.choices[0].message.content
assert all(chunk.usage is None for chunk in chunks) and chunks[-1].choices[0].finish_reason == "stop"

counted = list(
    c.chat.completions.create(model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True})
)
assert counted[-1].choices == [] and counted[-1].usage is not None
assert counted[-1].usage.prompt_tokens == whole.usage.prompt_tokens

two = c.chat.completions.create(model=MODEL, messages=HELLO, n=2)
assert [choice.index for choice in two.choices] == [0, 1]

seen = c.chat.completions.create(
    model=MODEL,
    messages=[
        {
            "role": "user",
            "content": [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": PIXEL}}],
        }
    ],
)
assert seen.usage is not None and seen.usage.prompt_tokens > 85, "the image did not arrive"
