"""Where the secrets of a configuration are, for an Envoy that finds them itself.

Law: what is made here holds no secret. A secret that is only in the configuration's own text cannot be referred to,
and neither can one that is put together: whoever wrote it is told where it stands and how to write it instead.
"""

from collections.abc import Mapping
from typing import Final

from extproc.config.aws import AwsKeys
from extproc.config.compile import Compiled
from extproc.config.credentials import Held
from extproc.dataplane.place import Form
from extproc.dataplane.references import AwsProfile, AwsVariables, InFile, Reference, Variable

AWS_NAMES: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

_OF_A_PROXY: Final = (
    "egress: the name and password of a proxy are shown put together, which no variable or file holds: "
    "write a proxy without them, which knows Envoy by its address, or have Envoy beside `extproc serve --xds`"
)


class CannotRefer(Exception):
    """Secrets that only the configuration itself knows; each line says where one stands and how to mend it."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def references_of(compiled: Compiled, form: Form) -> Mapping[str, Reference]:
    """By cluster. Raises CannotRefer."""
    found: dict[str, Reference] = {}
    wrong = []
    for name, held in compiled.secrets.items():
        reference = _reference(held)
        if reference is None:
            wrong.append(_complaint(held))
        else:
            found[compiled.snapshot.providers[name].cluster] = reference
    if compiled.proxies and form == "whole":  # the portable form passes proxies over
        wrong.append(_OF_A_PROXY)
    if wrong:
        raise CannotRefer(tuple(wrong))
    return found


def _reference(held: Held) -> Reference | None:
    if isinstance(held, AwsKeys):
        if held.file is not None and held.profile is not None:
            return AwsProfile(str(held.file.absolute()), held.profile)
        return AwsVariables() if held.variables == AWS_NAMES[: len(held.variables)] else None
    if held.variable is not None:
        return Variable(held.variable)
    return InFile(str(held.file.absolute())) if held.file is not None else None


def _complaint(held: Held) -> str:
    if isinstance(held, AwsKeys):
        return (
            f"{held.written}: Envoy takes AWS keys only from the variables {', '.join(AWS_NAMES)} or a profile: "
            "write them as ${…} of these names, or {aws: PROFILE}"
        )
    return (
        f"{held.written}: the secret stands in the configuration itself, or is put together there, and rendered text "
        "holds none: write ${NAME} alone, without a default, or {file: PATH}"
    )
