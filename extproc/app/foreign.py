"""What an Envoy that somebody else runs needs: bootstrap, files that it follows, or manifests for a mesh.

Law: nothing here holds a secret, and the same input gives the same bytes. Paths are those of the machine on which
Envoy runs, which need not be this one.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from extproc.app.rendered_files import Made, files, made
from extproc.config.compile import Compiled
from extproc.dataplane.envoy_gateway import EnvoyGateway, patch_policy
from extproc.dataplane.form import Node
from extproc.dataplane.guest import Guest, guest
from extproc.dataplane.istio import Istio, envoy_filter
from extproc.dataplane.place import Place
from extproc.dataplane.portable_losses import GUEST, PORTABLE, several_names
from extproc.dataplane.render import connection_buffer, whole

SECRETS_MAP: Final = "-envoy-secrets"  # behind the name: a ConfigMap with the files that say where secrets are


class CannotRender(Exception):
    """Each line says what the form cannot say, and how to mend it."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def notes(place: Place, *, as_guest: bool) -> tuple[str, ...]:
    """What the form cannot do, for people."""
    if place.form == "whole":
        return ()
    return tuple(str(loss) for loss in (*PORTABLE, *(GUEST if as_guest else ())))


def bootstrap(compiled: Compiled, place: Place) -> Node:
    """For an Envoy that follows the files of `place.xds`."""
    _check(compiled, place)
    return made(compiled, place).rendered.bootstrap


def static(compiled: Compiled, place: Place) -> Node:
    """The same in one file, which nothing can change while Envoy runs."""
    _check(compiled, place)
    return whole(made(compiled, replace(place, secrets_apart=False)).rendered)


def followed(compiled: Compiled, place: Place) -> Mapping[str, str]:
    """The files of `place.xds`, by their names."""
    _check(compiled, place)
    return {PurePosixPath(path).name: text for path, text in sorted(files(compiled, place).items())}


def istio(compiled: Compiled, place: Place, at: Istio) -> list[Node]:
    given, added = _as_guest(compiled, place)
    return [*_secrets(given, at.name, at.namespace), envoy_filter(added, at)]


def envoy_gateway(compiled: Compiled, place: Place, at: EnvoyGateway, pods: str) -> list[Node]:
    """`pods`: the namespace of Envoy's pods, where what they mount must be."""
    given, added = _as_guest(compiled, place)
    return [*_secrets(given, at.name, pods), patch_policy(added, at)]


def _as_guest(compiled: Compiled, place: Place) -> tuple[Made, Guest]:
    _check(compiled, place)
    given = made(compiled, place)
    return given, guest(compiled.snapshot, given.place, connection_buffer(compiled.snapshot, given.place))


def _check(compiled: Compiled, place: Place) -> None:
    if place.form == "portable" and (refused := several_names(compiled.snapshot)):
        raise CannotRender(
            *(
                f"{name}: the portable form asks a pool for one name: give it `tls.server_name`, or make it several"
                for name in refused
            )
        )


def _secrets(given: Made, name: str, namespace: str) -> list[Node]:
    """Where secrets are, as files for Envoy's pods to mount; none where all are in its environment."""
    texts = {**given.secrets, **given.certificates_of_processors}
    if not texts:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{name}{SECRETS_MAP}", "namespace": namespace},
            "data": {PurePosixPath(path).name: text for path, text in sorted(texts.items())},
        }
    ]
