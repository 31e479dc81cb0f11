"""The language of rules: what it accepts, what it means, and what it says of what is wrong."""

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc import names
from extproc.decision.conditions import DEEPEST, LONGEST, WrongCondition, compiled
from extproc.decision.fact_names import FACTS
from extproc.decision.rules import problems_of
from extproc.facts.request import CallerFacts, Facts

SMALL = Facts(
    route="main",
    endpoint="chat",
    family="chat",
    model="gpt-4o",
    stream=True,
    input_tokens=500,
    max_output_tokens=100,
    needs=frozenset({"tools"}),
    tags=frozenset({"reasoning"}),
    caller=CallerFacts("ci"),
    labels={"team": "search", "safety_required": "true", "priority": "5", "customer_id": "042", "feature": "off"},
    requirements={"min_context_window": 200000.0, "vision": True, "capabilities": ("reasoning",)},
)
BARE = Facts(route="main", endpoint="embeddings", family="embeddings")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        # as the first document writes them
        ("tokens < 1000", True),
        ("task_type == 'embedding'", False),
        ("safety_required == true", True),
        ("safety_critical == true", False),
        # numbers
        ("tokens <= 500", True),
        ("tokens >= 500.5", False),
        ("tokens == 500.0", True),
        ("tokens > -1", True),
        ("total_tokens == 600 && max_output_tokens != 99", True),
        ("1000 > tokens", True),
        ("tokens < 1e3", True),
        # texts
        ('model == "gpt-4o"', True),
        ("model.startsWith('gpt-') && !model.endsWith('mini')", True),
        ("team.contains('ear')", True),
        ("team == 'Search'", False),
        ("team < 'z'", True),
        ("'it\\'s' == \"it's\"", True),
        # booleans
        ("stream", True),
        ("!stream || safety_required", True),
        ("(stream && tokens > 1000) || team == 'search'", True),
        ("!(stream == false)", True),
        ("stream && tokens < 1000 || tokens > 9999999", True),
        # a label is read as what it is compared with, and stays what was written
        ("priority > 4", True),
        ("priority == '5'", True),
        ("priority == 5", True),
        ("priority in [4, 5]", True),
        ("customer_id == '042'", True),
        ("customer_id == '42'", False),
        ("customer_id == 42", True),
        ("feature == false", False),
        ("feature != 5", True),
        ("feature > 5", False),
        ("experiment_id == 0", False),
        # lists
        ("'tools' in needs", True),
        ("'vision' in needs || 'reasoning' in tags", True),
        ("team in ['search', 'ads']", True),
        ("!(tokens in [1, 2.5])", True),
        # requirements
        ("requirements.min_context_window > 100000", True),
        ("requirements.vision", True),
        ("requirements.vision == true", True),
        ("requirements['min_context_window'] == 200000", True),
        ("'reasoning' in requirements.capabilities", True),
        ("has(requirements.vision) && !has(requirements.nothing)", True),
        ("requirements.vision == 1", False),
    ],
)
def test_meaning(condition: str, holds: bool) -> None:
    assert problems_of(condition) is None
    assert compiled(condition).holds(SMALL) is holds


