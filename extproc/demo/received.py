"""What a demo provider received and how it ended, for tests that must prove what reached an upstream.

Law: kept in memory only, only when asked for, and only the last few; it holds prompts and keys, so it is never logged.
"""

import base64
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal

KEPT: Final = 200

Ending = Literal["open", "answered", "dropped", "client_left"]


@dataclass(slots=True)
class Received:
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    ending: Ending = "open"

    def shown(self) -> dict[str, Any]:
        """`headers` joins what came twice by a comma; `raw_headers` tells them apart."""
        joined: dict[str, str] = {}
        for name, value in self.headers:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": joined,
            "raw_headers": self.headers,
            **self._shown_body(),
            "ending": self.ending,
        }

    def _shown_body(self) -> dict[str, str]:
        try:
            return {"body": self.body.decode()}
        except UnicodeDecodeError:
            return {"body_base64": base64.b64encode(self.body).decode()}


@dataclass(slots=True)
class Record:
    requests: deque[Received] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, received: Received) -> None:
        self.requests.append(received)

    def shown(self) -> dict[str, Any]:
        return {"received": [each.shown() for each in self.requests]}

    def clear(self) -> None:
        self.requests.clear()
