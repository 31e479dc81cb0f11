"""`extproc up`, put together: origin → run directory → demo → supervisor → admin port → watching, until a signal.

Law: what was started last ends first, on every way out; nothing of a run is left behind.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from extproc.api.gateway import gateway_app
from extproc.api.listening import AddressInUse, HttpServer, free_or_raise, free_udp_or_raise
from extproc.app.hangup import on_hangup, renewing
from extproc.app.init_system import READY, STOPPING, InitSystem
from extproc.app.origin import Origin, find_origin, read_origin
from extproc.app.reaching import reached
from extproc.app.rendering import DEFAULT_PORT, LOOPBACK_HOST, Listening, configured
from extproc.app.worker_command import gateway_workers
from extproc.config.compile import Compiled
from extproc.config.load import Loaded
from extproc.config.watch import Fingerprint, changes, fingerprint
from extproc.dataplane.ca import NoCaBundle
from extproc.dataplane.children import Child, start_child
from extproc.dataplane.envoy import EnvoyFailed, EnvoyMissing, find_envoy
from extproc.dataplane.machine import memory, note_few_descriptors, raise_descriptor_limit
from extproc.dataplane.run_directory import RunDirectory, new_run_directory
from extproc.dataplane.start import CannotStart, Started, refuse_strangers
from extproc.dataplane.supervise import Address, Configured, Supervisor
from extproc.dataplane.worker import ProcessorFailed
from extproc.observe.logs import set_up_logs

_log = logging.getLogger("extproc")
_envoy_log = logging.getLogger("envoy")


@dataclass(frozen=True, slots=True)
class UpSettings:
    source: Path | None
    host: str | None
    port: int | None
    admin_host: str
    admin_port: int
    drain: float
    open_to_strangers: bool
    envoy: str | None
    access_log: str
    concurrency: int | None
    workers: int = 1


async def run_gateway(settings: UpSettings, welcome: Callable[[Started], None]) -> None:
    """Raises CannotStart; returns when a signal asked it to end."""
    set_up_logs(sys.stderr)
    descriptors = raise_descriptor_limit()  # Envoy and the processors inherit it
    try:
        binary = find_envoy(settings.envoy)
        origin = find_origin(settings.source, os.environ)
        run = _new_run_directory()
        try:
            async with contextlib.AsyncExitStack() as stack:
                await _Gateway(settings, binary, origin, run, stack, descriptors).run(welcome)
        finally:
            run.remove()
    except (EnvoyMissing, EnvoyFailed, ProcessorFailed, AddressInUse, NoCaBundle) as error:
        raise CannotStart(str(error)) from None


def _new_run_directory() -> RunDirectory:
    try:
        return new_run_directory()
    except OSError as error:
        raise CannotStart(f"the run's private directory cannot be made: {error.strerror}; TMPDIR says where") from None


class _Gateway:
    def __init__(
        self,
        settings: UpSettings,
        binary: str,
        origin: Origin,
        run: RunDirectory,
        stack: contextlib.AsyncExitStack,
        descriptors: int | None,
    ) -> None:
        self._settings = settings
        self._binary = binary
        self._origin = origin
        self._run = run
        self._stack = stack
        self._descriptors = descriptors
        self._ending = asyncio.Event()
        self._rotated = asyncio.Event()
        self._asked_to_renew = asyncio.Event()
        self._init_system = InitSystem(os.environ)

    async def run(self, welcome: Callable[[Started], None]) -> None:
        self._listen_to_signals()
        if self._origin.demo:
            await self._stack.enter_async_context(_demo(self._run.demo))
        loaded = read_origin(self._origin, os.environ, self._run.demo)
        seen = fingerprint(self._origin.source, loaded.files) if self._origin.source is not None else ()
        if loaded.compiled is None:
            raise CannotStart(*[str(problem) for problem in loaded.problems])
        listening = self._listening(loaded)
        first = self._configured(loaded.compiled, listening)
        refuse_strangers(listening.host, first.snapshot)
        note_few_descriptors(first.snapshot.listen.limits.connections, self._descriptors)
        free_or_raise(listening.host, listening.port, "--port or --host")
        if first.snapshot.listen.http3:
            free_udp_or_raise(listening.host, listening.port)
        admin_at = Address(self._settings.admin_host, self._settings.admin_port)
        free_or_raise(admin_at.host, admin_at.port, "--admin-port or --admin-host")
        supervisor = self._supervisor(listening)
        admin = HttpServer(gateway_app(supervisor, supervisor.statistics), f"{admin_at.host}:{admin_at.port}")
        self._stack.callback(asyncio.ensure_future(self._init_system.watch(supervisor.is_alive)).cancel)
        self._stack.push_async_callback(supervisor.stop)
        if not await self._unless_ended(supervisor.start(first)):
            return
        await admin.start()
        self._stack.push_async_callback(admin.stop)
        address = Address(listening.host, listening.port, first.snapshot.listen.tls is not None)
        welcome(
            Started(
                address=address.local,
                admin=admin_at.local,
                snapshot=first.snapshot,
                origin=self._origin.text,
                notes=loaded.notes,
                reached=reached(address, first.snapshot.listen.tls, loaded.compiled.listener.pair),
            )
        )
        self._init_system.tell(READY, f"STATUS=serving on {listening.host}:{listening.port}")
        self._stack.callback(self._init_system.tell, STOPPING)
        await self._stack.enter_async_context(renewing(self._asked_to_renew, supervisor.replace_workers))
        await self._until_ended(
            supervisor,
            self._watch(supervisor, listening, loaded, seen),
            self._reopen_logs(supervisor),
        )

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ending.set)
        loop.add_signal_handler(signal.SIGUSR1, self._rotated.set)
        on_hangup(self._asked_to_renew.set, self._ending.set)

    def _listening(self, loaded: Loaded) -> Listening:
        assert loaded.compiled is not None
        listen = loaded.compiled.snapshot.listen
        return Listening(
            host=self._settings.host or listen.host or LOOPBACK_HOST,
            port=self._settings.port or listen.port or DEFAULT_PORT,
            access_log=self._settings.access_log,
            memory=memory(),
            descriptors=self._descriptors,
        )

    def _configured(self, compiled: Compiled, listening: Listening) -> Configured:
        return configured(
            compiled,
            self._run,
            listening,
            open_to_strangers=self._settings.open_to_strangers,
            workers=self._settings.workers,
        )

    def _supervisor(self, listening: Listening) -> Supervisor:
        return Supervisor(
            self._run,
            gateway_workers(self._run, self._settings.workers, self._settings.drain),
            Address(listening.host, listening.port),
            envoy_binary=self._binary,
            concurrency=self._settings.concurrency or max(1, min(4, os.cpu_count() or 1)),
            drain=self._settings.drain,
            said=_envoy_said,
        )

    async def _unless_ended(self, work: Awaitable[None]) -> bool:
        """Does the work unless a signal comes first; True when it was done."""
        task = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._ending.wait())
        await asyncio.wait({task, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return False
        task.result()
        return True

    async def _reopen_logs(self, supervisor: Supervisor) -> None:
        """At each SIGUSR1, as log rotation sends it."""
        while await self._rotated.wait():
            self._rotated.clear()
            await supervisor.reopen_logs()

    async def _until_ended(self, supervisor: Supervisor, *beside: Awaitable[None]) -> None:
        ending = asyncio.ensure_future(self._ending.wait())
        envoy = asyncio.ensure_future(supervisor.envoy_ended())
        watching = [asyncio.ensure_future(work) for work in beside]
        try:
            await asyncio.wait({ending, envoy, *watching}, return_when=asyncio.FIRST_COMPLETED)
            for work in watching:
                if work.done():
                    work.result()
            if envoy.done() and not ending.done():
                raise EnvoyFailed(f"Envoy ended by itself with exit code {envoy.result()}: {supervisor.last_words()}")
        finally:
            for task in (ending, envoy, *watching):
                task.cancel()

    async def _watch(self, supervisor: Supervisor, listening: Listening, first: Loaded, seen: Fingerprint) -> None:
        """Follows the source and the secret files; a reload takes effect whole, or says why it did not.

        `seen` is what they were when they were read: what was edited while everything started is a change too.
        """
        if self._origin.source is None:
            await self._ending.wait()
            return
        followed, told = list(first.files), set(first.notes)
        assert first.compiled is not None
        udp_is_ours = first.compiled.snapshot.listen.http3
        async for _ in changes(self._origin.source, lambda: tuple(followed), since=seen):
            loaded = read_origin(self._origin, os.environ, self._run.demo)
            followed[:] = loaded.files or followed
            if loaded.compiled is None:
                await supervisor.refuse("; ".join(str(problem) for problem in loaded.problems))
                continue
            try:
                new = self._configured(loaded.compiled, listening)
                refuse_strangers(listening.host, new.snapshot)
                if new.snapshot.listen.http3 and not udp_is_ours:
                    free_udp_or_raise(listening.host, listening.port)
            except (CannotStart, AddressInUse, NoCaBundle) as error:
                await supervisor.refuse(str(error))
                continue
            notes = (*loaded.notes, *_at_the_next_start(listening, self._listening(loaded)))
            for note in notes:
                if note not in told:
                    _log.warning("note: %s", note)
            told = set(notes)
            # Without HTTP/3 Envoy keeps the port for what is open, and takes it from itself when HTTP/3 comes back.
            udp_is_ours = udp_is_ours or new.snapshot.listen.http3
            await supervisor.change(new)


def _at_the_next_start(now: Listening, then: Listening) -> tuple[str, ...]:
    """What of the file waits for a restart: an address is nothing that a client could be moved from."""
    if (now.host, now.port) == (then.host, then.port):
        return ()
    here, there = Address(now.host, now.port).authority, Address(then.host, then.port).authority
    return (f"listen: clients connect at {here} until the next start of extproc up, and then at {there}",)


def _envoy_said(level: str, text: str) -> None:
    """Envoy's own log, among ours. It is left at warnings; what it says of its admin socket and limits is no news."""
    severe = level in ("error", "critical")
    _envoy_log.log(logging.ERROR if severe else logging.WARNING if "rejected" in text else logging.DEBUG, "%s", text)


@contextlib.asynccontextmanager
async def _demo(sockets: Path) -> AsyncIterator[Child]:
    """The demo providers, in a process of their own."""
    child = await start_child(
        "demo", [sys.executable, "-m", "extproc.demo", "--dir", str(sockets)], stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.process.stdout is not None
        if not await asyncio.wait_for(child.process.stdout.readline(), 20):
            raise CannotStart("the demo providers did not start; what they said stands above")
        yield child
    finally:
        await child.stop(2.0)
