"""A whole gateway out of a configuration that a test holds as values: supervisor, Envoy and processor, without a file.

Law: what is started here is ended here. The supervisor runs on a loop of its own, so that tests may block.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import yaml

from extproc.app.rendering import Listening, configured
from extproc.app.worker_command import gateway_workers
from extproc.config.compile import Compiled
from extproc.config.load import load_document
from extproc.dataplane.run_directory import RunDirectory, new_run_directory
from extproc.dataplane.supervise import Address, Supervisor
from tests.dataplane.envoy import binary
from tests.envoy.gateway import free_port

T = TypeVar("T")


def compiled(text: str) -> Compiled:
    loaded = load_document(yaml.safe_load(text), "test")
    assert loaded.compiled is not None, loaded.problems
    return loaded.compiled


@dataclass(frozen=True, slots=True)
class Supervised:
    run: RunDirectory
    supervisor: Supervisor
    listening: Listening
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.port}"

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, **more)

    def done(self, work: Coroutine[Any, Any, T], patience: float = 60) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(patience)

    def change(self, new: Compiled) -> None:
        self.done(self.supervisor.change(configured(new, self.run, self.listening, open_to_strangers=True)))

    def metrics(self) -> str:
        return self.done(self.supervisor.metrics())


@contextlib.contextmanager
def supervised(first: Compiled) -> Iterator[Supervised]:
    envoy = binary()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    run = new_run_directory()
    listening = Listening("127.0.0.1", free_port(), "off")
    supervisor = Supervisor(
        run,
        gateway_workers(run, 1, 0.0),
        Address(listening.host, listening.port),
        envoy_binary=envoy,
        concurrency=1,
        drain=0.0,
        said=lambda level, text: None,
    )
    here = Supervised(run, supervisor, listening, loop)
    try:
        here.done(supervisor.start(configured(first, run, listening, open_to_strangers=True)))
        yield here
    finally:
        here.done(supervisor.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
        run.remove()
