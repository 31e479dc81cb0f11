"""The program's own log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from extproc.observe.logs import QUIET, set_up_logs


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Logging is the one global that Python has; each test puts it back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    libraries = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in QUIET}
    yield
    root.handlers[:], root.level = before
    for name, (handlers, level) in libraries.items():
        logging.getLogger(name).handlers[:] = handlers
        logging.getLogger(name).setLevel(level)


def test_piped_lines_are_json() -> None:
    """Time, level, logger, message."""
    stream = io.StringIO()
    set_up_logs(stream)
    logging.getLogger("extproc.app").warning("no %s\nat all", "provider")
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "warning", "logger": "extproc.app", "message": "no provider\\u000aat all"}


def test_an_exception_is_told_without_its_secrets() -> None:
    """One line, with the traceback in it."""
    stream = io.StringIO()
    set_up_logs(stream)
    try:
        raise RuntimeError("refused: Bearer abcdefghijk \ud800")
    except RuntimeError:
        logging.getLogger("extproc").exception("the attempt failed")
    text = stream.getvalue()
    assert text.count("\n") == 1 and "abcdefghijk" not in text
    assert "RuntimeError: refused: Bearer ***" in json.loads(text)["exception"]


def test_a_terminal_gets_short_lines() -> None:
    """With a colour, and a traceback on lines of its own."""
    stream = io.StringIO()
    set_up_logs(stream, people=True)
    logging.getLogger("extproc").info("listening on %s", "127.0.0.1:8080")
    assert stream.getvalue().endswith("\033[36minfo   \033[0m listening on 127.0.0.1:8080\n")
    try:
        raise RuntimeError("sk-abcdefgh1234\x1b[2J")
    except RuntimeError:
        logging.getLogger("extproc").exception("failed")
    assert "abcdefgh" not in stream.getvalue() and "\x1b[2J" not in stream.getvalue()


def test_the_level_is_asked_for_and_libraries_are_quiet() -> None:
    """Only their warnings come through, in our form."""
    stream = io.StringIO()
    logging.getLogger("uvicorn.error").addHandler(logging.StreamHandler(stream))
    set_up_logs(stream, level="debug")
    logging.getLogger("extproc").debug("a detail")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("grpc._server").warning("trouble")
    messages = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert messages == ["a detail", "trouble"]


def test_a_level_that_does_not_exist_is_an_error() -> None:
    """Not a silent log."""
    with pytest.raises(ValueError, match="LOUD"):
        set_up_logs(io.StringIO(), level="loud")
