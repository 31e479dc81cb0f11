"""The program's own log: JSON lines where it is piped, short coloured lines on a terminal.

Law: what comes out has gone through `redact`, is one line for each event, and names no secret even when an exception's
text does. Libraries speak only when something is wrong.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from extproc.observe.printable import printable
from extproc.observe.redact import redact

QUIET: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "grpc", "httpx", "httpcore", "asyncio", "watchfiles")
LONGEST_MESSAGE: Final = 4_000
LONGEST_TRACE: Final = 12_000
COLOURS: Final = {"DEBUG": "\033[2m", "INFO": "\033[36m", "WARNING": "\033[33m", "ERROR": "\033[31m"}
RESET: Final = "\033[0m"


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info:
            fields["exception"] = _trace(self, record)
        return msgspec.json.encode(fields).decode()


class HumanFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        colour = COLOURS.get(record.levelname, COLOURS["ERROR"])
        line = f"{when} {colour}{record.levelname.lower():<7}{RESET} {_message(record)}"
        if not record.exc_info:
            return line
        trace = _trace(self, record).split("\n")
        return "\n".join([line, *(f"    {printable(part, LONGEST_MESSAGE)}" for part in trace)])


def set_up_logs(stream: TextIO, level: str = "info", people: bool | None = None) -> None:
    """Send the program's log to this stream; called once, by the composition root, again only by tests."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanFormatter() if (stream.isatty() if people is None else people) else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        library = logging.getLogger(name)
        library.handlers[:] = []  # uvicorn brings its own, which would not redact
        library.propagate = True
        library.setLevel(logging.WARNING)


def _message(record: logging.LogRecord) -> str:
    return printable(redact(record.getMessage()[: 2 * LONGEST_MESSAGE]), LONGEST_MESSAGE)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The traceback, its end if it is long: the last lines say what went wrong. Frames hold code, never values."""
    assert record.exc_info is not None
    trace = redact(formatter.formatException(record.exc_info)[-LONGEST_TRACE:])
    return trace.encode("utf-8", "backslashreplace").decode()
