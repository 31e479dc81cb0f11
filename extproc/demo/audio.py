"""POST /v1/audio/speech and /v1/audio/transcriptions: a short beep, and a sentence about what was heard.

Law: speech is WAV (or bare PCM when asked for), whatever compressed format was wanted: the demo has no codec.
"""

import io
import math
import struct
import wave
from typing import Any, Final

import msgspec

from extproc.demo.asked import decoded
from extproc.demo.multipart import form_of
from extproc.demo.pace import whole
from extproc.demo.reply import Headers, Plain, Problem, Reply, encode
from extproc.demo.request import Order

SAMPLES_PER_SECOND: Final = 8_000
BEEP_SECONDS: Final = 0.25
BEEP_HERTZ: Final = 440


class SpeechRequest(msgspec.Struct):
    input: str
    response_format: str | None = None


def speech(order: Order) -> Reply:
    request = decoded(order.body, SpeechRequest)
    if request.response_format == "pcm":
        return Plain(beep(), headers=_type("audio/pcm"), delay=order.provider.speed.first_token_seconds)
    return Plain(wav(beep()), headers=_type("audio/wav"), delay=order.provider.speed.first_token_seconds)


def beep() -> bytes:
    count = int(SAMPLES_PER_SECOND * BEEP_SECONDS)
    turn = 2 * math.pi * BEEP_HERTZ / SAMPLES_PER_SECOND
    return struct.pack(f"<{count}h", *(int(8_000 * math.sin(turn * place)) for place in range(count)))


def wav(samples: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLES_PER_SECOND)
        writer.writeframes(samples)
    return file.getvalue()


def transcriptions(order: Order) -> Reply:
    form = form_of(order.body, order.content_type)
    sound = form.get("file")
    if sound is None:
        raise Problem(400, "`file` is missing.", param="file")
    seconds = _seconds(sound)
    text = f"This is {order.provider.name}: I heard {seconds:.2f} seconds in {len(sound)} bytes."
    form_wanted = form.get("response_format", b"json").decode(errors="replace")
    body, kind = _written(text, seconds, form_wanted)
    reply = whole(body, len(text.split()), order.provider.speed)
    return Plain(body, headers=_type(kind), delay=reply.delay if isinstance(reply, Plain) else 0.0)


def _written(text: str, seconds: float, form: str) -> tuple[bytes, str]:
    match form:
        case "text":
            return text.encode() + b"\n", "text/plain; charset=utf-8"
        case "srt":
            return f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n".encode(), "text/plain; charset=utf-8"
        case "vtt":
            return f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n".encode(), "text/vtt; charset=utf-8"
        case _:
            usage = {"type": "duration", "seconds": math.ceil(seconds)}
            said: dict[str, Any] = {"text": text, "usage": usage}
            if form == "verbose_json":
                said |= {"task": "transcribe", "language": "english", "duration": seconds, "segments": [], "words": []}
            return encode(said), "application/json"


def _seconds(sound: bytes) -> float:
    """The length of a WAV; other formats count as one second."""
    try:
        with wave.open(io.BytesIO(sound)) as reader:
            return float(reader.getnframes() / reader.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        return 1.0


def _type(kind: str) -> Headers:
    return (("content-type", kind),)
