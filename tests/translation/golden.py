"""Golden cases: how they are written and read. One file is one case: `tests/golden/NAME/what_it_shows.json`.

    why           one sentence: what is shown
    provider      a dialect of providers.OF_DIALECT; missing: the folder's name
    model         what the provider is told
    capabilities  (optional) of the model's entry; `max_output` likewise
    call          the caller's body. `"stream": true` in it asks for a stream, its stream_options count
    sends         {path, body, losses}, and `headers` {name: value} where they are of interest
    refuses       instead of `sends`: {reason, param}; `says` is a part of the message
    answers       a list, or one, of {with, gives, usage}: the provider's JSON (or a string: its text), the caller's
                  JSON without what the stamp tells (id, object, created, model), the tokens that are counted (all
                  kinds); or {with, refuses}, as above
    streams       a list, or one, of {framing, with, gives, usage, fails}

`with` of a stream is a list of events, in the framing named: `events` (server-sent, the event's name is the object's
`type`), `data` (server-sent without names), `lines` (JSON lines), `text` (a string, as it stands), `base64`, `frames`
(AWS's: one {kind: payload} each, an exception's kind with a `!` before it, an error {"error": [code, message]}). A
string among events stands for itself, as a line. `gives` is the list of the caller's events: of each chunk what differs
from chunk to chunk (the choice at index 0 stands for itself, nulls are left out), `[DONE]` and comments as strings.
`fails` is the failure's reason. Every stream is fed whole and in pieces of 1, 7 and 37 bytes.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from extproc.money import Usage
from extproc.refusal import Refusal
from extproc.snapshot import Model
from extproc.translation.pair import Answer, Call, Destination, Pair
from extproc.translation.registry import pair_for
from tests.dialects import aws_frames
from tests.translation.providers import OF_DIALECT

ROOT: Final = Path(__file__).parent.parent / "golden"
ID: Final = "golden"
CREATED: Final = 1_750_000_000
PIECES: Final = (1, 7, 37, 1 << 20)
_STAMP: Final = ("id", "object", "created", "model")


@dataclass(frozen=True, slots=True)
class Case:
    path: Path
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def call(self) -> Call:
        body = self.told["call"]
        asked = body.get("stream_options") or {}
        return Call(
            endpoint="chat",
            path="/v1/chat/completions",
            content_type="application/json",
            body=json.dumps(body).encode(),
            stream=body.get("stream") is True,
            body_model=body.get("model"),
            usage_asked=asked.get("include_usage") is True,
            id=ID,
            created=CREATED,
        )

    @property
    def to(self) -> Destination:
        provider = OF_DIALECT[self.told.get("provider", self.path.parent.name)]
        known = {"capabilities", "max_output"} & self.told.keys()
        entry = Model(
            name=self.told["model"],
            capabilities=frozenset(self.told.get("capabilities", ())),
            max_output=self.told.get("max_output"),
        )
        return Destination(provider, self.told["model"], entry if known else None)

    @property
    def pair(self) -> Pair:
        found = pair_for("openai", self.to.provider.dialect, self.to.model, "chat")
        assert found is not None, f"no pair for {self.to.provider.dialect}"
        return found

    def listed(self, key: str) -> list[Mapping[str, Any]]:
        written = self.told.get(key, [])
        return written if isinstance(written, list) else [written]


def cases() -> list[Case]:
    return [Case(path, json.loads(path.read_text())) for path in sorted(ROOT.glob("*/*.json"))]


# --- requests and whole answers --------------------------------------------------------------------------------------


def sent(case: Case) -> Any:
    """In the form of `sends`."""
    made = case.pair.request(case.call, case.to)
    if isinstance(made, Refusal):
        return refused(made)
    told = {
        "path": made.path,
        "body": json.loads(made.body if made.body is not None else case.call.body or b""),
        "losses": sorted(made.losses),
    }
    return told | ({"headers": dict(made.headers)} if "headers" in case.told.get("sends", {}) else {})


def answered(case: Case, given: Mapping[str, Any]) -> Any:
    written = given["with"]
    body = written if isinstance(written, str) else json.dumps(written)
    made = case.pair.answer(case.call, case.to, Answer(200, (), body.encode()))
    if isinstance(made, Refusal):
        return refused(made)
    whole = json.loads(made.body)
    assert whole["object"] == "chat.completion"
    assert whole["created"] > 0
    assert whole["id"]
    assert whole["model"]
    return {"gives": {key: value for key, value in whole.items() if key not in _STAMP}, "usage": counted(made.usage)}


def refused(refusal: Refusal) -> dict[str, Any]:
    return {"reason": refusal.reason.code, "param": refusal.param, "says": refusal.message}


def counted(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    marks = {"tier": usage.tier} if usage.tier != "standard" else {}
    return {**usage.counts(), **marks, **({"estimated": True} if usage.estimated else {})}


# --- streams ---------------------------------------------------------------------------------------------------------


def _named(event: Any) -> str:
    return event if isinstance(event, str) else f"event: {event['type']}\ndata: {json.dumps(event)}\n"


def _unnamed(event: Any) -> str:
    return event if isinstance(event, str) else f"data: {json.dumps(event)}\n"


def _framed(kind: str, told: Any) -> bytes:
    if kind == "error":
        return aws_frames.error(*told)
    return aws_frames.exception(kind[1:], told) if kind.startswith("!") else aws_frames.event(kind, told)


FRAMINGS: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "events": lambda events: "".join(f"{_named(event)}\n" for event in events).encode(),
    "data": lambda events: "".join(f"{_unnamed(event)}\n" for event in events).encode(),
    "lines": lambda lines: "".join(f"{json.dumps(line)}\n" for line in lines).encode(),
    "text": lambda text: text.encode(),
    "base64": base64.b64decode,
    "frames": lambda events: b"".join(_framed(kind, told) for event in events for kind, told in event.items()),
}


def streamed(case: Case, given: Mapping[str, Any], piece: int) -> dict[str, Any]:
    data = FRAMINGS[given["framing"]](given["with"])
    stream = case.pair.stream(case.call, case.to)
    out = b"".join(stream.feed(data[at : at + piece]) for at in range(0, len(data), piece)) + stream.finish()
    told: dict[str, Any] = {"gives": _shown(out), "usage": counted(stream.usage)}
    if stream.failure is not None:
        told["fails"] = stream.failure.reason.code
        assert stream.feed(data) + stream.finish() == b""
    return told


def _shown(out: bytes) -> list[Any]:
    text = out.decode()
    assert text.endswith("\n\n")
    shown = []
    stamps = set()
    for event in text.removesuffix("\n\n").split("\n\n"):
        data = event.removeprefix("data: ")
        if not event.startswith("data: {"):
            shown.append(data)
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            shown.append(chunk)
            continue
        stamps.add(tuple(chunk.pop(key) for key in _STAMP))
        shown.append(_short(chunk))
    assert len(stamps) <= 1, f"chunks of several answers: {stamps}"
    return shown


def _short(chunk: Mapping[str, Any]) -> dict[str, Any]:
    choices = [{key: value for key, value in choice.items() if value is not None} for choice in chunk["choices"]]
    rest = {key: value for key, value in chunk.items() if key != "choices" and value is not None}
    if len(choices) == 1 and choices[0]["index"] == 0:
        return {**{key: value for key, value in choices[0].items() if key != "index"}, **rest}
    return {**({"choices": choices} if choices else {}), **rest}
