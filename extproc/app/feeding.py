"""`extproc serve --xds DIR`: a configuration, put in force at the neighbour Envoy and here, in this order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from extproc.app.rendering import DEFAULT_PORT, LOOPBACK_HOST, configured_at
from extproc.config.compile import Compiled
from extproc.dataplane.ca import NoCaBundle, find_ca_bundle, needs_ca_bundle
from extproc.dataplane.envoy import EnvoyAdmin, EnvoyFailed, over_network, over_socket
from extproc.dataplane.neighbour import Neighbour, NeighbourDirectory
from extproc.dataplane.place import Place
from extproc.dataplane.start import CannotStart, refuse_strangers
from extproc.dataplane.supervise import Configured

UNSEEN: Final = "none"  # an admin interface that we cannot reach


@dataclass(frozen=True, slots=True)
class FeedingSettings:
    directory: NeighbourDirectory
    processor: str  # our own first address, as `--listen` says it
    admin: str | None = None  # unix:PATH, http://HOST:PORT or `none`; None: the socket in the directory
    open_to_strangers: bool = False


class Feeding:
    def __init__(self, settings: FeedingSettings) -> None:
        self._settings = settings
        self._neighbour = Neighbour(settings.directory, _admin(settings))
        self.look = self._neighbour.look
        self.close = self._neighbour.close

    async def start(self, compiled: Compiled) -> None:
        """Raises CannotStart where its files cannot be written, or no CA certificates are found for them."""
        try:
            self._settings.directory.make()
            await self._neighbour.start(self._configured(compiled), _ca_bundle_for(compiled))
        except NoCaBundle as error:
            raise CannotStart(str(error)) from None
        except OSError as error:
            raise CannotStart(f"--xds {error.filename}: {error.strerror}") from None

    async def change(self, compiled: Compiled, swap: Callable[[], None], *, same: bool) -> str | None:
        """Why it is not in force; None: it is. `same`: only secrets may be new."""
        try:
            configured = self._configured(compiled)
            if same:
                self._neighbour.write_secrets(configured)
            else:
                await self._neighbour.change(configured, _ca_bundle_for(compiled), _awaited(swap))
        except (CannotStart, EnvoyFailed, NoCaBundle) as error:
            return str(error)
        except OSError as error:
            return f"--xds {error.filename}: {error.strerror}"
        return None

    def document(self) -> dict[str, Any]:
        """For /readyz."""
        return {"version": self._neighbour.version, "live": self._neighbour.live}

    @property
    def live(self) -> bool:
        return self._neighbour.live

    def _configured(self, compiled: Compiled) -> Configured:
        """Raises CannotStart where anybody could spend the keys."""
        directory, listen = self._settings.directory, compiled.snapshot.listen
        host = listen.host or LOOPBACK_HOST
        place = Place(
            host=host,
            port=listen.port or DEFAULT_PORT,
            admin=str(directory.admin),
            processors=(_reachable(self._settings.processor),),
            xds=str(directory.root),
            secrets=str(directory.secrets),
            ca_bundle=str(directory.ca_bundle),
            admin_mode=directory.socket_mode,
        )
        made = configured_at(compiled, place, None, open_to_strangers=self._settings.open_to_strangers)
        refuse_strangers(host, made.snapshot)
        return made


def _ca_bundle_for(compiled: Compiled) -> bytes | None:
    """None: no upstream's certificate is checked against what the system trusts. Raises NoCaBundle."""
    return Path(find_ca_bundle()).read_bytes() if needs_ca_bundle(compiled.snapshot) else None


def _admin(settings: FeedingSettings) -> EnvoyAdmin | None:
    if settings.admin == UNSEEN:
        return None
    if settings.admin is not None and not settings.admin.startswith("unix:"):
        return EnvoyAdmin(over_network(settings.admin))
    named = (settings.admin or "").removeprefix("unix:").removeprefix("//")
    return EnvoyAdmin(over_socket(Path(named) if named else settings.directory.admin))


def _reachable(listen: str) -> str:
    """Where we listen, as a neighbour on this machine reaches it."""
    if listen.startswith("unix:"):
        return listen.removeprefix("unix:").removeprefix("//")
    host, _, port = listen.rpartition(":")
    return f"{ {'0.0.0.0': '127.0.0.1', '[::]': '[::1]', '': '127.0.0.1'}.get(host, host) }:{port}"


def _awaited(swap: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def swapped() -> None:
        swap()

    return swapped
