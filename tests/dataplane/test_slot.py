"""A worker's place: who dies is followed, who is replaced goes last, and a replacement that fails changes nothing."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from extproc.dataplane.slot import Slot
from extproc.dataplane.worker import ProcessorFailed


class FakeWorker:
    """A worker without a process."""

    def __init__(self, number: int, story: list[str], fails: bool = False) -> None:
        self.number, self.story, self.fails = number, story, fails
        self.ended = asyncio.Event()
        self.pid = number

    def _say(self, what: str) -> None:
        self.story.append(f"{self.number} {what}")

    async def launch(self) -> None:
        self._say("launches")

    async def start(self) -> None:
        await self.launch()
        if self.fails:
            raise ProcessorFailed("it does not start")
        self._say("answers")

    async def until_it_ends(self) -> None:
        await self.ended.wait()

    async def stop(self) -> None:
        self.ended.set()
        self._say("stops")

    async def close(self) -> str:
        self._say("is gone")
        return f"counts of {self.number}"


class Place:
    def __init__(self, *fails: int) -> None:
        self.story: list[str] = []
        self.counted: list[str] = []
        self.workers: list[FakeWorker] = []
        self._fails = fails
        self.slot = Slot(self._make, self.counted.append)

    def _make(self) -> Any:
        number = len(self.workers) + 1
        self.workers.append(FakeWorker(number, self.story, number in self._fails))
        return self.workers[-1]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_replaced_worker_goes_when_the_next_answers() -> None:
    place = Place()
    await place.slot.start()
    await place.slot.replace(asyncio.Lock())
    assert place.story == ["1 launches", "1 answers", "2 launches", "2 answers", "1 stops", "1 is gone"]
    assert place.counted == ["counts of 1"] and place.slot.worker.pid == 2
    assert [one.pid for one in place.slot.workers] == [2]
    await place.slot.stop()


async def test_a_replacement_that_does_not_start_leaves_the_old_one() -> None:
    place = Place(2)
    await place.slot.start()
    with pytest.raises(ProcessorFailed):
        await place.slot.replace(asyncio.Lock())
    assert place.slot.worker.pid == 1 and place.counted == []
    assert place.story[2:] == ["2 launches", "2 stops", "2 is gone"]
    place.workers[0].ended.set()
    await until(lambda: place.slot.worker.pid == 3)  # it is still kept
    await place.slot.stop()


async def test_who_dies_is_followed_and_what_it_counted_stays() -> None:
    place = Place()
    await place.slot.start()
    place.workers[0].ended.set()
    await until(lambda: "2 launches" in place.story)
    place.workers[1].ended.set()
    await until(lambda: "3 launches" in place.story)
    assert place.counted == ["counts of 1", "counts of 2"]
    await place.slot.stop()


async def test_a_new_one_that_dies_while_the_old_one_drains_is_followed() -> None:
    place = Place()
    await place.slot.start()
    draining = asyncio.Event()

    async def stop() -> None:
        await draining.wait()

    place.workers[0].stop = stop  # type: ignore[method-assign]
    replacing = asyncio.ensure_future(place.slot.replace(asyncio.Lock()))
    await until(lambda: "2 answers" in place.story)
    place.workers[1].ended.set()
    await until(lambda: "3 launches" in place.story)
    assert [one.pid for one in place.slot.workers] == [3, 1], "what it counts while it drains is counted"
    draining.set()
    await replacing
    assert place.slot.worker.pid == 3
    await place.slot.stop()


async def test_nobody_follows_when_all_end() -> None:
    place = Place()
    await place.slot.start()
    await place.slot.stop()
    await asyncio.sleep(0.1)
    assert place.story == ["1 launches", "1 answers", "1 stops", "1 is gone"]
