"""The written forms of durations and sizes: `500ms 5s 1m 2h`, `64KiB 32MiB 1GiB`."""

import re

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$")
_SECONDS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"^(\d+)\s*(B|KiB|MiB|GiB|KB|MB|GB)?$")
_BYTES = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def parse_duration(value: object) -> float:
    found = _DURATION.match(str(value).strip()) if not isinstance(value, bool) else None
    if found is None:
        raise ValueError(f"{value!r} is not a duration: write 500ms, 5s, 1m or 2h")
    return float(found[1]) * _SECONDS[found[2]]


def parse_size(value: object) -> int:
    found = _SIZE.match(str(value).strip()) if not isinstance(value, bool) else None
    if found is None:
        raise ValueError(f"{value!r} is not a size: write 64KiB, 32MiB or 1GiB")
    return int(found[1]) * _BYTES[found[2]]
