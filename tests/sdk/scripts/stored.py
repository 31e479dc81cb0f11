"""Files, uploads in parts and batches by the client library: arguments are the base URL and the gateway's key."""

import sys

import openai
from openai import OpenAI

base, key = sys.argv[1:3]
client = OpenAI(base_url=base, api_key=key, max_retries=0, default_headers={"x-extproc-provider": "lab"})

sent = client.files.create(file=("a.jsonl", b'{"custom_id":"1"}\n'), purpose="batch")
assert (sent.id, sent.bytes, sent.purpose) == ("file-1", 18, "batch"), sent
assert [one.id for one in client.files.list()] == ["file-1"]
assert client.files.retrieve("file-1").filename == "a.jsonl"
assert client.files.content("file-1").read() == b'{"custom_id":"1"}\n'
assert client.files.delete("file-1").deleted
try:
    client.files.retrieve("file-1")
except openai.NotFoundError as error:
    assert error.code == "gone", error
else:
    raise AssertionError("it was deleted")

whole = client.uploads.upload_file_chunked(
    file=b"x" * 3000, filename="b.bin", bytes=3000, mime_type="text/plain", purpose="batch", part_size=1000
)
assert whole.status == "completed" and whole.file is not None and whole.file.bytes == 3000, whole

nobody = OpenAI(base_url=base, api_key=key, max_retries=0)
batch = nobody.batches.create(
    input_file_id=whole.file.id,
    endpoint="/v1/chat/completions",
    completion_window="24h",
    extra_body={"provider": "lab", "team": "blue"},
)
assert (batch.id, batch.input_file_id, batch.status) == ("batch-1", whole.file.id, "validating"), batch
assert client.batches.retrieve("batch-1").id == "batch-1"
assert [one.id for one in client.batches.list()] == ["batch-1"]
assert client.batches.cancel("batch-1").status == "cancelling"
try:
    nobody.files.list()
except openai.NotFoundError as error:
    assert error.code == "unknown_endpoint" and "Name one of lab" in str(error), error
else:
    raise AssertionError("nobody was named")
