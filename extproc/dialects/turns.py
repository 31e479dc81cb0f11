"""A chat's messages as a dialogue: the system's words apart, then turns of user and assistant that alternate.

Law: every call of a tool is answered in the turn right behind it, in the calls' order, before anything else is said
there, wherever its result stood; a call that nobody answered gets a result that says so. A result without a call is
text. Blank text is left out, with it a turn that says nothing. The first turn is the user's. Ids are unique.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from extproc.dialects.openai.chat import Audio, CacheHint, Part, Text, Thought, ToolCall, Turn

NO_RESULT: Final = "No result was given for this call."
RESULT_ALONE: Final = "Result of a tool call that is not part of this conversation:"
ASSISTANT_FIRST: Final = "(The conversation begins.)"

SaidBy = Literal["user", "assistant", "system"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gave back. `made_up`: nobody sent one."""

    call_id: str
    name: str  # of the tool, from the call
    parts: tuple[Part, ...] = ()
    made_up: bool = False
    cache: CacheHint | None = None

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Said:
    """One turn. Its order: results (user), thoughts (assistant), parts, calls (assistant)."""

    role: SaidBy  # system: only between turns, and only where that was asked for
    parts: tuple[Part, ...] = ()
    results: tuple[Result, ...] = ()
    thoughts: tuple[Thought, ...] = ()
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialogue:
    system: tuple[Part, ...]
    turns: tuple[Said, ...]

    @property
    def uses_tools(self) -> bool:
        return any(turn.calls for turn in self.turns)

    @property
    def answered(self) -> Said | None:
        """The turn whose calls the last turn answers."""
        if not self.turns or not self.turns[-1].results:
            return None
        return next((turn for turn in reversed(self.turns) if turn.role == "assistant"), None)

    @property
    def prefilled(self) -> bool:
        """The assistant's last words are to be continued."""
        return bool(self.turns) and self.turns[-1].role == "assistant"


def dialogue(turns: Sequence[Turn], *, system_between: bool = False) -> Dialogue:
    """`system_between`: a system message behind the first turn is a turn of its own, behind the user's turn in which or
    before which it stands (Claude takes it nowhere else); without it, it joins the system's words."""
    answers = _answers(turns)
    builder = _Builder(answers, system_between)
    for place, turn in enumerate(turns):
        builder.add(place, turn)
    return builder.built()


_Asked = tuple[int, int]  # a call: its turn's place in the list, its own place in the turn


def _answers(turns: Sequence[Turn]) -> dict[_Asked, int]:
    """Which turn answers which call: the latest call of that id before it that has no answer yet."""
    waiting: dict[str, list[_Asked]] = {}
    found: dict[_Asked, int] = {}
    for place, turn in enumerate(turns):
        for index, call in enumerate(turn.calls):
            waiting.setdefault(call.id, []).append((place, index))
        asked = waiting.get(turn.call_id or "") if turn.role == "tool" else None
        if asked:
            latest = asked[-1][0]
            first = next(index for index, one in enumerate(asked) if one[0] == latest)
            found[asked.pop(first)] = place
    return found


@dataclass(slots=True)
class _Open:
    """A turn that is being put together."""

    role: SaidBy
    parts: list[Part] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    thoughts: list[Thought] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    answers: list[Result] = field(default_factory=list)  # to its calls: the next turn begins with them

    def said(self) -> Said:
        return Said(self.role, tuple(self.parts), tuple(self.results), tuple(self.thoughts), tuple(self.calls))


class _Builder:
    def __init__(self, answers: dict[_Asked, int], system_between: bool) -> None:
        self._answers = answers
        self._waiting: dict[int, list[tuple[_Open, int]]] = {}  # by the answering turn's place: where its result goes
        self._system_between = system_between
        self._system: list[Part] = []
        self._held: list[Part] = []  # the system's words that wait for the end of the user's turn
        self._open: list[_Open] = []
        self._ids: set[str] = set()

    def add(self, place: int, turn: Turn) -> None:
        parts = _hinted(_spoken(turn.parts), turn.cache)
        match turn.role:
            case "system":
                self._add_system(parts)
            case "assistant":
                self._add_assistant(place, turn, parts)
            case "tool":
                self._add_result(place, turn, parts)
            case "user":
                self._add_user(parts)

    def _add_system(self, parts: Sequence[Part]) -> None:
        if self._open and self._system_between and parts:
            self._held += parts
        else:
            self._system += parts

    def _add_user(self, parts: Sequence[Part]) -> None:
        if parts:
            self._turn_of("user").parts += parts

    def _add_assistant(self, place: int, turn: Turn, parts: Sequence[Part]) -> None:
        if not parts and not turn.calls:  # thoughts alone are no turn
            return
        said = self._turn_of("assistant")
        said.thoughts += turn.thoughts
        said.parts += parts
        for index, call in enumerate(turn.calls):
            id_ = self._unique(call.id)
            said.calls.append(replace(call, id=id_))
            said.answers.append(Result(id_, call.name, (Text(NO_RESULT),), made_up=True))
            answer = self._answers.get((place, index))
            if answer is not None:
                self._waiting.setdefault(answer, []).append((said, len(said.answers) - 1))

    def _add_result(self, place: int, turn: Turn, parts: Sequence[Part]) -> None:
        waiting = self._waiting.pop(place, None)
        if waiting is None:
            self._add_user([Text(RESULT_ALONE), *parts] if parts else [])
            return
        for asker, index in waiting:
            made_up = asker.answers[index]
            asker.answers[index] = Result(made_up.call_id, made_up.name, tuple(parts), cache=turn.cache or _hint(parts))
            if self._open[-1] is asker:
                self._turn_of("user")

    def _turn_of(self, role: SaidBy) -> _Open:
        """The last turn if it is that role's, else a new one."""
        if not self._open and role == "assistant":
            self._open.append(_Open("user", [Text(ASSISTANT_FIRST)]))
        if not self._open or self._open[-1].role != role:
            self._place_held()
            self._open.append(_Open(role))
        return self._open[-1]

    def _place_held(self) -> None:
        if self._held and self._open[-1].role == "user":
            self._open.append(_Open("system", self._held))
            self._held = []

    def _unique(self, id_: str) -> str:
        made, count = id_, 1
        while made in self._ids:
            count += 1
            made = f"{id_}_{count}"
        self._ids.add(made)
        return made

    def built(self) -> Dialogue:
        if not self._open and self._system:  # nothing but instructions: they are what is asked
            return Dialogue((), (Said("user", tuple(self._system)),))
        if self._open and self._open[-1].calls:
            self._open.append(_Open("user"))
        self._place_held()
        self._system += self._held  # no turn of the user comes any more
        for before, after in zip(self._open, self._open[1:], strict=False):
            after.results = before.answers
        return Dialogue(tuple(self._system), tuple(turn.said() for turn in self._open))


def _spoken(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if not isinstance(part, Text) or part.text.strip()]


def _hint(parts: Iterable[Part]) -> CacheHint | None:
    return next((part.cache for part in parts if not isinstance(part, Audio) and part.cache), None)


def _hinted(parts: list[Part], hint: CacheHint | None) -> list[Part]:
    """A message's own hint is its last part's."""
    if hint is None or not parts or isinstance(parts[-1], Audio) or parts[-1].cache is not None:
        return parts
    return [*parts[:-1], replace(parts[-1], cache=hint)]
