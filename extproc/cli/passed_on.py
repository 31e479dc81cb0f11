"""What of a command line is asked of each worker too: everything but what only the keeper can do."""

from collections.abc import Collection, Sequence


def passed_on(arguments: Sequence[str], without: Collection[str]) -> tuple[str, ...]:
    """`without`: options with a value, written apart or behind a `=`."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in without:
            skip = True
        elif argument.partition("=")[0] not in without:
            kept.append(argument)
    return tuple(kept)
