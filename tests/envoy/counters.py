"""What Envoy itself counts, asked of its admin socket in the run's directory."""

import httpx

from extproc import names
from tests.envoy.gateway import Gateway

FILTERS = (names.FILTER_ROUTER, names.FILTER_ATTEMPT, names.FILTER_ERRORS)


def statistics(gateway: Gateway, pattern: str) -> dict[str, int]:
    """By name."""
    (run,) = gateway.runs.iterdir()
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(run / "envoy.sock")), base_url="http://envoy") as admin:
        lines = admin.get("/stats", params={"filter": pattern}).text.splitlines()
    pairs = (line.rpartition(": ") for line in lines if line.rpartition(": ")[2].isdigit())
    return {name: int(value) for name, _, value in pairs}


def counted(gateway: Gateway, name: str) -> dict[str, int]:
    """A statistic of the filters that ask the processor: for each the sum over all places where it stands."""
    found = statistics(gateway, rf"ext_proc\..*{name}$")
    return {one: sum(value for key, value in found.items() if f"ext_proc.{one}." in key) for one in FILTERS}
