"""Each recording twice: read by the vendor's own SDK, and by OpenAI's through a real gateway; what differs is told.

Law: one gateway for all, one question at a time to each reader; the same recording at every size of pieces must say the
same. What was not compared is counted with its reason.
"""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extproc.translation.openai_openai import OpenAIToOpenAI
from extproc.translation.registry import pair_for
from tests.envoy.gateway import Gateway, environment, running
from tests.replay import asking
from tests.replay.comparing import differences, meant_status, path_difference
from tests.replay.recordings import Fitting, Recording, fit
from tests.replay.serving import Shelf, serving, traceparent
from tests.sdk.environments import VENDORS
from tests.upstreams.formats import NEEDED

PROGRAM = Path(__file__).parent / "program"
NATIVE = frozenset({"anthropic", "bedrock", "gemini", "vertex", "cohere", "ollama"})  # not OpenAI's paths
EVERYTHING = ["chat", "completions", "embeddings"]


@dataclass(frozen=True, slots=True)
class Difference:
    fitting: Fitting
    size: int
    what: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """Counts by provider, endpoint and size of pieces."""

    equal: dict[tuple[str, str, int], int] = field(default_factory=dict)
    different: list[Difference] = field(default_factory=list)
    skipped: dict[tuple[str, str], int] = field(default_factory=dict)  # (provider, reason)

    def skip(self, provider: str, reason: str) -> None:
        self.skipped[provider, reason] = self.skipped.get((provider, reason), 0) + 1


class Readers:
    """The SDKs, in a long-lived program of the vendors' environment."""

    def __init__(self) -> None:
        clean = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [str(VENDORS.python), str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the readers ended with {self._process.poll()}"
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


def judge(
    recordings: Iterable[Recording], sizes: Sequence[int], through: Callable[[Fitting], Fitting] = lambda each: each
) -> Tally:
    """`through` says what the gateway's upstream serves instead; to show that this harness sees a difference."""
    tally = Tally()
    fittings = {each.recording.number: each for each in _fitting(recordings, tally)}
    if not fittings:
        return tally
    with serving(fittings, through) as shelf, running(_configured(fittings, shelf)) as gateway, _readers() as readers:
        for fitting in fittings.values():
            _judge(fitting, sizes, shelf, gateway, readers, tally)
    return tally


@contextlib.contextmanager
def _readers() -> Iterator[Readers]:
    readers = Readers()
    try:
        yield readers
    finally:
        readers.end()


def _fitting(recordings: Iterable[Recording], tally: Tally) -> Iterator[Fitting]:
    for recording in recordings:
        found = fit(recording)
        if isinstance(found, str):
            tally.skip(recording.provider, found)
        elif (why := _without_pair(found)) is not None:
            tally.skip(recording.provider, why)
        else:
            yield found


def _without_pair(fitting: Fitting) -> str | None:
    pair = pair_for("openai", fitting.dialect, fitting.model, fitting.endpoint)
    if pair is None or (fitting.dialect in NATIVE and isinstance(pair, OpenAIToOpenAI)):
        return f"no pair translates to {fitting.dialect}"
    return None


def _configured(fittings: Mapping[int, Fitting], shelf: Shelf) -> dict[str, Any]:
    providers: dict[str, Any] = {}
    for fitting in fittings.values():
        given = providers.setdefault(fitting.provider, _provider(fitting, shelf.origin))
        if all(model["name"] != fitting.model for model in given["models"]):
            given["models"].append({"name": fitting.model, "endpoints": EVERYTHING})
    return {"providers": providers}


def _provider(fitting: Fitting, origin: str) -> dict[str, Any]:
    given: dict[str, Any] = {"dialect": fitting.dialect, "base_url": origin, "models": []}
    given["circuit_breaker"] = {"failure_threshold": 1_000_000}
    if fitting.dialect in ("openai", "openrouter"):
        given["base_url"] = f"{origin}/v1"
    elif fitting.dialect == "azure_openai":
        given["api_version"] = "2024-10-21"
    return {**given, **NEEDED.get(fitting.dialect, {})}


def _judge(
    fitting: Fitting, sizes: Sequence[int], shelf: Shelf, gateway: Gateway, readers: Readers, tally: Tally
) -> None:
    native = _natively(fitting, shelf, readers)
    if "unreadable" in native:
        tally.skip(fitting.provider, f"its own SDK cannot read it: {native['unreadable'].partition(':')[0]}")
        return
    if "status" in native and fitting.recording.status < 400:  # some SDKs give an error event the status it names
        native = {"broken": f"an error that is called {native['status']}"}
    elif "status" in native:
        native = {"status": meant_status(fitting.recording)}
    for size in sizes:
        seen = readers.ask(
            sdk="openai",
            base_url=f"{gateway.url}/v1",
            headers={"traceparent": traceparent(fitting.recording.number, size)},
            endpoint=fitting.endpoint,
            model=f"{fitting.provider}/{fitting.model}",
            fields=asking.fields(fitting),
            stream=fitting.streamed,
        )
        asked = shelf.paths.get((fitting.recording.number, size))
        what = [*path_difference(fitting, asked), *differences(native, seen)]
        if what:
            tally.different.append(Difference(fitting, size, tuple(what)))
        else:
            place = (fitting.provider, fitting.endpoint, size)
            tally.equal[place] = tally.equal.get(place, 0) + 1


def _natively(fitting: Fitting, shelf: Shelf, readers: Readers) -> dict[str, Any]:
    direct = shelf.direct(fitting.recording.number)
    if fitting.dialect in (*NATIVE, "mistral") and fitting.endpoint == "chat":
        return readers.ask(
            sdk=fitting.dialect,
            dialect=fitting.dialect,
            base_url=direct,
            model=fitting.model,
            stream=fitting.streamed,
        )
    return readers.ask(
        sdk="openai",
        base_url=f"{direct}/v1",
        endpoint=fitting.endpoint,
        model=fitting.model,
        fields=asking.fields(fitting),
        stream=fitting.streamed,
    )
