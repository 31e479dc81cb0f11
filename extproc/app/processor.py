"""`extproc serve`, put together: the processor's rooms around one event loop, until a signal or its parent's end."""

import asyncio
import contextlib
import gc
import logging
import os
import random
import secrets
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from extproc.api.listening import AddressInUse, HttpServer
from extproc.api.processor import processor_app
from extproc.app.agreement import Agreement
from extproc.app.announcing import Webhooks
from extproc.app.books import ExchangeBooks
from extproc.app.expiries import LOOK, Expiries
from extproc.app.feeding import Feeding, FeedingSettings
from extproc.app.hangup import on_hangup
from extproc.app.health import HealthPages
from extproc.app.hop import NEIGHBOUR, Hop, warnings_of
from extproc.app.in_force import InForce, opened
from extproc.app.keyring import FileKeys, HeldKeys
from extproc.app.probes import new_probing
from extproc.app.shared_books import SharedBooks
from extproc.app.siblings import Siblings
from extproc.app.streams import Streams
from extproc.config.compile import Compiled
from extproc.config.transfer import decode_snapshot
from extproc.dataplane.machine import raise_descriptor_limit
from extproc.dataplane.start import CannotStart
from extproc.decision.breaker import Breaker
from extproc.dialects.tokens import load_for
from extproc.exchange.desk import Desk
from extproc.exchange.shelf import Shelf
from extproc.observe.logs import set_up_logs
from extproc.observe.metrics import Metrics
from extproc.outcome.last_used import LastUsed
from extproc.outcome.rollouts import Rollouts, Told
from extproc.snapshot import Proxy, Snapshot, Target
from extproc.stores.last_metrics import leave_last_metrics
from extproc.stores.rollout_memory import RolloutMemory
from extproc.transport.contract import RecordSink
from extproc.transport.listen import ListenError
from extproc.transport.serving import new_server
from extproc.wire.log_stream import LogStream

_log = logging.getLogger("extproc")
TICK = 0.25  # seconds between looks at exchanges whose records are late


@dataclass(frozen=True, slots=True)
class ProcessorSettings:
    listen: tuple[str, ...]
    admin: str | None
    drain: float
    source: Path | None = None
    open_to_strangers: bool = False
    snapshot_file: Path | None = None
    keys: Path | None = None  # the directory with the secrets that belong to the snapshot file
    with_parent: bool = False
    hop: Hop = NEIGHBOUR
    feeding: FeedingSettings | None = None
    siblings: Path | None = None  # the directory in which workers of this machine find each other


async def run_processor(settings: ProcessorSettings, compiled: Compiled | None) -> None:
    """Raises CannotStart when it cannot listen; returns when it was asked to end and open exchanges are over."""
    set_up_logs(sys.stderr)
    raise_descriptor_limit()
    processor = _Processor(settings, _first_snapshot(settings, compiled), compiled)
    try:
        await processor.run()
    except (ListenError, AddressInUse) as error:
        raise CannotStart(str(error)) from None


def _first_snapshot(settings: ProcessorSettings, compiled: Compiled | None) -> Snapshot:
    if settings.snapshot_file is not None:
        return decode_snapshot(settings.snapshot_file.read_bytes())
    assert compiled is not None
    return opened(compiled.snapshot, settings.open_to_strangers)


def _memory_of(settings: ProcessorSettings) -> RolloutMemory | None:
    """Under `up` beside the snapshot, where it lives as long as the run does; alone, canaries begin anew with us."""
    return RolloutMemory(settings.snapshot_file.with_name("canaries")) if settings.snapshot_file is not None else None


def new_exchange_id() -> str:
    """Sorts by time, and cannot be guessed."""
    return f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(8)}"


def _say_who_renews() -> None:
    _log.warning("SIGHUP renews workers, and this one has no keeper: start it with --workers 2 or more, or restart it")


