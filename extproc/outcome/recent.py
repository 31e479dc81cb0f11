"""The last few of anything that has a name: memory that cannot grow, whatever names callers think of."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """At most `limit` values by name; the one that was changed the longest ago goes out."""

    __slots__ = ("_limit", "_values")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[str, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def get(self, name: str) -> Value | None:
        return self._values.get(name)

    def put(self, name: str, value: Value) -> None:
        self._values[name] = value
        self._values.move_to_end(name)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def all(self) -> dict[str, Value]:
        return dict(self._values)

    def put_all(self, values: Mapping[str, Value]) -> None:
        for name, value in values.items():
            self.put(name, value)

    def keep(self, wanted: Callable[[str], bool]) -> None:
        for name in [name for name in self._values if not wanted(name)]:
            del self._values[name]
