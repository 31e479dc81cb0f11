"""Validators that others wrote, asked from our tests: one long-lived program in the vendors' environment.

Law: `[]` says that the official SDK of that dialect would say these very bytes, or take them, and that the service's
published limits hold. The program is started on the first question and ends with the tests.
"""

import atexit
import base64
import functools
import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests.envoy.gateway import environment
from tests.sdk.environments import VENDORS

PROGRAM = Path(__file__).parent / "program"


def why_missing() -> str | None:
    return VENDORS.why_missing()


def validate(dialect: str, body: Any) -> list[str]:
    """What is wrong with a request in a provider's dialect, or with an answer (`chat.completion`, `error`, …)."""
    return _program().ask({"dialect": dialect, "body": body})


def validate_stream(body: bytes, usage_asked: bool = False, may_fail: bool = False) -> list[str]:
    """What is wrong with a stream of chat chunks that a caller is given."""
    asked = {"stream": base64.b64encode(body).decode(), "usage_asked": usage_asked, "may_fail": may_fail}
    return _program().ask(asked)


class Program:
    """The subprocess; one question at a time."""

    def __init__(self) -> None:
        clean = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [str(VENDORS.python), str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean
        )
        self._lock = threading.Lock()

    def ask(self, question: dict[str, Any]) -> list[str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, f"the validators ended with {self._process.poll()}"
        found: list[str] = json.loads(line)
        return found

    def end(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@functools.cache
def _program() -> Program:
    program = Program()
    atexit.register(program.end)
    return program
