"""`python -m extproc.demo --dir DIR`: all demo providers in one child process, on DIR/<name>.sock.

Law: one JSON line on stdout says that all listen; the process ends when told by a signal, or when its stdin closes
because the parent died. It leaves no socket behind.
"""

import argparse
import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import msgspec

from extproc.demo.catalog import PROVIDERS
from extproc.demo.sockets import serve_on_sockets


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m extproc.demo", description="Demo providers on Unix sockets.")
    parser.add_argument("--dir", type=Path, required=True, help="where to put the sockets, <name>.sock each")
    parser.add_argument("--record", action="store_true", help="keep the last requests at GET /__demo/received")
    parsed = parser.parse_args(arguments)
    try:
        asyncio.run(_serve(parsed.dir, parsed.record))
    except OSError as error:
        sys.stderr.write(f"extproc.demo: {error}\n")
        return 1
    return 0


async def _serve(directory: Path, record: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _stop_when_stdin_closes(loop, stop)
    await serve_on_sockets(directory, PROVIDERS, stop=stop, ready=_say_ready, record=record)


def _say_ready() -> None:
    names = [provider.name for provider in PROVIDERS]
    sys.stdout.write(msgspec.json.encode({"ready": True, "providers": names}).decode() + "\n")
    sys.stdout.flush()


def _stop_when_stdin_closes(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    try:
        descriptor = sys.stdin.fileno()
        mode = os.fstat(descriptor).st_mode
    except (AttributeError, OSError, ValueError):
        return
    # Only a pipe or a socket has a parent at its other end; /dev/null, a file or a terminal tells nothing of its life.
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return

    def on_readable() -> None:
        try:
            gone = not os.read(descriptor, 4096)
        except OSError:
            gone = True
        if gone:
            loop.remove_reader(descriptor)
            stop.set()

    loop.add_reader(descriptor, on_readable)


if __name__ == "__main__":
    sys.exit(main())
