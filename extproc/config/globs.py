"""Names under globs, as the configuration compiles them. Only `*` is special."""

from fnmatch import fnmatchcase


def is_under(name: str, glob: str) -> bool:
    return fnmatchcase(name, glob.replace("[", "[[]").replace("?", "[?]"))