@pytest.mark.parametrize(
    ("condition", "holds", "absent"),
    [
        ("tokens < 1000", True, ()),
        ("task_type == 'embedding'", True, ()),  # an embeddings request is one
        ("safety_required == true", False, ()),
        ("safety_required == false", True, ()),
        ("team == ''", True, ()),
        ("caller == '' && model == '' && provider == ''", True, ()),
        ("max_output_tokens < 100", False, ("max_output_tokens",)),
        ("max_output_tokens >= 100", False, ("max_output_tokens",)),
        ("!(max_output_tokens < 100)", False, ("max_output_tokens",)),
        ("max_output_tokens < 100 || tokens == 0", True, ()),
        ("tokens > 0 && max_output_tokens < 100", False, ()),
        ("max_output_tokens == requirements.cap", False, ("max_output_tokens", "requirements.cap")),
        ("requirements.vision", False, ("requirements.vision",)),
        ("has(requirements.vision) && requirements.vision", False, ()),
        ("'x' in requirements.capabilities", False, ("requirements.capabilities",)),
        ("requirements.model.startsWith('x')", False, ("requirements.model",)),
    ],
)
def test_what_is_absent(condition: str, holds: bool, absent: tuple[str, ...]) -> None:
    """Texts are empty, booleans false, numbers have no value and nothing that depends on them holds."""
    assert compiled(condition).holds(BARE) is holds
    assert compiled(condition).absent(BARE) == absent


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("x" * (LONGEST + 1), "is longer than 1000 characters"),
        ("token < 1000", "`token` is no fact, at character 1; nearest: tokens; facts are: tokens, max_"),
        ("hour < 8", "`hour` is no fact"),
        ("tokens", "a condition must be true or false, and tokens is a number"),
        ("team", "a condition must be true or false, and team is a text"),
        ("'yes'", "a condition must be true or false, and 'yes' is a text, at character 1"),
        ("tokens <", "expected a fact or a value, found its end, at character 9"),
        ("tokens < < 5", "expected a fact or a value, found `<`, at character 10"),
        ("task_type = 'x'", "equality is written ==, at character 11"),
        ("stream & stream", "«and» is written &&, at character 8"),
        ("stream and stream", "`and` is written `&&`, at character 8"),
        ("not stream", "`not` is written `!`, at character 1"),
        ("stream == True", "`True` is written `true`"),
        ("team == 'x", "a text is not closed, at character 9"),
        ("tokens < 10k", "a number goes on with what is none, at character 10"),
        ("tokens < 1_000", "a number goes on"),
        ("tokens == '1000'", "tokens is a number, and '1000' is a text: they are never equal"),
        ("safety_required == 'true'", "safety_required is a boolean, and 'true' is a text"),
        ("stream < true", "booleans have no order"),
        ("tokens && stream", "each side of && must be true or false, and tokens is a number"),
        ("!tokens < 5", "what follows ! must be true or false"),
        ("1 < tokens < 5", "two comparisons in a row; join them with &&, at character 12"),
        ("needs == 'tools'", "a list is looked into with `in`"),
        ("tokens in 5", "behind `in` stands a list, and 5 is a number"),
        ("stream in needs", "before `in` stands a text or a number"),
        ("team in []", "a list holds texts or numbers, and at least one"),
        ("team in ['a', 1]", "a list holds texts or numbers"),
        ("model.matches('(a+)+$')", "`matches` is nothing that model has; texts have startsWith, endsWith, contains"),
        ("needs.exists(tokens, true)", "`exists` is nothing that needs has"),
        ("tokens.contains('1')", "contains is for texts, and tokens is a number"),
        ("requirements == 5", "`requirements` has names in it"),
        ("has(tokens)", "`has` is for `requirements.NAME`"),
        ("has (requirements.x", "expected `)`, found its end"),
        ("(stream", "expected `)`"),
        ("stream)", "expected an operator or its end, found `)`, at character 7"),
        ("tokens + 5 > 2", "`+` means nothing here, at character 8"),
        ("team == '\\x41'", "an escape that is not known, `\\x`"),
        ("tokens < 99999999999999999999", "is too large"),
        ("tokens < 1e999", "is too large"),
        ("(" * 33 + "stream" + ")" * 33, "is nested deeper than 32"),
        ("!" * 900 + "stream", "is nested deeper than 32"),
        ("team == 'ä' && ü", "`ü` means nothing here"),
    ],
)
def test_what_is_wrong_is_said_where_and_how(condition: str, words: str) -> None:
    problem = problems_of(condition)
    assert problem is not None
    assert words in problem
    assert len(problem) < 800


def test_an_unknown_name_is_told_with_all_facts() -> None:
    problem = problems_of("tokns < 5") or ""
    assert all(name in problem for name in FACTS)


def test_every_label_that_a_body_may_have_is_a_fact() -> None:
    no_labels = {"fallback_enabled", "routing_preference", "routing_strategy", "session_id"}
    assert set(names.OWN_FIELDS) - no_labels <= set(FACTS)


def test_the_deepest_that_is_allowed_is_evaluated() -> None:
    condition = "(" * DEEPEST + "stream" + ")" * DEEPEST
    assert compiled(condition).holds(SMALL)
    assert compiled(" && ".join(["stream"] * 90)).holds(SMALL)


# --- properties ------------------------------------------------------------------------------------------------------

