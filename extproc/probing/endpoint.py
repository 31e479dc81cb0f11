"""One endpoint of a provider: what was found out of it, and the next probe.

Law: a probe is good or failed by what the endpoint says of its health; numbers that cannot be had change nothing of
that. What is not there is not asked for again for a while.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from extproc.decision.health import ProbedHealth
from extproc.decision.plan import Measure, fresh
from extproc.probing.connection import Answer
from extproc.probing.failures import NotAsked, Unanswered
from extproc.probing.numbers import Numbers, read_stats
from extproc.probing.pages import HEALTH, METRICS, STATS, is_absent, models_page, pages_of, verdict
from extproc.probing.servers import Scrape, read_metrics, told
from extproc.snapshot import Endpoint, HealthSpec, Provider

ABSENT_FOR: Final = 600.0  # seconds
_log = logging.getLogger("extproc.probing")


class Asking(Protocol):
    """How a page is got; probing.connection answers to this."""

    async def get(self, path: str, headers: Mapping[str, str], *, read: bool) -> Answer: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SeenEndpoint:
    """What probes know of an endpoint, for workers that do not probe themselves."""

    name: str
    health: ProbedHealth
    probed_at: float | None
    took: float | None
    queue_depth: Measure | None
    tokens_per_second: Measure | None
    latency_p95: Measure | None


class ProbedEndpoint:
    def __init__(
        self,
        provider: Provider,
        endpoint: Endpoint,
        asking: Asking,
        shown: Callable[[Provider, str], Mapping[str, str]],
        now: Callable[[], float],
    ) -> None:
        """`shown`: the headers that a GET of a path has, so that it shows what requests show."""
        self._provider = provider
        self._pages = pages_of(provider)
        self._asking = asking
        self._shown = shown
        self._now = now
        self._absent: dict[str, float] = {}  # page → when it is asked for again
        self._answered: set[str] = set()  # pages of numbers that did, in whatever way
        self._scrape: Scrape | None = None
        self.name = endpoint.host if endpoint.scheme == "unix" else f"{endpoint.host}:{endpoint.port}"
        self.health = ProbedHealth(provider.health or HealthSpec())
        self.probed_at: float | None = None
        self.took: float | None = None  # seconds until it said how it is, of the latest good probe
        self.queue_depth: Measure | None = None
        self.tokens_per_second: Measure | None = None
        self.latency_p95: Measure | None = None

    async def probe(self, *, lenient: bool = False) -> bool:
        """True: it is well. `lenient`: a failure does not count, because it is waking up."""
        began = self._now()
        try:
            note = await self._ask_health()
        except NotAsked as error:
            self.health = self.health.not_asked(str(error))
            return False
        except Unanswered as error:
            self.probed_at = self._now()
            if not lenient:
                self.health = self.health.failed(str(error))
            return False
        self.probed_at = self._now()
        self.took = self.probed_at - began
        self.health = self.health.succeeded(note)
        self._keep(await self._ask_numbers())
        return True

    def seen(self) -> SeenEndpoint:
        return SeenEndpoint(
            self.name,
            self.health,
            self.probed_at,
            self.took,
            self.queue_depth,
            self.tokens_per_second,
            self.latency_p95,
        )

    def stand(self, seen: SeenEndpoint) -> None:
        """As another has seen it, where it probes by the same settings."""
        if (seen.name, seen.health.spec) != (self.name, self.health.spec):
            return
        self.health, self.probed_at, self.took = seen.health, seen.probed_at, seen.took
        self.queue_depth, self.tokens_per_second = seen.queue_depth, seen.tokens_per_second
        self.latency_p95 = seen.latency_p95

    def fall_asleep(self) -> None:
        self.health = self.health.asleep()
        self._scrape = None

    async def close(self) -> None:
        await self._asking.close()

    # --- is it well --------------------------------------------------------------------------------------------------

    async def _ask_health(self) -> str:
        """What there is to say of it although it is well. Raises Unanswered where it is not."""
        if self._pages.named is not None:
            return await self._ask_page(self._pages.named, named=True) or ""
        page = self._pages.at(HEALTH)
        if not self._is_absent(page):
            said = await self._ask_page(page, named=False)
            if said is not None:
                return said
            self._set_aside(page)
        models = models_page(self._provider)
        said = await self._ask_page(models, named=False)
        return "answers, and has no page about its health" if said is None else said

    async def _ask_page(self, page: str, *, named: bool) -> str | None:
        """A note, or nothing to say; None: there is no such page."""
        answer = await self._get(page, read=False)
        found = verdict(answer.status, page, named=named)
        if found.state == "failed":
            raise Unanswered(found.why)
        return None if found.state == "absent" else found.why

    # --- its numbers -------------------------------------------------------------------------------------------------

    async def _ask_numbers(self) -> Numbers:
        numbers = await self._stats() or Numbers()
        if numbers.complete:
            return numbers
        return numbers.completed_by(await self._metrics() or Numbers())

    async def _stats(self) -> Numbers | None:
        body = await self._page(self._pages.at(STATS))
        found = read_stats(body) if body is not None else None
        if body is not None and found is None:
            _log.debug("%s at %s: /stats holds no numbers", self._provider.name, self.name)
        return found

    async def _metrics(self) -> Numbers | None:
        body = await self._page(self._pages.at(METRICS))
        if body is None:
            return None
        before, self._scrape = self._scrape, read_metrics(body, self._now())
        found = told(before, self._scrape)
        if found is None:
            _log.debug("%s at %s: /metrics holds no numbers that are known", self._provider.name, self.name)
        return found

    async def _page(self, page: str) -> bytes | None:
        if self._is_absent(page):
            return None
        try:
            answer = await self._get(page, read=True)
        except Unanswered as error:
            _log.debug("%s at %s: %s: %s", self._provider.name, self.name, page, error)
            if page not in self._answered:
                self._set_aside(page)  # who never answered there would cost each round its time
            return None
        self._answered.add(page)
        if is_absent(answer.status):
            self._set_aside(page)
        elif answer.status == 200 and not answer.whole:
            _log.debug("%s at %s: %s is too long to be read", self._provider.name, self.name, page)
        return answer.body if answer.status == 200 and answer.whole else None

    def _keep(self, numbers: Numbers) -> None:
        """What was not told stays as it was, and gets stale by itself."""
        at = self._now()
        if numbers.queue_depth is not None:
            self.queue_depth = Measure(numbers.queue_depth, at)
        if numbers.latency_p95 is not None:
            self.latency_p95 = Measure(numbers.latency_p95, at)
        speed, known = numbers.tokens_per_second, fresh(self.tokens_per_second, at)
        if speed is not None and not (numbers.at_least and known is not None and known >= speed):
            self.tokens_per_second = Measure(speed, at)

    # --- pages -------------------------------------------------------------------------------------------------------

    async def _get(self, page: str, *, read: bool) -> Answer:
        return await self._asking.get(page, self._shown(self._provider, page), read=read)

    def _is_absent(self, page: str) -> bool:
        return self._now() < self._absent.get(page, 0.0)

    def _set_aside(self, page: str) -> None:
        self._absent[page] = self._now() + ABSENT_FOR
