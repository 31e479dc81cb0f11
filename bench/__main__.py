"""`make bench`: every benchmark, as tables on a terminal and JSON when piped. Progress goes to standard error."""

import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bench import deciding, gateway, pure, transport


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways of being told to stop clean up
    progress = Console(stderr=True)
    try:
        with progress.status("the transport alone", spinner="line") as status:
            no_op = transport.run()
            status.update("translation and counting by themselves")
            alone = pure.run()
            status.update("decisions by themselves")
            decisions = deciding.run()
            report = gateway.run(status.update)
    except KeyboardInterrupt:
        progress.print("stopped; everything that was started has ended")
        raise SystemExit(130) from None
    if sys.stdout.isatty():
        _print(Console(), no_op, alone, decisions, report)
    else:
        rows = [row._asdict() for row in no_op]
        by_kind = {kind: asdict(row) for kind, row in decisions.items()}
        told = {"no_op_exchange": rows, "pure": asdict(alone), "decisions": by_kind, "gateway": asdict(report)}
        print(json.dumps(told))
    if failed := sum(row.failed for row in report.rows.values()):
        progress.print(f"[red]{failed:.0f} exchanges failed: these figures measure something else[/]")
        raise SystemExit(1)


def _print(
    out: Console,
    no_op: list[transport.Row],
    alone: pure.Report,
    decisions: dict[str, deciding.Row],
    report: gateway.Report,
) -> None:
    rows = [(row.name, f"{row.value:.0f}", row.unit) for row in no_op]
    out.print(_table("A no-op exchange of the processor alone", ("", "value", "unit"), rows))
    out.print()
    out.print(_table("Translation by itself", pure.PAIR_COLUMNS, pure.pair_cells(alone)))
    out.print()
    out.print(_table("Counting by itself", pure.COUNT_COLUMNS, pure.count_cells(alone)))
    out.print()
    out.print(_table("A decision by itself, µs of CPU", deciding.COLUMNS, deciding.cells(decisions)))
    out.print()
    out.print(_table("The gateway, for each exchange", gateway.COLUMNS, gateway.cells(report)))
    out.print(f"\nresident: processor {report.processor_mib:.0f} MiB, Envoy {report.envoy_mib:.0f} MiB")


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    main()
