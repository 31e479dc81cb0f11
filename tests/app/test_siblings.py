"""Several workers: what one is told all know, what happens once happens at one, and whoever dies is followed."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from extproc import names
from tests.app.family import Clock, Member, until
from tests.outcome.samples import CLAUDE, SMALL, attempt, exchange

HALF_OPEN = 3
SHUT_FOR = 60.0


@pytest.fixture
def directory():
    """Short, because a socket's path holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="w", dir="/tmp") as made:
        yield Path(made)


@pytest.fixture
async def family(directory: Path) -> AsyncIterator[list[Member]]:
    """Three, born one after the other."""
    clock = Clock()
    members = []
    for number in (1, 2, 3):
        members.append(await Member(directory, number, clock).join())
        clock.now += 1
    await until(lambda: all(len(one.siblings.relay.siblings) == 2 for one in members))
    yield members
    for one in members:
        await one.end()


def fail(first: Member, times: int = 3, begin: int = 100) -> None:
    for number in range(begin, begin + times):
        first.logs(attempt(SMALL, status=500, request_id=f"r{number}"))
        first.logs(exchange(SMALL, status=500, request_id=f"r{number}"))


# --- records ---------------------------------------------------------------------------------------------------------


async def test_all_learn_from_a_record_and_one_tells_it(family: list[Member]) -> None:
    """Decided at one, the attempt's record at another, the exchange's at the third."""
    one, two, three = family
    one.decides(SMALL)
    await until(lambda: all(member.sees(SMALL).in_flight == 1 for member in family))
    two.logs(attempt(SMALL))
    three.logs(exchange(SMALL, told={names.M_ID: "x1"}))
    await until(lambda: all(member.sees(SMALL).in_flight == 0 and member.sees(SMALL).errors for member in family))
    assert [member.told() for member in (one, two)] == [[], []]
    (line,) = three.told()
    assert line["target"] == "lab/small" and [tried["status"] for tried in line["attempts"]] == [200]
    counts = [sum(1 for _ in member.told()) for member in family]
    exchanges = [
        sum(s.value for f in m.metrics.registry.collect() for s in f.samples if s.name == "extproc_exchanges_total")
        for m in family
    ]
    assert counts == exchanges == [0, 0, 1]
    assert [m.metric("extproc_log_records_total", kind="attempt") for m in family] == [0, 1, 0]
    assert [m.metric("extproc_log_records_lost_total") for m in family] == [0, 0, 0]


async def test_an_attempt_that_failed_is_known_to_all_before_its_exchange_ends(family: list[Member]) -> None:
    one, two, _ = family
    for number in range(3):
        one.decides(SMALL, CLAUDE, number=number)
    await until(lambda: family[2].sees(SMALL).in_flight == 3 and two.sees(SMALL).in_flight == 3)
    for number in range(3):
        two.logs(attempt(SMALL, status=500, request_id=f"r{number}"))
    await until(lambda: all(member.sees(SMALL).breaker == "shut" for member in family))


async def test_the_record_of_whoever_died_is_told_by_who_received_it(family: list[Member]) -> None:
    one, two, three = family
    one.decides(SMALL)
    await until(lambda: two.sees(SMALL).in_flight == 1)
    await one.end()
    two.logs(attempt(SMALL), exchange(SMALL))
    await until(lambda: three.sees(SMALL).in_flight == 0)
    assert (len(two.told()), len(three.told())) == (1, 0)


# --- breakers --------------------------------------------------------------------------------------------------------


async def test_a_breaker_that_one_saw_open_opens_for_all(family: list[Member]) -> None:
    """Here two of them saw a success between the failures, which the third saw before them."""
    one, two, three = family
    fail(one, 2)
    await until(lambda: three.sees(SMALL).errors is not None)
    for member in (two, three):
        member._books._breakers.attempt(classified_ok(), member.clock.now)
    fail(one, 1, begin=200)
    await until(lambda: all(member.sees(SMALL).breaker == "shut" for member in family))


def classified_ok():
    from extproc.outcome.classify import classify

    return classify(attempt(SMALL), SMALL, 1)


async def test_a_half_open_breaker_lets_so_many_through_and_no_more(family: list[Member]) -> None:
    """Each worker that reserves tells the others: only what is decided within a message's way comes on top."""
    fail(family[0])
    await until(lambda: all(member.sees(SMALL).breaker == "shut" for member in family))
    family[0].clock.now += SHUT_FOR + 1
    let_through = 0
    for number in range(12):
        member = family[number % 3]
        if member.sees(SMALL).probes_left:
            member.books.reserve(SMALL, f"probe{number}")
            let_through += 1
            left = HALF_OPEN - let_through
            await until(lambda: all(one.sees(SMALL).probes_left == left for one in family))  # noqa: B023
    assert let_through == HALF_OPEN


