"""The text of a condition → its words, each with the place where it stands."""

import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

LONGEST: Final = 1000  # characters of a condition
DEEPEST: Final = 32  # parentheses and negations within each other

WordKind = Literal["number", "text", "name", "sign", "end"]
_WORDS: Final = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.\d+|\d+)(?:[eE][+-]?\d+)?)(?![\w.])
    | (?P<text>'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*")
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign>&&|\|\||[=!<>]=|[<>!()\[\],.-])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII,
)
_SPACES: Final = " \t\r\n\f\v"  # those that `\\s` means above
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_HINTS: Final = {"=": "equality is written ==", "&": "«and» is written &&", "|": "«or» is written ||"}
_LARGEST: Final = 2**53  # numbers that are told apart


class WrongCondition(ValueError):
    """What is wrong with a condition, in words for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Word:
    kind: WordKind
    text: str  # of a text its value; of all others as it is written
    at: int

    def __str__(self) -> str:
        return "its end" if self.kind == "end" else f"`{self.text}`"


def words_of(condition: str) -> list[Word]:
    if len(condition) > LONGEST:
        raise WrongCondition(f"is longer than {LONGEST} characters")
    words: list[Word] = []
    at = 0
    while True:
        found = _WORDS.match(condition, at)
        if found is None:
            _unreadable(condition, at)
        kind: WordKind = found.lastgroup  # type: ignore[assignment]
        start = found.start(kind)
        text = found[kind]
        words.append(Word(kind, _value(text, start) if kind == "text" else text, start))
        if kind == "end":
            return words
        at = found.end()


def number_of(word: Word) -> float:
    number = float(word.text) if set(word.text) & set(".eE") else int(word.text)
    if number > _LARGEST:
        raise wrong(f"`{word.text}` is too large", word.at)
    return number


def wrong(what: str, at: int) -> WrongCondition:
    return WrongCondition(f"{what}, at character {at + 1}")


def _value(quoted: str, at: int) -> str:
    def unescaped(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise wrong(f"a text has an escape that is not known, `\\{found[1]}`", at)
        return _ESCAPES[found[1]]

    return _ESCAPED.sub(unescaped, quoted[1:-1])


def _unreadable(condition: str, at: int) -> NoReturn:
    at += len(condition[at:]) - len(condition[at:].lstrip(_SPACES))
    sign = condition[at]
    if sign in "'\"":
        raise wrong("a text is not closed", at)
    if sign.isdecimal():
        raise wrong("a number goes on with what is none", at)
    raise wrong(_HINTS.get(sign, f"`{sign}` means nothing here"), at)
