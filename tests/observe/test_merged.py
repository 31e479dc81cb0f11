"""The metrics of several workers as one."""

import pytest

from extproc.observe.merged import Departed, merged
from extproc.observe.metric_table import METRICS
from extproc.observe.metrics import Metrics


def values(exposition: str) -> dict[str, float]:
    lines = [line for line in exposition.splitlines() if line and not line.startswith("#")]
    assert len({line.rpartition(" ")[0] for line in lines}) == len(lines), "a series stands there twice"
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def exposed(*seconds: float, open_streams: int = 0, bugs: int = 0) -> str:
    metrics = Metrics()
    for each in seconds:
        metrics.decision(each)
    for _ in range(open_streams):
        metrics.stream_opened("router")
    for _ in range(bugs):
        metrics.bug()
    return metrics.expose().decode()


def test_counts_and_histograms_add_up() -> None:
    told = values(merged([exposed(0.0001, bugs=1), exposed(0.0001, 3.0, bugs=2)], Departed()))
    assert told["extproc_bugs_total"] == 3
    assert told["extproc_decision_seconds_count"] == 3
    assert told['extproc_decision_seconds_bucket{le="0.0001"}'] == 2
    assert told['extproc_decision_seconds_bucket{le="+Inf"}'] == 3
    assert told["extproc_decision_seconds_sum"] == pytest.approx(3.0002)


@pytest.mark.parametrize("metric", [one for one in METRICS if one.type == "gauge"], ids=lambda one: one.name)
def test_each_gauge_joins_as_its_table_says(metric) -> None:
    series = metric.name + ("{" + ",".join(f'{label}="x y"' for label in metric.labels) + "}" if metric.labels else "")
    told = values(merged([f"{series} 2.0\n", f"{series} 3.0\n"], Departed()))
    assert told == {series: {"sum": 5.0, "max": 3.0, "min": 2.0}[metric.join]}


def test_only_what_is_counted_now_adds_up_among_gauges() -> None:
    """All workers see the same targets: twice as many in flight would be a lie."""
    assert [one.name for one in METRICS if one.type == "gauge" and one.join == "sum"] == ["extproc_streams_open"]
    assert {one.join for one in METRICS if one.type != "gauge"} == {"sum"}


def test_what_one_counted_that_is_gone_stays_counted_and_its_gauges_go() -> None:
    departed = Departed()
    before = values(merged([exposed(0.1, open_streams=2, bugs=5), exposed(0.1, open_streams=1)], departed))
    departed.add(exposed(0.1, open_streams=2, bugs=5))
    after = values(merged([exposed(), exposed(0.1, open_streams=1)], departed))
    assert (before["extproc_bugs_total"], after["extproc_bugs_total"]) == (5, 5)
    assert before["extproc_decision_seconds_count"] == after["extproc_decision_seconds_count"] == 2
    assert (before['extproc_streams_open{filter="router"}'], after['extproc_streams_open{filter="router"}']) == (3, 1)


def test_a_worker_that_was_always_alone_tells_its_own() -> None:
    alone = exposed(0.1)
    assert merged([alone], Departed()) == alone


def test_what_is_merged_is_in_the_same_form() -> None:
    """Each metric's comments once, before all of its series, as Prometheus wants it."""
    lines = merged([exposed(0.1), exposed(0.1)], Departed()).splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert comments == [line for line in exposed().splitlines() if line.startswith("#")]
    at = lines.index("# TYPE extproc_decision_seconds histogram")
    assert lines[at + 1].startswith("extproc_decision_seconds_bucket")


def test_nobody_answers() -> None:
    departed = Departed()
    departed.add(exposed(bugs=1))
    assert values(merged([], departed))["extproc_bugs_total"] == 1
