"""Errors are the SDK's own, with our words in them; a cut stream is an exception and never a clean end."""

import time

import openai
from client import HELLO, MODEL, client


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def drained(model):
    for _ in client().chat.completions.create(model=model, messages=HELLO, stream=True):
        pass


c = client()
missing = raised(openai.NotFoundError, lambda: c.chat.completions.create(model="mm", messages=HELLO))
assert missing.code == "model_not_found" and "mm" in str(missing) and missing.type == "invalid_request_error"
assert raised(openai.NotFoundError, lambda: c.models.retrieve("none")).code == "model_not_found"

wrong = client(api_key="wrong")
denied = raised(openai.AuthenticationError, lambda: wrong.chat.completions.create(model=MODEL, messages=HELLO))
assert denied.code == "invalid_api_key" and "wrong" not in denied.message.split()

# 429 and 500 of the last target come as they are, and x-should-retry keeps an SDK that would retry from doing so.
eager = client(max_retries=3)
began = time.monotonic()
limited = raised(openai.RateLimitError, lambda: eager.chat.completions.create(model="fault-429", messages=HELLO))
assert limited.response.headers["retry-after"] == "7" and time.monotonic() - began < 2
raised(openai.InternalServerError, lambda: eager.chat.completions.create(model="fault-500", messages=HELLO))
assert time.monotonic() - began < 2

cut = raised(Exception, lambda: drained("fault-cut"))
assert "Protocol" in type(cut).__name__ or isinstance(cut, openai.APIError), repr(cut)
raised(openai.APIError, lambda: drained("fault-late-error-event"))

began = time.monotonic()
raised(openai.APITimeoutError, lambda: client(timeout=0.5).chat.completions.create(model="slow", messages=HELLO))
assert time.monotonic() - began < 2
