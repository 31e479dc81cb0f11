"""What every script here begins with: clients of the official SDK, pointed at the address in argv."""

import sys
from typing import Any

import openai

BASE_URL = sys.argv[1]
KEY = sys.argv[2]
MODEL = sys.argv[3] if len(sys.argv) > 3 else "m"
HELLO: list[Any] = [{"role": "user", "content": "hello"}]


def client(**more: Any) -> openai.OpenAI:
    return openai.OpenAI(**{"base_url": BASE_URL, "api_key": KEY, "max_retries": 0, "timeout": 20.0, **more})


def async_client(**more: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(**{"base_url": BASE_URL, "api_key": KEY, "max_retries": 0, "timeout": 20.0, **more})