def _spare_the_collector() -> None:
    """What is there now stays: looking through it again and again cost a tenth of every exchange."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)


class _Processor:
    def __init__(self, settings: ProcessorSettings, first: Snapshot, compiled: Compiled | None = None) -> None:
        self._settings = settings
        self._compiled = compiled
        self._feeding = Feeding(settings.feeding) if settings.feeding is not None else None
        self._metrics = Metrics()
        self._shelf = Shelf(first)
        self._draining = False
        self._held_keys = HeldKeys(compiled.keys if compiled is not None else None)
        self._webhooks = Webhooks(lambda name: self._desk.key(name), self._metrics, self._way_to_webhook)
        self._leads = settings.siblings is None  # whether what happens once is ours to do
        self._rollouts = Rollouts(
            self._shelf.get, time.monotonic, self._metrics, self._canary_moved, _memory_of(settings), leads=self._leads
        )
        last_used = LastUsed()
        self._probing = new_probing(self._metrics, lambda name: self._desk.key(name), last_used.of)
        self._probing.lead(self._leads)
        self._books = ExchangeBooks(
            self._shelf,
            self._metrics,
            sys.stdout,
            time.monotonic,
            self._probing,
            last_used,
            self._rollouts,
            self._breaker_opened,
        )
        self._siblings = self._siblings_in(settings.siblings) if settings.siblings is not None else None
        self._shared = self._books if self._siblings is None else SharedBooks(self._books, self._siblings.relay)
        self._pages = HealthPages(
            self._shelf, self._books.observations, self._probing, time.monotonic, time.time, lambda: self._draining
        )
        fed = settings.snapshot_file is not None or self._feeding is not None
        self._agreement = Agreement(self._shelf, self._metrics, time.monotonic, in_order=fed)
        self._desk = Desk(
            agreement=self._agreement,
            shelf=self._shelf,
            books=self._shared,
            now=time.monotonic,
            epoch=time.time,
            draw=random.random,
            new_id=new_exchange_id,
            key=self._held_keys if settings.keys is None else FileKeys(settings.keys),
            pages=self._pages,
        )
        self._expiries = Expiries(self._metrics, time.time)
        self._look_at_expiries()
        self._in_force = InForce(self._shelf, self._use, self._count_reload, self._held_keys, self._feeding)
        self._streams = Streams(self._desk, self._metrics)
        self._server = new_server(
            settings.listen,
            self._streams.open,
            self._open_log,
            self._streams.broken,
            tls=settings.hop.tls,
            socket_mode=settings.hop.socket_mode,
            take_over=settings.siblings is not None,
        )

    async def run(self) -> None:
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ending.set)
        if self._siblings is None:
            on_hangup(_say_who_renews, ending.set)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._webhooks.close)
            stack.push_async_callback(self._probing.stop)
            self._probing.use(self._shelf.current)
            if self._siblings is not None:
                stack.push_async_callback(self._siblings.close)
                await self._siblings.join()
            await self._server.start()
            for warning in warnings_of(self._settings.listen, self._settings.hop):
                _log.warning("%s", warning)
            try:
                admin = await self._start_admin()
            except AddressInUse:
                await self._server.drain(0)
                raise
            if admin is not None:
                stack.push_async_callback(admin.stop)
            await self._start_feeding(stack)
            ever = (self._tick(), self._watch(), self._look_at_certificates())
            for work in (*ever, self._end_with_parent(ending), self._load_vocabularies()):
                task = asyncio.ensure_future(work)
                task.add_done_callback(self._surface)
                stack.callback(task.cancel)
            _spare_the_collector()
            await ending.wait()
            await self._say_goodbye(ending)
            await self._end()

    async def _say_goodbye(self, ending: asyncio.Event) -> None:
        """Envoy and whoever routes to us need a moment to notice; a second signal does not wait for it."""
        self._draining = True
        self._server.say_goodbye()
        ending.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), self._settings.hop.linger)

    async def _start_feeding(self, stack: contextlib.AsyncExitStack) -> None:
        if self._feeding is None:
            return
        assert self._compiled is not None
        stack.push_async_callback(self._feeding.close)
        await self._feeding.start(self._compiled)
        looking = asyncio.ensure_future(self._feeding.look())
        looking.add_done_callback(self._surface)
        stack.callback(looking.cancel)

    async def _end(self) -> None:
        if self._siblings is not None:
            self._siblings.leave()
        await self._server.drain(self._settings.drain)
        self._books.flush()
        if self._settings.siblings is not None:
            leave_last_metrics(self._settings.siblings, os.getpid(), self._books.expose(self._shelf.current))

    async def _start_admin(self) -> HttpServer | None:
        if self._settings.admin is None:
            return None
        private = self._settings.admin.startswith("unix://")
        app = processor_app(
            ready=self._ready,
            metrics=lambda: self._books.expose(self._shelf.current),
            health=self._pages.health,
            pages={
                "/health/providers": self._pages.providers,
                "/canaries": self._rollouts.document,
                "/observations": lambda: self._books.observed(self._shelf.current),
            },
            swap=self._in_force.swap_bytes if private else None,
            rejected=self._in_force.rejected if private else None,
        )
        admin = HttpServer(app, self._settings.admin)
        await admin.start()
        return admin

    def _ready(self) -> dict[str, object]:
        told: dict[str, object] = {
            "status": self._status(),
            "config": self._in_force.document(),
            "processors": [{"pid": os.getpid()}],
            "envoys": self._agreement.document(),
        }
        if self._feeding is not None:
            told["envoy"] = self._feeding.document()
        return told if self._siblings is None else {**told, "leads": self._leads}

    def _status(self) -> str:
        if self._draining:
            return "draining"
        return "ready" if self._feeding is None or self._feeding.live else "not ready"

    def _open_log(self) -> RecordSink:
        return LogStream(self._shared.record)

    # --- configuration -----------------------------------------------------------------------------------------------

    def _use(self, snapshot: Snapshot) -> None:
        self._books.use(snapshot)
        self._look_at_expiries()
        self._probing.use(snapshot)

    def _count_reload(self, result: Literal["ok", "rejected"]) -> None:
        """It is one reload, however many workers take it."""
        if self._leads:
            self._metrics.config_reload(result)

    def _way_to_webhook(self, strategy: str) -> Proxy | None:
        spec = self._shelf.current.strategies.get(strategy)
        return None if spec is None else spec.webhook_proxy

    async def _watch(self) -> None:
        """Standing alone we follow the file ourselves; under `up` the supervisor tells us."""
        if self._settings.source is not None and self._settings.snapshot_file is None:
            await self._in_force.watch(self._settings.source, self._settings.open_to_strangers)

    # --- siblings ----------------------------------------------------------------------------------------------------

    def _siblings_in(self, directory: Path) -> Siblings:
        return Siblings(
            directory,
            self._shelf,
            self._books,
            self._rollouts,
            self._probing,
            self._metrics,
            time.monotonic,
            self._lead,
        )

    def _lead(self, leads: bool) -> None:
        self._leads = leads
        self._look_at_expiries()

    def _canary_moved(self, told: Told) -> None:
        self._webhooks.announce(told)
        if self._siblings is not None:
            self._siblings.tell_standing()

    def _breaker_opened(self, target: Target, breaker: Breaker) -> None:
        if self._siblings is not None:
            self._siblings.tell_shut(target, breaker)

    # --- time and the end --------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._books.tick(self._shelf.current)
            self._metrics.provider_health(self._probing.states())
            if self._siblings is not None:
                self._siblings.tick(time.monotonic())

    async def _look_at_certificates(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self._look_at_expiries()

    def _look_at_expiries(self) -> None:
        if self._leads:
            self._expiries.look(self._shelf.current)

    async def _load_vocabularies(self) -> None:
        """Only those that a listed model is counted by: each takes memory."""
        providers = self._shelf.current.providers.values()
        await asyncio.to_thread(load_for, [model.name for provider in providers for model in provider.models])

    async def _end_with_parent(self, ending: asyncio.Event) -> None:
        """Under `up` our standard input is a pipe that ends when the supervisor does, however it does."""
        if not self._settings.with_parent:
            return
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
        ending.set()

    def _surface(self, task: "asyncio.Future[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task of the processor ended", exc_info=error)
