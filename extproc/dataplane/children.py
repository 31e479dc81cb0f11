"""Child processes: started apart from the terminal's signals, never outliving us, ended politely and then not.

Law: only the supervisor decides when a child ends; Ctrl-C reaches us, not them. If we are killed, the kernel ends them
(Linux), and those that watch their standard input end by themselves (everywhere).
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

_PR_SET_PDEATHSIG = 1


def _prepare_child(parent: int) -> Callable[[], None]:
    """Runs in the child between fork and exec: ask Linux to end it when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:  # the parent died before we asked
                os._exit(1)

    return prepare


class Child:
    """One running process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def stop(self, grace: float) -> None:
        """SIGTERM, then SIGKILL when the grace is over."""
        if not self.running:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), grace)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


async def start_child(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Child:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,  # held open: its end tells the child that we are gone
        stdout=stdout,
        stderr=stderr,
        env=dict(environment) if environment is not None else None,
        start_new_session=True,
        preexec_fn=_prepare_child(os.getpid()),
    )
    return Child(name, process)
