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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from extproc import names
from extproc.api.listening import AddressInUse, HttpServer
from extproc.api.processor import processor_app
from extproc.app.agreement import Agreement
from extproc.app.announcing import Webhooks
from extproc.app.books import ExchangeBooks
from extproc.app.counted import Counted
from extproc.app.expiries import LOOK, Expiries
from extproc.app.feeding import Feeding, FeedingSettings
from extproc.app.health import HealthPages
from extproc.app.hop import NEIGHBOUR, Hop, warnings_of
from extproc.app.keyring import FileKeys, HeldKeys
from extproc.app.probes import new_probing
from extproc.config.compile import Compiled
from extproc.config.load import Loaded, load
from extproc.config.transfer import decode_snapshot
from extproc.config.watch import changes, fingerprint
from extproc.dataplane.machine import raise_descriptor_limit
from extproc.dataplane.start import CannotStart
from extproc.dialects.tokens import load_for
from extproc.exchange.attempt import AttemptExchange
from extproc.exchange.desk import Desk
from extproc.exchange.errors import ErrorExchange
from extproc.exchange.router import RouterExchange
from extproc.exchange.shadow import ShadowExchange
from extproc.exchange.shelf import Shelf
from extproc.facts.given import read_given
from extproc.observe.logs import set_up_logs
from extproc.observe.metrics import Metrics
from extproc.observe.redact import redact_error
from extproc.outcome.last_used import LastUsed
from extproc.outcome.rollouts import Rollouts
from extproc.protocol.replies import ImmediateReply
from extproc.refusal import Reason, Refusal
from extproc.rewrite.refusals import immediate
from extproc.snapshot import Proxy, Snapshot
from extproc.stores.rollout_memory import RolloutMemory
from extproc.transport.contract import ByteStream, RecordSink
from extproc.transport.listen import ListenError
from extproc.transport.serving import new_server
from extproc.wire.log_stream import LogStream
from extproc.wire.stream import ProcessorStream

_log = logging.getLogger("extproc")
_HANDLERS: Mapping[str, Callable[[Desk], AttemptExchange | ErrorExchange | ShadowExchange]] = {
    names.FILTER_ATTEMPT: AttemptExchange,
    names.FILTER_ERRORS: ErrorExchange,
    names.FILTER_SHADOW: ShadowExchange,
}
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
    return _opened(compiled.snapshot, settings)


def _opened(snapshot: Snapshot, settings: ProcessorSettings) -> Snapshot:
    return replace(snapshot, open=True) if settings.open_to_strangers else snapshot


def _memory_of(settings: ProcessorSettings) -> RolloutMemory | None:
    """Under `up` beside the snapshot, where it lives as long as the run does; alone, canaries begin anew with us."""
    return RolloutMemory(settings.snapshot_file.with_name("canaries")) if settings.snapshot_file is not None else None