SIGNS = ("<", "<=", ">", ">=", "==", "!=", "&&", "||", "!", "(", ")", "[", "]", ",", ".", "-", "+")
VALUES = ("true", "false", "null", "1", "2.5", "1000", "-7", "'a'", '"b"', "'tools'", "requirements.x")
PIECES = ("in", "has", "and", "or", "not", "startsWith('a')", "contains(", "x", "\n", "\x85", "\\", "ü", "'", '"')
WORDS = (*FACTS, *SIGNS, *VALUES, *PIECES)
flags = st.sampled_from(("", "true", "false", "yes", "TRUE", "5", "-1.5", "1_000", "nan", "inf", "ü"))
some_facts = st.builds(
    Facts,
    route=st.just("r"),
    endpoint=st.just("chat"),
    family=st.sampled_from(("chat", "embeddings")),
    model=st.none() | st.text(max_size=5),
    input_tokens=st.integers(0, 2000),
    max_output_tokens=st.none() | st.integers(1, 2000),
    stream=st.booleans(),
    needs=st.frozensets(st.sampled_from(("tools", "vision"))),
    labels=st.dictionaries(st.sampled_from(("team", "priority", "safety_required", "task_type")), flags),
    requirements=st.dictionaries(
        st.sampled_from(("x", "y")), st.floats(allow_nan=False) | st.booleans() | st.just(("a", "b"))
    ),
)
conditions = st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@settings(max_examples=600)
@given(conditions, some_facts)
def test_nothing_raises_whatever_the_text(condition: str, facts: Facts) -> None:
    problem = problems_of(condition)
    if problem is None:
        made = compiled(condition)
        assert made.holds(facts) in (True, False)
        assert not (made.holds(facts) and made.absent(facts))
    else:
        with pytest.raises(WrongCondition):
            compiled(condition)


@given(st.from_regex(r"[a-z]{3,12}", fullmatch=True))
def test_every_unknown_name_is_found(name: str) -> None:
    if name not in (*FACTS, "true", "false", "not", "and", "has", "true"):
        assert f"`{name}` is no fact" in (problems_of(f"tokens < 5 || {name} == 'x'") or "")


# --- the same as CEL -------------------------------------------------------------------------------------------------

numbers = st.sampled_from(("tokens", "total_tokens", "max_output_tokens", "500", "0", "-3", "2.5"))
texts = st.sampled_from(("model", "endpoint", "family", "'chat'", '"gpt"', "''"))
relations = st.sampled_from(("==", "!=", "<", "<=", ">", ">="))
atoms = st.one_of(
    st.builds("{} {} {}".format, numbers, relations, numbers),
    st.builds("{} {} {}".format, texts, relations, texts),
    st.builds("{}.{}({})".format, texts, st.sampled_from(("startsWith", "endsWith", "contains")), texts),
    st.builds("{} in {}".format, texts, st.sampled_from(("needs", "['chat', 'gpt']"))),
    st.builds("{} in [0, 500]".format, numbers),
    st.sampled_from(("stream", "true", "false", "requirements.x > 1.0", "has(requirements.x)")),
)
written = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("{} && {}".format, inner, inner),
        st.builds("{} || {}".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({})".format, inner),
    ),
    max_leaves=6,
)


@functools.cache
def cel() -> Any:
    return pytest.importorskip("cel", reason="common-expression-language is not installed")


@settings(max_examples=300, deadline=None)
@given(written, some_facts)
def test_what_is_accepted_means_what_cel_says(condition: str, facts: Facts) -> None:
    """Held against the Rust implementation; what raises there has no value here."""
    values = {name: fact.read(facts) for name, fact in FACTS.items()}
    values = {name: list(v) if isinstance(v, frozenset) else v for name, v in values.items() if v is not None}
    facts_x = {"x": facts.requirements["x"]} if isinstance(facts.requirements.get("x"), float) else {}
    values["requirements"] = facts_x
    program = cel().compile(condition)
    try:
        expected = program.execute(values)
    except (RuntimeError, KeyError, TypeError, ValueError):
        expected = None
    ours = compiled(condition).value(Facts(**{name: getattr(facts, name) for name in KEPT}, requirements=facts_x))
    assert ours is expected


KEPT = ("route", "endpoint", "family", "model", "input_tokens", "max_output_tokens", "stream", "needs", "labels")
