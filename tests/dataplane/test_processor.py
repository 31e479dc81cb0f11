"""The processor as a child, seen from the process that keeps it."""

import asyncio
import tempfile
import time
from pathlib import Path

from extproc.dataplane.processor import Processor


async def test_a_processor_that_hangs_is_soon_said_not_to_answer() -> None:
    """Its sockets take connections as long as the kernel has room; whoever asks /readyz must not wait for it."""
    with tempfile.TemporaryDirectory(prefix="hung-") as directory:
        admin = Path(directory) / "a.sock"
        hung = await asyncio.start_unix_server(lambda _reader, _writer: asyncio.sleep(30), admin)
        processor = Processor(
            Path(directory) / "p.sock", admin, Path(directory) / "snapshot", Path(directory) / "k", 1.0
        )
        began = time.monotonic()
        assert not await processor.answers()
        assert time.monotonic() - began < 3
        await processor.stop()
        hung.close()
