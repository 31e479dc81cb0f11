"""The processor as a child, seen from the process that keeps it."""

import asyncio
import tempfile
import time
from pathlib import Path

from extproc.dataplane.worker import Worker


async def test_a_processor_that_hangs_is_soon_said_not_to_answer() -> None:
    """Its sockets take connections as long as the kernel has room; whoever asks /readyz must not wait for it."""
    with tempfile.TemporaryDirectory(prefix="hung-") as directory:
        admin = Path(directory) / "a.sock"
        hung = await asyncio.start_unix_server(lambda _reader, _writer: asyncio.sleep(30), admin)
        processor = Worker([], admin, Path(directory), 1.0)
        began = time.monotonic()
        assert not await processor.answers()
        assert time.monotonic() - began < 3
        await processor.close()
        hung.close()