# --- who leads -------------------------------------------------------------------------------------------------------


async def test_the_oldest_leads_and_is_followed(family: list[Member]) -> None:
    one, two, three = family
    assert [member.siblings.leads for member in family] == [True, False, False]
    one.siblings.leave()
    await until(lambda: two.siblings.leads)
    assert not one.siblings.leads and not three.siblings.leads
    await two.end()
    await until(lambda: three.siblings.leads)


async def test_who_comes_while_the_last_one_leaves_leads(directory: Path) -> None:
    clock = Clock()
    old = await Member(directory, 1, clock).join()
    old.siblings.leave()
    clock.now += 1
    new = await Member(directory, 2, clock).join()
    assert (old.siblings.leads, new.siblings.leads) == (False, True)
    await old.end()
    await new.end()


async def test_a_canary_is_moved_and_told_by_one_and_shared_by_all(family: list[Member]) -> None:
    for number in range(10):
        member = family[number % 3]
        this = {"request_id": f"r{number}"}
        member.logs(attempt(CLAUDE, status=500, **this), attempt(SMALL, at=0.1, **this))
        member.logs(exchange(CLAUDE, SMALL, told={names.M_STRATEGY: "split", names.M_ARM: "canary"}, **this))
    seen = [member.rollouts.windows for member in family]
    await until(lambda: all(sum(part[1] for part in each()["split", "canary"]) == 10 for each in seen))
    for member in reversed(family):
        member.tick()
    await until(lambda: all(member.share() == 0.0 for member in family))
    assert [[told.move.kind for told in member.moves] for member in family] == [["rollback"], [], []]
    moved = [m.metric("extproc_canary_moves_total", strategy="split", move="rollback") for m in family]
    counted = [m.metric("extproc_arm_exchanges_total", strategy="split", arm="canary", result="failed") for m in family]
    assert moved == [1, 0, 0] and counted == [4, 3, 3]


async def test_whoever_follows_the_leader_leaves_a_canary_where_it_was(family: list[Member]) -> None:
    one, two, three = family
    await test_a_canary_is_moved_and_told_by_one_and_shared_by_all(family)
    await one.end()
    await until(lambda: two.siblings.leads)
    two.tick()
    assert two.share() == three.share() == 0.0 and two.moves == []


async def test_one_probes_and_all_know(family: list[Member]) -> None:
    one, two, three = family
    (probed,) = [member.probing.probed("lab") for member in (one,)]
    assert probed is not None
    endpoint = probed.endpoints[0]
    for _ in range(3):
        endpoint.health = endpoint.health.failed("connection refused")
    one.tick()
    await until(lambda: all(member.sees(SMALL).health == "shut" for member in (two, three)))
    assert [len(member.probing._tasks) for member in family] == [1, 0, 0]
    await one.end()
    await until(lambda: two.siblings.leads)
    assert [len(member.probing._tasks) for member in (two, three)] == [1, 0]
    assert two.sees(SMALL).health == "shut", "what the one before found is not forgotten"


# --- who begins ------------------------------------------------------------------------------------------------------


async def test_who_begins_knows_what_the_others_do(family: list[Member], directory: Path) -> None:
    one, two, _ = family
    fail(one)
    two.decides(CLAUDE, number=50)
    two.logs(attempt(SMALL, request_id="r9", response_headers={"x-ratelimit-remaining-requests": "7"}))
    await test_a_canary_is_moved_and_told_by_one_and_shared_by_all(family)
    await until(lambda: one.sees(CLAUDE).in_flight >= 1 and one.sees(SMALL).breaker == "shut")
    new = await Member(directory, 4, one.clock).join()
    for target in (SMALL, CLAUDE):
        assert new.sees(target) == one.sees(target)
    assert new.share() == 0.0 and not new.siblings.leads
    await new.end()


async def test_who_begins_alone_begins_cold_and_at_once(directory: Path) -> None:
    alone = await Member(directory, 1, Clock()).join()
    assert alone.siblings.leads and alone.led == [True]
    alone.decides(SMALL)
    alone.logs(attempt(SMALL), exchange(SMALL))
    assert len(alone.told()) == 1
    await alone.end()


async def test_what_cannot_be_read_is_counted_and_changes_nothing(family: list[Member]) -> None:
    one, two, three = family
    for kind in range(1, 12):
        one.siblings.relay.tell(kind, b"\xc1 of another version")
    await until(lambda: two.metric("extproc_sibling_messages_lost_total") >= 6)
    assert two.metric("extproc_bugs_total") == three.metric("extproc_bugs_total") == 0
