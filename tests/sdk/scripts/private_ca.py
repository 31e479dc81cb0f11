"""TLS with a private CA, and a client certificate instead of a key."""

import ssl
import sys

import openai
from client import BASE_URL, HELLO, MODEL

AUTHORITY, CERTIFICATE, KEY = sys.argv[4:7]
trusting = ssl.create_default_context(cafile=AUTHORITY)
trusting.load_cert_chain(CERTIFICATE, KEY)

known = openai.OpenAI(
    base_url=BASE_URL,
    api_key="unused",
    max_retries=0,
    timeout=20.0,
    http_client=openai.DefaultHttpxClient(verify=trusting),
)
whole = known.chat.completions.create(model=MODEL, messages=HELLO)
assert whole.choices[0].message.content
chunks = list(known.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content

unshown = openai.DefaultHttpxClient(verify=ssl.create_default_context(cafile=AUTHORITY))
stranger = openai.OpenAI(base_url=BASE_URL, api_key="unused", max_retries=0, timeout=20.0, http_client=unshown)
try:
    stranger.chat.completions.create(model=MODEL, messages=HELLO)
except openai.APIConnectionError:
    pass
else:
    raise AssertionError("a client without a certificate was let in")

distrusting = openai.OpenAI(base_url=BASE_URL, api_key="unused", max_retries=0, timeout=20.0)
try:
    distrusting.chat.completions.create(model=MODEL, messages=HELLO)
except openai.APIConnectionError:
    pass
else:
    raise AssertionError("a private CA was trusted")
