"""A gateway in front of one speaking upstream for each dialect that a pair translates to."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from extproc.translation.registry import CHAT_PAIRS
from tests.envoy.gateway import Gateway, running
from tests.envoy.upstream import Upstream
from tests.upstreams.formats import FORMATS, NEEDED
from tests.upstreams.speaking import speaker

APIS = {"vertex": "gemini"}
# The model is called as its dialect, so that a caller needs no other name.
# OpenAI's own is the baseline: what fails there is no fault of a translation.
TRANSLATED = [name for name in FORMATS if ("openai", APIS.get(name, name)) in CHAT_PAIRS]
DIALECTS = ["openai", *TRANSLATED]


@dataclass(frozen=True, slots=True)
class Translating:
    gateway: Gateway
    upstreams: dict[str, Upstream]


@contextlib.contextmanager
def translating() -> Iterator[Translating]:
    with contextlib.ExitStack() as stack:
        upstreams = {name: stack.enter_context(speaker(name)) for name in DIALECTS}
        providers = {
            name: {
                "dialect": name,
                "base_url": f"{upstream.origin}/v1" if name == "openai" else upstream.origin,
                "models": [{"name": name, "upstream": FORMATS[name].model}],
                **NEEDED.get(name, {}),
            }
            for name, upstream in upstreams.items()
        }
        yield Translating(stack.enter_context(running({"providers": providers})), upstreams)
