"""Messages put into alternating turns."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.openai.chat import CacheHint, Text, Thought, ToolCall, Turn
from extproc.dialects.turns import ASSISTANT_FIRST, NO_RESULT, RESULT_ALONE, Dialogue, dialogue


def system(text: str) -> Turn:
    return Turn("system", 0, (Text(text),))


def user(text: str) -> Turn:
    return Turn("user", 0, (Text(text),))


def assistant(text: str = "", *ids: str) -> Turn:
    calls = tuple(ToolCall(id_, f"tool-{id_}", "{}") for id_ in ids)
    return Turn("assistant", 0, (Text(text),) if text else (), calls)


def result(id_: str, text: str) -> Turn:
    return Turn("tool", 0, (Text(text),), call_id=id_)


def shown(made: Dialogue) -> list[tuple[object, ...]]:
    """(role, results, texts, calls) of each turn."""
    return [
        (
            turn.role,
            {answer.call_id: answer.text for answer in turn.results},
            [part.text for part in turn.parts if isinstance(part, Text)],
            [call.id for call in turn.calls],
        )
        for turn in made.turns
    ]


def test_turns_of_one_role_are_one_and_the_system_is_apart() -> None:
    made = dialogue([system("s"), user("a"), system("t"), user("b"), assistant("c"), assistant("d"), user("e")])
    assert [part.text for part in made.system if isinstance(part, Text)] == ["s", "t"]
    assert shown(made) == [("user", {}, ["a", "b"], []), ("assistant", {}, ["c", "d"], []), ("user", {}, ["e"], [])]


def test_results_stand_in_the_calls_order_before_any_text() -> None:
    made = dialogue([user("q"), assistant("", "a", "b"), result("b", "2"), user("also"), result("a", "1")])
    assert shown(made)[2] == ("user", {"a": "1", "b": "2"}, ["also"], [])
    assert list(made.turns[2].results[0].parts) == [Text("1")]


def test_a_late_result_goes_where_it_belongs() -> None:
    made = dialogue([user("q"), assistant("", "a"), user("wait"), assistant("ok"), result("a", "1"), user("so?")])
    assert shown(made)[2] == ("user", {"a": "1"}, ["wait"], [])
    assert shown(made)[3:] == [("assistant", {}, ["ok"], []), ("user", {}, ["so?"], [])]


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    made = dialogue([user("q"), assistant("", "a", "b"), result("a", "1")])
    assert shown(made)[2] == ("user", {"a": "1", "b": NO_RESULT}, [], [])
    assert [answer.made_up for answer in made.turns[2].results] == [False, True]
    assert shown(dialogue([user("q"), assistant("", "a")]))[2] == ("user", {"a": NO_RESULT}, [], [])


def test_a_result_without_a_call_is_text() -> None:
    made = dialogue([user("q"), result("x", "1"), assistant("c")])
    assert shown(made)[0] == ("user", {}, ["q", RESULT_ALONE, "1"], [])


def test_ids_that_clients_use_again_stay_apart() -> None:
    made = dialogue([user("q"), assistant("", "f"), result("f", "1"), assistant("", "f"), result("f", "2")])
    assert [turn[3] for turn in shown(made)] == [[], ["f"], [], ["f_2"], []]
    assert [turn[1] for turn in shown(made)] == [{}, {}, {"f": "1"}, {}, {"f_2": "2"}]
    twice = dialogue([user("q"), assistant("", "f", "f"), result("f", "1"), result("f", "2")])
    assert shown(twice)[2][1] == {"f": "1", "f_2": "2"}


def test_blank_text_is_no_turn() -> None:
    made = dialogue([user("q"), assistant(" \n"), user("r"), Turn("assistant", 0, thoughts=(Thought("hm"),))])
    assert shown(made) == [("user", {}, ["q", "r"], [])]


def test_the_user_begins() -> None:
    assert shown(dialogue([assistant("Hi"), user("q")]))[0] == ("user", {}, [ASSISTANT_FIRST], [])
    alone = dialogue([system("Say hello.")])
    assert alone.system == ()
    assert shown(alone) == [("user", {}, ["Say hello."], [])]


def test_a_system_message_between_turns_stands_behind_the_users_turn_if_it_may() -> None:
    turns = [system("s"), user("q"), assistant("", "a"), system("t"), result("a", "1"), user("r"), assistant("b")]
    kept = dialogue(turns, system_between=True)
    assert [turn[0] for turn in shown(kept)] == ["user", "assistant", "user", "system", "assistant"]
    assert shown(kept)[2:4] == [("user", {"a": "1"}, ["r"], []), ("system", {}, ["t"], [])]
    assert kept.system == (Text("s"),)
    assert kept.prefilled
    assert dialogue(turns).system == (Text("s"), Text("t"))


def test_where_no_turn_of_the_user_follows_it_joins_the_systems_words() -> None:
    made = dialogue([system("s"), user("q"), assistant("a"), system("t")], system_between=True)
    assert made.system == (Text("s"), Text("t"))
    open_call = dialogue([user("q"), assistant("", "a"), system("t")], system_between=True)
    assert [turn[0] for turn in shown(open_call)] == ["user", "assistant", "user", "system"]


def test_the_hint_of_a_message_is_its_last_parts() -> None:
    hint = CacheHint("1h")
    made = dialogue([Turn("user", 0, (Text("a"), Text("b")), cache=hint)])
    assert made.turns[0].parts == (Text("a"), Text("b", hint))
    answer = Turn("tool", 0, (Text("1"),), call_id="a", cache=hint)
    assert dialogue([user("q"), assistant("", "a"), answer]).turns[2].results[0].cache == hint


IDS = st.sampled_from(["a", "b", "c"])
TURNS = st.lists(
    st.one_of(
        st.builds(user, st.sampled_from(["x", "", " "])),
        st.builds(system, st.just("s")),
        st.builds(lambda text, ids: assistant(text, *ids), st.sampled_from(["y", ""]), st.lists(IDS, max_size=3)),
        st.builds(result, IDS, st.sampled_from(["1", "2", ""])),
    ),
    max_size=12,
)


@given(TURNS, st.booleans())
def test_any_conversation_is_one_that_providers_take(turns: list[Turn], between: bool) -> None:
    made = dialogue(turns, system_between=between)
    roles = [turn.role for turn in made.turns if turn.role != "system"]
    assert all(a != b for a, b in pairwise(roles))
    assert all(a.role == "user" for a, b in pairwise(made.turns) if b.role == "system")
    assert between or len(roles) == len(made.turns)
    assert roles[:1] in ([], ["user"])
    ids = [call.id for turn in made.turns for call in turn.calls]
    assert len(ids) == len(set(ids))
    for turn, after in pairwise([*made.turns, None]):
        assert turn is not None
        answered = [answer.call_id for answer in after.results] if after is not None else []
        assert [call.id for call in turn.calls] == answered
        assert turn.parts or turn.calls or turn.results
    said = sum(1 for turn in turns if turn.role == "tool")
    kept = sum(not answer.made_up for turn in made.turns for answer in turn.results)
    assert kept <= said
