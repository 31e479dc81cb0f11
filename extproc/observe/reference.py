"""docs/metrics.md, made from the tables that the code itself uses. `python -m extproc.observe.reference` writes it."""

import sys
from pathlib import Path
from typing import Final

from extproc.observe.decision_log import FIELDS, LONGEST_LINE
from extproc.observe.envoy_statistics import ENVOY_STATISTICS
from extproc.observe.envoy_table import ENVOY_METRICS
from extproc.observe.labels import NONE, OTHER
from extproc.observe.metric_table import METRICS

PAGE: Final = Path("docs") / "metrics.md"
COMMAND: Final = "python -m extproc.observe.reference"


def page() -> str:
    lines = [
        "# Metrics and the decision log",
        "",
        f"<!-- Made by `{COMMAND}`; change the tables in extproc/observe, not this page. -->",
        "",
        "## Metrics",
        "",
        "`GET /metrics` on the admin port, in Prometheus' text form. A label's value is a name of the configuration",
        f"or a word of this page, `{NONE}` where there is none, and `{OTHER}` for every name that the configuration",
        "does not hold: no caller can make a new series. A model that a glob lists counts under the glob.",
        "",
        "| name | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for metric in METRICS:
        labels = " ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.type} | {labels} | {metric.doc} |")
    lines += [*_refused_by_envoy(), *_of_envoy(), *_of_decisions()]
    return "\n".join(lines) + "\n"


def _refused_by_envoy() -> list[str]:
    lines = [
        "",
        "### Of Envoy itself",
        "",
        "Under `extproc up` the same page tells what Envoy did alone, before it asked a processor:",
        "",
        "| name | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for each in ENVOY_METRICS:
        values = " ".join(f"`{value}`" for value, _ in each.stats if value)
        labelled = f"`{each.label}`: {values}" if each.label else ""
        lines.append(f"| `{each.name}` | {each.type} | {labelled} | {each.doc} |")
    return lines


def _of_envoy() -> list[str]:
    lines = [
        "",
        "## Envoy's own statistics",
        "",
        "`GET /metrics/envoy` on the admin port of `extproc up` is what Envoy counts, in the same form;",
        "`/metrics/envoy?usedonly` leaves out what was never counted. `/metrics` stays the processor's: scrape both,",
        "as two jobs. Nothing else of Envoy's admin interface comes out: it could stop Envoy, and shows secrets.",
        "",
        "`provider` is the name of a provider or service as you wrote it. Its numbers go on through a reload, also",
        "when it changes; what is removed from the configuration goes away. A shadow's copies are counted apart, as",
        "`envoy_cluster_shadow_…`. Histograms are renewed every 5 s. The clusters `processor` and `sink` have no",
        "`provider`. A dashboard of these is [envoy/grafana/dashboard.json](../envoy/grafana/dashboard.json). There",
        "are many more; these say most:",
        "",
        "| name | labels | meaning |",
        "|---|---|---|",
    ]
    for one in ENVOY_STATISTICS:
        lines.append(f"| `{one.name}` | {' '.join(f'`{label}`' for label in one.labels)} | {one.doc} |")
    return lines


def _of_decisions() -> list[str]:
    return [
        "",
        "## The decision log",
        "",
        "One line of JSON on standard output for each exchange, when it has ended; on a terminal a short line for",
        f"people instead. A line is never longer than {LONGEST_LINE // 1024} KiB, and never holds a prompt, a key or a",
        "header. Fields that have nothing to say are left out.",
        "",
        "| field | meaning |",
        "|---|---|",
        *(f"| `{name}` | {doc} |" for name, doc in FIELDS.items()),
    ]


def main(arguments: list[str]) -> None:
    path = Path(arguments[0]) if arguments else PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