def new_exchange_id() -> str:
    """Sorts by time, and cannot be guessed."""
    return f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(8)}"


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
        self._loaded_at = time.monotonic()
        self._problem: str | None = None
        self._draining = False
        self._held_keys = HeldKeys(compiled.keys if compiled is not None else None)
        self._webhooks = Webhooks(lambda name: self._desk.key(name), self._metrics, self._way_to_webhook)
        self._rollouts = Rollouts(
            self._shelf.get, time.monotonic, self._metrics, self._webhooks.announce, _memory_of(settings)
        )
        last_used = LastUsed()
        self._probing = new_probing(self._metrics, lambda name: self._desk.key(name), last_used.of)
        self._books = ExchangeBooks(
            self._shelf, self._metrics, sys.stdout, time.monotonic, self._probing, last_used, self._rollouts
        )
        self._pages = HealthPages(
            self._shelf, self._books.observations, self._probing, time.monotonic, time.time, lambda: self._draining
        )
        fed = settings.snapshot_file is not None or self._feeding is not None
        self._agreement = Agreement(self._shelf, self._metrics, time.monotonic, in_order=fed)
        self._desk = Desk(
            agreement=self._agreement,
            shelf=self._shelf,
            books=self._books,
            now=time.monotonic,
            epoch=time.time,
            draw=random.random,
            new_id=new_exchange_id,
            key=self._held_keys if settings.keys is None else FileKeys(settings.keys),
            pages=self._pages,
        )
        self._expiries = Expiries(self._metrics, time.time)
        self._expiries.look(first)
        self._server = new_server(
            settings.listen,
            self._open_stream,
            self._open_log,
            self._broken,
            tls=settings.hop.tls,
            socket_mode=settings.hop.socket_mode,
        )

    async def run(self) -> None:
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ending.set)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._webhooks.close)
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
            stack.push_async_callback(self._probing.stop)
            self._probing.use(self._shelf.current)
            ever = (self._tick(), self._watch(), self._look_at_certificates())
            for work in (*ever, self._end_with_parent(ending), self._load_vocabularies()):
                task = asyncio.ensure_future(work)
                task.add_done_callback(self._surface)
                stack.callback(task.cancel)
            _spare_the_collector()
            await ending.wait()
            await self._say_goodbye(ending)
            await self._server.drain(self._settings.drain)
            self._books.flush()

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
            swap=self._swap_bytes if private else None,
            rejected=self._rejected if private else None,
        )
        admin = HttpServer(app, self._settings.admin)
        await admin.start()
        return admin

    # --- streams -----------------------------------------------------------------------------------------------------

    def _open_stream(self, metadata: Mapping[str, str]) -> ByteStream:
        filter_name = metadata.get(names.FILTER_METADATA, names.FILTER_ROUTER)
        handler = self._handler(filter_name, metadata)

        def on_bug(bug: BaseException) -> ImmediateReply:
            self._metrics.bug()
            _log.error("a bug in exchange %s", handler.id, exc_info=bug)
            refusal = Refusal(
                Reason.INTERNAL_ERROR, f"an error of the gateway's own; its log has it under {handler.id}"
            )
            return immediate(refusal, "openai", handler.id)

        stream = ProcessorStream(handler, on_bug, answers_only=filter_name == names.FILTER_ERRORS)
        return Counted(stream, filter_name, self._metrics)

    def _handler(
        self, filter_name: str, metadata: Mapping[str, str]
    ) -> AttemptExchange | ErrorExchange | RouterExchange | ShadowExchange:
        if (made := _HANDLERS.get(filter_name)) is not None:
            return made(self._desk)
        portable = metadata.get(names.FORM_METADATA) == names.FORM_PORTABLE
        return RouterExchange(self._desk, read_given(metadata), portable=portable)

    def _open_log(self) -> RecordSink:
        return LogStream(self._books.record)

    def _broken(self, error: BaseException) -> None:
        _log.warning("a stream ended with an error: %s", redact_error(error))

    # --- snapshots ---------------------------------------------------------------------------------------------------

    def _swap(self, snapshot: Snapshot) -> None:
        self._shelf.put(snapshot)
        self._loaded_at = time.monotonic()
        self._problem = None
        self._books.use(snapshot)
        self._expiries.look(snapshot)
        self._probing.use(snapshot)

    def _swap_bytes(self, data: bytes) -> str:
        snapshot = decode_snapshot(data)
        self._swap(snapshot)
        self._metrics.config_reload("ok")
        return snapshot.id

    def _rejected(self) -> None:
        self._metrics.config_reload("rejected")

    def _way_to_webhook(self, strategy: str) -> Proxy | None:
        spec = self._shelf.current.strategies.get(strategy)
        return None if spec is None else spec.webhook_proxy

    async def _watch(self) -> None:
        """Standing alone we follow the file ourselves; under `up` the supervisor tells us."""
        if self._settings.source is None or self._settings.snapshot_file is not None:
            return
        loaded = load(self._settings.source, os.environ)
        seen = fingerprint(self._settings.source, loaded.files)
        await self._follow(loaded)  # it may have been edited since we were started with it
        followed = list(loaded.files)
        async for _ in changes(self._settings.source, lambda: tuple(followed), since=seen):
            loaded = load(self._settings.source, os.environ)
            followed[:] = loaded.files or followed
            await self._follow(loaded)

    async def _follow(self, loaded: Loaded) -> None:
        if loaded.compiled is None:
            self._refuse_configuration("; ".join(str(problem) for problem in loaded.problems))
            return
        self._held_keys.use(loaded.compiled.keys)
        new = _opened(loaded.compiled.snapshot, self._settings)
        same = new.id == self._shelf.current.id
        if self._feeding is not None:
            why = await self._feeding.change(loaded.compiled, lambda: self._swap(new), same=same)
            if why is not None:
                self._refuse_configuration(why)
                return
        elif not same:
            self._swap(new)
        self._problem = None
        if not same:
            self._metrics.config_reload("ok")
            _log.info("configuration %s is in force", new.id)

    def _refuse_configuration(self, why: str) -> None:
        self._problem = why
        self._metrics.config_reload("rejected")
        _log.error("the new configuration is not used: %s", why)

    def _ready(self) -> dict[str, object]:
        return {
            "status": self._status(),
            "config": {
                "hash": self._shelf.current.id,
                "age_seconds": round(time.monotonic() - self._loaded_at, 1),
                "error": self._problem,
            },
            "processors": [{"pid": os.getpid()}],
            "envoys": self._agreement.document(),
            **({"envoy": self._feeding.document()} if self._feeding is not None else {}),
        }

    def _status(self) -> str:
        if self._draining:
            return "draining"
        return "ready" if self._feeding is None or self._feeding.live else "not ready"

    # --- time and the end --------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._books.tick(self._shelf.current)
            self._metrics.provider_health(self._probing.states())

    async def _look_at_certificates(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
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
