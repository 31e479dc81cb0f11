"""`make bench`: every benchmark, as tables on a terminal and JSON when piped."""

import json
import sys

from rich.console import Console
from rich.table import Table

from bench import gateway, transport


def main() -> None:
    out = Console()
    progress = Console(stderr=True)
    progress.print("[dim]measuring the transport alone[/]")
    transport_rows = [(name, f"{value:.1f}", unit) for name, value, unit in transport.run()]
    progress.print("[dim]measuring the gateway against a plain Envoy (about a minute)[/]")
    columns, rows, memory = gateway.run()
    if not sys.stdout.isatty():
        print(
            json.dumps({"transport": transport_rows, "gateway": {"columns": columns, "rows": rows, "memory": memory}})
        )
        return
    out.print(_table("transport: a no-op exchange", ("figure", "value", "unit"), transport_rows))
    out.print(_table("gateway: CPU and latency for each exchange", columns, rows))
    out.print(memory)


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table


main()
