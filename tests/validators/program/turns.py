"""What every provider asks of a conversation's order, whatever its words for it.

Law: the caller's dialect is translated into turns `(role, [block kinds])` by the validators; here is only the order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Turn:
    """One message: who speaks, which tool calls it makes and which it answers, by id or by name."""

    role: str
    calls: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    first_other: int | None = None  # where in the message the first block stands that is no result
    last_result: int | None = None


def order_problems(turns: list[Turn], speaker: str = "user", answerer: str = "assistant") -> Iterator[str]:
    """For providers that want strict turns: the user first, then each in turn, results at once and all of them."""
    if not turns:
        yield "messages: empty"
        return
    if turns[0].role != speaker:
        yield f"messages[0]: the first turn is the {speaker}'s, not `{turns[0].role}`"
    for index, (before, turn) in enumerate(zip([None, *turns], turns, strict=False)):
        where = f"messages[{index}]"
        if turn.role not in (speaker, answerer):
            yield f"{where}: role `{turn.role}`"
        if before is not None and before.role == turn.role:
            yield f"{where}: two turns of `{turn.role}` in a row"
        yield from _tool_problems(before, turn, where)
    if turns[-1].calls:
        yield f"messages[{len(turns) - 1}]: calls without results"


def _tool_problems(before: Turn | None, turn: Turn, where: str) -> Iterator[str]:
    asked = before.calls if before is not None else []
    if sorted(asked) != sorted(turn.results):
        yield f"{where}: results of {turn.results} where the turn before calls {asked}"
    if turn.results and turn.first_other is not None and (turn.last_result or 0) > turn.first_other:
        yield f"{where}: a result behind other content"
    if len(set(turn.calls)) < len(turn.calls):
        yield f"{where}: one id for two calls"
