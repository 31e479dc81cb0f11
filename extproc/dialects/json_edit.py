"""The top level of a JSON object: where each member stands, and edits in place.

Law: bytes that no edit names stay as they came, whatever their spacing, order or escapes. What is inside a value is
never parsed here, so a body of many megabytes costs one pass of the parser and, when edited, one copy. Of several
members with one key the last is the one that is read, so it is the one that is replaced, and the others go. An error
tells the byte where reading stopped and never what stood there.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

MOST_MEMBERS: Final = 1000

_BOM: Final = b"\xef\xbb\xbf"
_KEY = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\n]*")
_BYTE = re.compile(r"\(byte (\d+)\)$")


class NotAnObject(ValueError):
    """The bytes are no JSON object. `offset` is where reading stopped, None where that is the end or unknown."""

    def __init__(self, why: str, offset: int | None = None) -> None:
        super().__init__(why if offset is None else f"{why} at byte {offset}")
        self.offset = offset


class _Key:
    """A key as the parser met it. Equal only to itself, so that a dict keeps members of one name apart."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class _TooMany(Exception):
    """Raised out of the parser: each member costs a call of ours, so a flood of them would cost seconds."""


def _key_maker() -> Callable[[type, Any], Any]:
    left = MOST_MEMBERS

    def make_key(_: type, text: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooMany
        return _Key(text)

    return make_key


@dataclass(frozen=True, slots=True)
class Member:
    key: str
    raw: msgspec.Raw  # a view into the body, without the spaces around it


def members(body: bytes) -> list[Member]:
    """The members in their order, those with the same key too. Raises NotAnObject."""
    start = len(_BOM) if body.startswith(_BOM) else 0
    try:
        text = memoryview(body)[start:] if start else body
        found = msgspec.json.decode(text, type=dict[_Key, msgspec.Raw], dec_hook=_key_maker())
    except msgspec.ValidationError:
        raise NotAnObject("the body is JSON, but not an object") from None
    except msgspec.DecodeError as error:
        at = _BYTE.search(str(error))
        why = "the body is not valid JSON" if body[start:].strip() else "the body is empty"
        raise NotAnObject(why, int(at[1]) + start if at else None) from None
    except _TooMany:
        raise NotAnObject(f"the body has more than {MOST_MEMBERS} members") from None
    except RecursionError:
        raise NotAnObject("the body is nested too deeply") from None
    except UnicodeDecodeError:
        raise NotAnObject("the body is not UTF-8") from None
    return [Member(key.text, raw) for key, raw in found.items()]


def edit(body: bytes, put: Mapping[str, bytes], remove: Collection[str] = ()) -> bytes:
    """The body with each of `put` (a key's JSON text) as the only member of its key, and without those of `remove`.

    A key of `put` that is missing is added at the end. Raises NotAnObject.
    """
    return edit_members(body, members(body), put, remove)


def edit_members(body: bytes, found: list[Member], put: Mapping[str, bytes], remove: Collection[str] = ()) -> bytes:
    """The same for members that were read before."""
    places = _places(body, found)
    last = {member.key: index for index, member in enumerate(found)}
    gone = [m.key in remove or (m.key in put and last[m.key] != i) for i, m in enumerate(found)]
    cuts: list[tuple[int, int, bytes]] = _removals(places, gone)
    for index, member in enumerate(found):
        if member.key in put and not gone[index]:
            cuts.append((places[index].value, places[index].end, put[member.key]))
    missing = [(key, text) for key, text in put.items() if key not in last and key not in remove]
    if missing:
        kept = [place for place, is_gone in zip(places, gone, strict=True) if not is_gone]
        at = kept[-1].end if kept else body.index(b"{") + 1
        text = b",".join(msgspec.json.encode(key) + b":" + value for key, value in missing)
        cuts.append((at, at, b"," + text if kept else text))
    return _spliced(body, cuts)


@dataclass(frozen=True, slots=True)
class _Place:
    start: int  # of the key's quote
    value: int
    end: int


def _places(body: bytes, found: list[Member]) -> list[_Place]:
    """Only keys and spaces are walked: the parser has told how long each value is."""
    places = []
    position = body.index(b"{") + 1 if found else 0
    for member in found:
        key = _KEY.search(body, position)
        assert key is not None  # the parser saw it there
        value = _after_space(body, _after_space(body, key.end()) + 1)
        end = value + len(memoryview(member.raw))
        places.append(_Place(key.start(), value, end))
        position = end
    return places


def _after_space(body: bytes, position: int) -> int:
    found = _SPACE.match(body, position)
    return found.end() if found else position


def _removals(places: list[_Place], gone: list[bool]) -> list[tuple[int, int, bytes]]:
    """Each run of members that go, with the comma behind it, or the one before it at the object's end."""
    cuts: list[tuple[int, int, bytes]] = []
    index = 0
    while index < len(places):
        if not gone[index]:
            index += 1
            continue
        first = index
        while index < len(places) and gone[index]:
            index += 1
        if index < len(places):
            cuts.append((places[first].start, places[index].start, b""))
        elif first > 0:
            cuts.append((places[first - 1].end, places[-1].end, b""))
        else:
            cuts.append((places[0].start, places[-1].end, b""))
    return cuts


def _spliced(body: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    if not cuts:
        return body
    view = memoryview(body)
    pieces: list[bytes | memoryview] = []
    position = 0
    for start, end, text in sorted(cuts, key=lambda cut: cut[:2]):
        pieces.append(view[position:start])
        pieces.append(text)
        position = end
    pieces.append(view[position:])
    return b"".join(pieces)
