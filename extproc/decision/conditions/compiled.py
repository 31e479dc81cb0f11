"""A condition's words → what is evaluated.

    or := and {"||" and}      and := relation {"&&" relation}      relation := unary [sign unary]
    unary := "!" unary | "-" number | member      member := primary {"." method "(" or ")"}
    primary := "(" or ")" | number | text | true | false | "[" literals "]" | fact | requirements.NAME
             | has(requirements.NAME)

Law: each part knows its kind, and parts that cannot go together are wrong when they are read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NoReturn

from extproc.decision.conditions import parts, values
from extproc.decision.conditions.parts import Part
from extproc.decision.conditions.values import Read
from extproc.decision.conditions.words import DEEPEST, Word, WrongCondition, number_of, words_of, wrong
from extproc.decision.fact_names import FACTS
from extproc.decision.nearest import shown
from extproc.facts.request import Facts

_COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")
_METHODS: Final[dict[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
_ELSEWHERE: Final = {"and": "&&", "or": "||", "not": "!", "True": "true", "False": "false"}
_TEXTS: Final = frozenset({"text", "label", "any"})


@dataclass(frozen=True, slots=True)
class Condition:
    text: str
    value: Read  # true, false, or None: it has no value
    names: tuple[tuple[str, Read], ...]  # the facts that it looks at

    def holds(self, facts: Facts) -> bool:
        return self.value(facts) is True

    def absent(self, facts: Facts) -> tuple[str, ...]:
        """Where it has no value: the names that have none."""
        if self.value(facts) is not None:
            return ()
        return tuple(name for name, read in self.names if read(facts) is None)


_NO_FACTS: Final = Facts(route="", endpoint="", family="")


@lru_cache(maxsize=4096)
def compiled(condition: str) -> Condition:
    """Raises WrongCondition."""
    reader = _Reader(words_of(condition))
    part = reader.whole()
    return Condition(condition, part.read, tuple(reader.names.items()))


class _Reader:
    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._place = 0
        self._depth = 0
        self.names: dict[str, Read] = {}

    def whole(self) -> Part:
        if self._ended():
            raise WrongCondition("is empty")
        part = self._or()
        if not self._ended():
            self._unexpected("an operator or its end")
        return parts.boolean(part, "a condition")

    # --- words -------------------------------------------------------------------------------------------------------

    @property
    def _word(self) -> Word:
        return self._words[self._place]

    def _ended(self) -> bool:
        return self._word.kind == "end"

    def _next(self) -> Word:
        word = self._word
        self._place += 1
        return word

    def _took(self, sign: str) -> bool:
        if self._word.kind == "sign" and self._word.text == sign:
            self._place += 1
            return True
        return False

    def _must(self, sign: str) -> None:
        if not self._took(sign):
            self._unexpected(f"`{sign}`")

    def _unexpected(self, expected: str) -> NoReturn:
        word = self._word
        if word.kind == "name" and word.text in _ELSEWHERE:
            raise wrong(f"`{word.text}` is written `{_ELSEWHERE[word.text]}`", word.at)
        raise wrong(f"expected {expected}, found {word}", word.at)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise wrong(f"is nested deeper than {DEEPEST}", self._word.at)

    # --- operators ---------------------------------------------------------------------------------------------------

    def _or(self) -> Part:
        return self._joined("||", self._and, values.some)

    def _and(self) -> Part:
        return self._joined("&&", self._relation, values.every)

    def _joined(self, sign: str, one: Callable[[], Part], join: Callable[[list[Read]], Read]) -> Part:
        joined = [one()]
        while self._took(sign):
            joined.append(one())
        if len(joined) == 1:
            return joined[0]
        reads = [parts.boolean(part, f"each side of {sign}").read for part in joined]
        return Part("boolean", join(reads), joined[0].at, f"a {sign} of several")

    def _relation(self) -> Part:
        left = self._unary()
        word = self._word
        if word.kind == "name" and word.text == "in":
            self._next()
            part = parts.membership(left, self._unary())
        elif word.kind == "sign" and word.text in _COMPARISONS:
            self._next()
            part = parts.comparison(word, left, self._unary())
        else:
            return left
        if self._word.text in (*_COMPARISONS, "in") and self._word.kind in ("sign", "name"):
            raise wrong("two comparisons in a row; join them with &&", self._word.at)
        return part

    def _unary(self) -> Part:
        at = self._word.at
        if self._took("!"):
            self._deeper()
            part = parts.boolean(self._unary(), "what follows !")
            self._depth -= 1
            return Part("boolean", values.opposite(part.read), at, f"!{part.shown}")
        if self._took("-"):
            if self._word.kind != "number":
                self._unexpected("a number")
            word = self._next()
            return parts.literal("number", -number_of(word), at, f"-{word.text}")
        return self._member()

    def _member(self) -> Part:
        part = self._primary()
        while self._took("."):
            word = self._next()
            if word.kind != "name" or word.text not in _METHODS:
                known = ", ".join(_METHODS)
                raise wrong(f"{word} is nothing that {part.shown} has; texts have {known}", word.at)
            self._must("(")
            argument = self._inside()
            for one in (part, argument):
                if one.kind not in _TEXTS:
                    raise wrong(f"{word.text} is for texts, and {parts.what(one)}", one.at)
            read = values.of_text(_METHODS[word.text], part.read, argument.read)
            part = Part("boolean", read, part.at, f"{part.shown}.{word.text}(…)")
        return part

    def _inside(self) -> Part:
        self._deeper()
        part = self._or()
        self._must(")")
        self._depth -= 1
        return part

    # --- values ------------------------------------------------------------------------------------------------------

    def _primary(self) -> Part:
        at = self._word.at
        if self._took("("):
            return self._inside()
        if self._took("["):
            return self._list(at)
        if self._word.kind == "name" and self._word.text not in (*_ELSEWHERE, "in"):
            return self._name(self._next())
        return self._constant()

    def _constant(self) -> Part:
        word = self._word
        if word.kind not in ("number", "text"):
            self._unexpected("a fact or a value")
        self._next()
        if word.kind == "number":
            return parts.literal("number", number_of(word), word.at, word.text)
        return parts.literal("text", word.text, word.at, f"'{shown(word.text)}'")

    def _list(self, at: int) -> Part:
        items: list[Any] = []
        while not self._took("]"):
            if items:
                self._must(",")
            items.append(self._constant().read(_NO_FACTS))
        if not items or len({isinstance(item, str) for item in items}) > 1:
            raise wrong("a list holds texts or numbers, and at least one", at)
        return parts.literal("list", tuple(items), at, "a list")

    def _name(self, word: Word) -> Part:
        if word.text in ("true", "false"):
            return parts.literal("boolean", word.text == "true", word.at, word.text)
        if word.text == "has" and self._took("("):
            name = self._next()
            if name.text != "requirements":
                raise wrong("`has` is for `requirements.NAME`; all other facts are always there", name.at)
            part = self._requirement(name)
            self._must(")")
            read = part.read
            return Part("boolean", lambda facts: read(facts) is not None, word.at, f"has({part.shown})")
        fact = FACTS.get(word.text)
        if fact is None:
            raise parts.unknown(word)
        part = self._requirement(word) if fact.kind == "map" else Part(fact.kind, fact.read, word.at, word.text)
        self.names[part.shown] = part.read
        return part

    def _requirement(self, word: Word) -> Part:
        """`requirements.NAME` or `requirements['NAME']`."""
        if self._took("."):
            if self._word.kind != "name":
                self._unexpected("a requirement's name")
            name = self._next().text
        elif self._took("["):
            if self._word.kind != "text":
                self._unexpected("a requirement's name in quotes")
            name = self._next().text
            self._must("]")
        else:
            raise wrong("`requirements` has names in it: `requirements.NAME`", word.at)

        def read(facts: Facts) -> Any:
            return facts.requirements.get(name)

        return Part("any", read, word.at, f"requirements.{shown(name)}")
