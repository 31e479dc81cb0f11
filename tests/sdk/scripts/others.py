"""The other endpoints: embeddings in both codings, completions, moderations, images, audio both ways, models."""

import math

from client import MODEL, client

c = client()
packed = c.embeddings.create(model=MODEL, input=["one", "two"])
plain = c.embeddings.create(model=MODEL, input=["one", "two"], encoding_format="float")
for a, b in zip(packed.data, plain.data, strict=True):
    assert len(a.embedding) == len(b.embedding) > 0
    assert all(math.isclose(x, y, rel_tol=1e-6, abs_tol=1e-9) for x, y in zip(a.embedding, b.embedding, strict=True))

assert c.completions.create(model=MODEL, prompt="hello").choices[0].text
assert "".join(chunk.choices[0].text for chunk in c.completions.create(model=MODEL, prompt="hello", stream=True))
assert c.moderations.create(model=MODEL, input="hello").results[0].flagged in (True, False)
image = c.images.generate(model=MODEL, prompt="a dot", n=1).data[0]
assert image.b64_json or image.url

sound = c.audio.speech.create(model=MODEL, voice="alloy", input="hello").content
assert sound[:4] == b"RIFF" and len(sound) > 44
heard = c.with_options(default_headers={"x-extproc-model": MODEL}).audio.transcriptions.create(
    model=MODEL, file=("beep.wav", sound, "audio/wav")
)
assert f"{len(sound)} bytes" in heard.text, "the upload did not arrive as it was sent"

listed = [each.id for each in c.models.list()]
assert MODEL in listed and "az" in listed
assert c.models.retrieve(MODEL).id == MODEL
