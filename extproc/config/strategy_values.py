"""Single keys of a strategy → their values in the snapshot.

Law: kinds are written there by their own names, each once.
"""

from extproc.config.kinds import MEASURING, NEED_SETTINGS, kind_of
from extproc.config.problems import PathParts
from extproc.config.references import check_once, check_weights, kind_written
from extproc.config.report import Report
from extproc.config.schema_strategies import StickyBy, StrategyKeys


def ties_of(keys: StrategyKeys, kind: str, path: PathParts, report: Report) -> str | None:
    if keys.ties is None:
        return None
    ties = kind_written(keys.ties, (*path, "ties"), report)
    if ties == kind:
        report.add((*path, "ties"), f"`{ties}` is the kind whose equals it would order")
    elif ties in NEED_SETTINGS:
        report.add((*path, "ties"), f"`{ties}` breaks no ties")
    return ties


def scores_of(keys: StrategyKeys, kind: str, path: PathParts, report: Report) -> dict[str, float]:
    here = (*path, "scores")
    if kind == "blend" and not keys.scores:
        report.add(here, "is missing", "write which kinds count how much: {cost: 2, latency: 1}")
    scores: dict[str, float] = {}
    for name, share in keys.scores.items():
        scored = kind_written(name, (*here, name), report)
        if kind_of(name) is not None and scored not in MEASURING:
            report.add((*here, name), f"`{scored}` gives no scores", f"these do: {', '.join(sorted(MEASURING))}")
        elif scored in scores:
            report.add((*here, name), f"`{scored}` stands twice", "keep one")
        scores[scored] = share
    check_weights(keys.scores, here, report)
    return scores


def sticky_by_of(written: StickyBy | list[StickyBy], path: PathParts, report: Report) -> tuple[StickyBy, ...]:
    if isinstance(written, str):
        return (written,)
    if not written:
        report.add((*path, "sticky_by"), "must not be empty")
    check_once(written, (*path, "sticky_by"), report)
    return tuple(written)


def regions_of(written: str | list[str], path: PathParts, report: Report) -> tuple[str, ...]:
    regions = [written] if isinstance(written, str) else written
    if not regions or not all(regions):
        report.add((*path, "regions"), "must not be empty", "write the nearest first: [eu-west-1, eu-*]")
    check_once(regions, (*path, "regions"), report)
    return tuple(regions)
