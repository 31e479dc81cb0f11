"""The count of what was compared, as lines of text."""

from collections.abc import Iterator, Sequence

from tests.replay.judging import Tally


def lines(tally: Tally, sizes: Sequence[int]) -> Iterator[str]:
    different: dict[tuple[str, str, int], int] = {}
    for each in tally.different:
        place = (each.fitting.provider, each.fitting.endpoint, each.size)
        different[place] = different.get(place, 0) + 1
    yield f"{'provider':<12}{'endpoint':<14}{'pieces of':>10}{'equal':>8}{'different':>11}"
    for provider, endpoint in sorted({place[:2] for place in (*tally.equal, *different)}):
        for size in sizes:
            place = (provider, endpoint, size)
            name = str(size or "whole")
            yield f"{provider:<12}{endpoint:<14}{name:>10}{tally.equal.get(place, 0):>8}{different.get(place, 0):>11}"
    yield f"{'all':<36}{sum(tally.equal.values()):>8}{len(tally.different):>11}"
    for (provider, reason), count in sorted(tally.skipped.items()):
        yield f"skipped {count:>4} × {provider}: {reason}"


def details(tally: Tally) -> Iterator[str]:
    """Each difference: which recording, at which size, what."""
    for each in tally.different:
        recording = each.fitting.recording
        yield f"{recording.provider} {each.fitting.endpoint}, line {recording.number}, pieces of {each.size or 'all'}"
        yield f"  {recording.source}"
        yield from (f"  {what}" for what in each.what)
