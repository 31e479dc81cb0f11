"""What a start can come to: it stands, or it cannot, in one clear line."""

from dataclasses import dataclass

from extproc.snapshot import Snapshot


class CannotStart(Exception):
    """The gateway cannot start; each line says what, where and how to mend it."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Reached:
    """How a client on this machine reaches the gateway."""

    url: str
    options: str = ""  # of curl, each with a space before it


@dataclass(frozen=True, slots=True)
class Started:
    address: str
    admin: str
    snapshot: Snapshot
    origin: str  # where the configuration came from, for people
    notes: tuple[str, ...]
    reached: Reached | None = None  # None: at the address, with nothing more


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_loopback(host: str) -> bool:
    return host in LOOPBACK or host.startswith("127.")


def refuse_strangers(host: str, snapshot: Snapshot) -> None:
    """Without callers only loopback may call: listening elsewhere has to be meant. Where whoever connects must show a
    certificate of a CA that was chosen for it, there are no strangers."""
    if is_loopback(host) or snapshot.callers or snapshot.open or snapshot.clients_show_certificates:
        return
    raise CannotStart(
        f"listening on {host} without `callers` would let anybody spend your keys: "
        "configure callers or `listen.tls.client_ca`, or say --open if you mean it"
    )
