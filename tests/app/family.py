"""Workers of one machine inside one process: each with its own books, probes and canaries, told apart by name."""

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from extproc import names
from extproc.app.books import ExchangeBooks
from extproc.app.shared_books import SharedBooks
from extproc.app.siblings import Siblings
from extproc.decision.plan import Observation, Plan, Step
from extproc.exchange.shelf import Shelf
from extproc.facts.request import Facts
from extproc.observe.metrics import Metrics
from extproc.outcome.last_used import LastUsed
from extproc.outcome.pending import Decided
from extproc.outcome.record import Record
from extproc.outcome.rollouts import Rollouts, Told
from extproc.probing.board import Probing
from extproc.snapshot import BreakerSpec, Criteria, HealthSpec, RolloutSpec, Snapshot, StrategySpec, Target
from extproc.wire.log_stream import LogStream
from extproc.wire.pb import access_log_pb2 as log
from extproc.wire.pb.access_log_service_pb2 import StreamAccessLogsMessage
from extproc.wire.structs import write_struct
from tests.outcome.samples import CLAUDE, SMALL, SNAPSHOT
from tests.probing.scene import Scene

PATIENCE = 10.0
ROLLOUT = RolloutSpec((SMALL,), (CLAUDE,), share=0.1, criteria=Criteria(error_rate=0.1), min_samples=10)
LAB = replace(SNAPSHOT.providers["lab"], breaker=BreakerSpec(3, 60.0, 3), health=HealthSpec())
WORLD = replace(
    SNAPSHOT,
    providers={**SNAPSHOT.providers, "lab": LAB},
    strategies={"split": StrategySpec("split", "canary", rollout=ROLLOUT)},
)


class Clock:
    """The machine's, which all of them share."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Member:
    """One worker."""

    def __init__(self, directory: Path, number: int, clock: Clock, snapshot: Snapshot = WORLD) -> None:
        self.snapshot, self.clock = snapshot, clock
        self.metrics, self.lines = Metrics(), io.StringIO()
        self.moves: list[Told] = []
        self.led: list[bool] = []
        shelf = Shelf(snapshot)
        scene = Scene()
        self.probes: list[str] = []
        self.probing = Probing(scene.tools, scene.shown, self._connect)
        self.probing.lead(False)
        self.rollouts = Rollouts(shelf.get, clock, self.metrics, self._moved, leads=False)
        self._books = ExchangeBooks(
            shelf,
            self.metrics,
            self.lines,
            clock,
            self.probing,
            LastUsed(),
            self.rollouts,
            lambda target, breaker: self.siblings.tell_shut(target, breaker),
        )
        self.siblings = Siblings(
            directory, shelf, self._books, self.rollouts, self.probing, self.metrics, clock, self.led.append
        )
        self.siblings.relay.name = f"{number}.sock"
        self.books = SharedBooks(self._books, self.siblings.relay)

    def _moved(self, told: Told) -> None:
        self.moves.append(told)
        self.siblings.tell_standing()

    def _connect(self, provider: object, endpoint: object) -> Any:
        self.probes.append("connected")
        return Silent()

    async def join(self) -> "Member":
        self.probing.use(self.snapshot)
        await self.siblings.join()
        return self

    async def end(self) -> None:
        await self.probing.stop()
        await self.siblings.close()

    # --- what Envoy does with it -------------------------------------------------------------------------------------

    def decides(self, *targets: Target, number: int = 1) -> None:
        self.books.decided(decided(*targets, number=number))

    def logs(self, *records: Record) -> None:
        """Records come in on a stream of Envoy's: one for each kind."""
        for record in records:
            LogStream(self.books.record).feed(as_sent(record))

    def tick(self) -> None:
        self._books.tick(self.snapshot)
        self.siblings.tick(self.clock.now)

    # --- what it knows -----------------------------------------------------------------------------------------------

    def sees(self, target: Target) -> Observation:
        return self.books.observations(self.snapshot).of(target)

    def share(self) -> float:
        return self.books.observations(self.snapshot).shares["split"]

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


class Silent:
    """An endpoint that nobody asks in earnest."""

    async def get(self, *_: object, **__: object) -> Any:
        await asyncio.Event().wait()

    async def close(self) -> None: ...


def decided(*targets: Target, number: int = 1) -> Decided:
    plan = Plan(tuple(Step(target, "") for target in targets), "split", "why", 10.0, False, arm="canary")
    return Decided(f"x{number}", f"r{number}", "s1", "main", "chat", plan, Facts("main", "chat", "chat"), 0.001)


def as_sent(record: Record) -> bytes:
    entry = log.HTTPAccessLogEntry(
        common_properties={
            "upstream_cluster": record.cluster,
            "upstream_request_attempt_count": record.attempt,
            "route_name": record.route_name,
            "response_flags": dict.fromkeys(record.flags, True),
            "start_time": {"seconds": int(record.started_at), "nanos": int(record.started_at % 1 * 1e9)},
            "duration": {"nanos": 250_000_000},
            "access_log_type": log.DownstreamEnd if record.kind == "exchange" else log.UpstreamEnd,
        },
        request={"request_method": 3, "request_id": record.request_id},
        response={"response_code": {"value": record.status}},
    )
    if record.first_upstream_byte is not None:
        entry.common_properties.time_to_first_upstream_rx_byte.nanos = int(record.first_upstream_byte * 1e9)
    host, _, port = record.remote_address.rpartition(":")
    if host:
        address = entry.common_properties.upstream_remote_address.socket_address
        address.address, address.port_value = host, int(port)
    for space, told in record.metadata.items():
        write_struct(entry.common_properties.metadata.filter_metadata[space], told)
    sent = StreamAccessLogsMessage(http_logs={"log_entry": [entry]})
    sent.identifier.log_name = names.LOG_EXCHANGE if record.kind == "exchange" else names.LOG_ATTEMPT
    return sent.SerializeToString()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.005)
