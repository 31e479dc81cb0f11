"""An API as an upstream: what it can be asked and told, and how it says that something went wrong.

Law: plain data and pure functions, one value for each dialect, in that dialect's file as `SIDE`. What stands here
decides plans (`decision`) and is named as a loss by the pairs, so both always agree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from extproc.dialects.upstream_error import UpstreamError

ReadError = Callable[[int, Mapping[str, str], bytes], UpstreamError]  # (status, headers in lower case, body)


@dataclass(frozen=True, slots=True)
class ProviderSide:
    read_error: ReadError
    endpoints: frozenset[str] = frozenset({"chat", "prompt"})  # of dialects.endpoints: what a pair can put to it
    expresses: frozenset[str] | None = None  # features of a chat that it can be told; None: every one
    takes: frozenset[str] | None = None  # kinds of content beside text, of features.CONTENTS; None: every one
    unsent: frozenset[str] = field(default_factory=frozenset)  # asked for and meaningless here: no loss
