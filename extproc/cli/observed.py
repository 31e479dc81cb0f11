"""What a running gateway sees of its targets, from its admin port or from a file that was saved of it.

Law: whatever cannot be read or understood is one line that says what and where; never a traceback.
"""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from extproc.cli import screen
from extproc.decision.observed import NotObservations, read
from extproc.decision.plan import Observations

PATH: Final = "/observations"
PATIENCE: Final = 10.0  # seconds


def observations_or_stop(source: str, now: float) -> Observations:
    web = source.startswith(("http://", "https://"))
    text = _fetched(source) if web else _saved(source)
    try:
        return read(msgspec.json.decode(text), now)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        screen.stop(f"--observed {source}: what it says is not JSON", screen.EXIT_NO)
    except NotObservations as problem:
        screen.stop(f"--observed {source}: {problem}", screen.EXIT_NO)


def _fetched(url: str) -> bytes:
    """Of the admin port its page, so that nobody must know its name."""
    try:
        address = url if urlsplit(url).path.strip("/") else url.rstrip("/") + PATH
        answer = httpx.get(address, timeout=PATIENCE, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        screen.stop(f"--observed {url}: {error or type(error).__name__}", screen.EXIT_NO)
    if answer.status_code != 200:
        screen.stop(f"--observed {url}: it answered {answer.status_code}", screen.EXIT_NO)
    return answer.content


def _saved(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        screen.stop(f"--observed {path}: {error.strerror}", screen.EXIT_NO)
    except ValueError as error:  # a path with a NUL in it
        screen.stop(f"--observed: {error}", screen.EXIT_NO)
