"""What models take, by their names and by what their entries say."""

import pytest

from extproc.config import tables
from extproc.dialects.efforts import EFFORTS
from extproc.dialects.model_families import Traits, traits
from extproc.dialects.model_names import plain_name, without_profile
from extproc.snapshot import Model

SPELLINGS = [
    ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
    ("anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
    ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
    ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
    ("claude-opus-4@default", "claude-opus-4"),
    ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
    ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0", "nova-pro"),
    ("anthropic.claude-v2:1", "claude-v2"),
    ("openrouter/anthropic/claude-3.5-sonnet:beta", "claude-3.5-sonnet"),
    ("models/gemini-2.5-flash", "gemini-2.5-flash"),
    ("gpt-4o-2024-08-06", "gpt-4o"),
    ("gpt-4.1", "gpt-4.1"),
    ("ft:gpt-4o-mini-2024-07-18:team::B1", "gpt-4o-mini"),
    ("GPT-5-Mini", "gpt-5-mini"),
    ("qwen3:8b", "qwen3"),
    ("meta.llama3-1-70b-instruct-v1:0:128k", "llama3-1-70b-instruct"),
    ("", ""),
]


@pytest.mark.parametrize(("written", "plain"), SPELLINGS)
def test_one_name_of_many_spellings(written: str, plain: str) -> None:
    assert plain_name(written) == plain


def test_a_profile_is_no_other_model() -> None:
    assert without_profile("us.anthropic.claude-3-haiku-20240307-v1:0") == "anthropic.claude-3-haiku-20240307-v1:0"
    assert without_profile("gpt-4.1") == "gpt-4.1"


CLAUDES = [  # name, sampling, prefill, thinking, thinks unasked, can be told not to, native schema, forced, most output
    ("claude-v2", True, True, "none", False, False, False, True, 4096),
    ("claude-instant-v1", True, True, "none", False, False, False, True, 4096),
    ("claude-3-haiku-20240307", True, True, "none", False, False, False, True, 4096),
    ("claude-3-5-sonnet-latest", True, True, "none", False, False, False, True, 8192),
    ("claude-3-7-sonnet-20250219", True, True, "budget", False, True, False, True, 64_000),
    ("claude-sonnet-4-20250514", True, True, "budget", False, True, False, True, 64_000),
    ("us.anthropic.claude-opus-4-1-20250805-v1:0", True, True, "budget", False, True, False, True, 32_000),
    ("claude-sonnet-4-5@20250929", True, True, "budget", False, True, True, True, 64_000),
    ("anthropic/claude-sonnet-4.6", True, False, "adaptive", False, True, True, True, 128_000),
    ("claude-opus-4-7-20260416", False, False, "adaptive", False, True, True, True, 128_000),
    ("claude-opus-5", False, False, "adaptive", True, True, True, True, 128_000),
    ("claude-haiku-5-5", False, False, "adaptive", True, True, True, True, 128_000),
    ("claude-sonnet-5-5", False, False, "adaptive", True, False, True, False, 128_000),
    ("claude-mythos-preview", False, False, "adaptive", True, False, True, False, 128_000),
    ("claude-something-new", False, False, "adaptive", True, False, True, False, 128_000),
]


@pytest.mark.parametrize(
    ("name", "sampling", "prefill", "thinking", "unasked", "none", "schema", "forced", "most"), CLAUDES
)
def test_claude_by_name(
    name: str,
    sampling: bool,
    prefill: bool,
    thinking: str,
    unasked: bool,
    none: bool,
    schema: bool,
    forced: bool,
    most: int,
) -> None:
    found = traits(name, None)
    assert (found.sampling, found.prefill, found.thinking) == (sampling, prefill, thinking)
    assert (found.thinks_unasked, "none" in found.efforts) == (unasked, none)
    assert (found.native_json_schema, found.forced_tools, found.max_output) == (schema, forced, most)
    assert (found.budget is not None) is (thinking == "budget")


def test_the_efforts_of_claude() -> None:
    assert traits("claude-opus-4-6", None).efforts == {"none", "low", "medium", "high", "max"}
    assert traits("claude-opus-4-8", None).efforts == {"none", "low", "medium", "high", "xhigh", "max"}
    assert traits("claude-sonnet-4-5", None).efforts == set(EFFORTS)
    assert (
        traits("claude-opus-4-8", None).system_between_turns
        and not traits("claude-opus-4-7", None).system_between_turns
    )


GEMINIS = [  # name, thinking, unasked, can be told not to, budget, sampling
    ("gemini-1.5-pro", "none", False, False, None, True),
    ("gemini-2.0-flash-001", "none", False, False, None, True),
    ("gemini-2.5-flash-lite", "budget", False, True, (512, 24_576), True),
    ("gemini-2.5-flash-preview-09-2025", "budget", True, True, (1, 24_576), True),
    ("models/gemini-2.5-pro", "budget", True, False, (128, 32_768), True),
    ("gemini-2.5-flash-image", "none", False, False, None, True),
    ("gemini-3-pro-preview", "level", True, False, None, True),
    ("gemini-3.6-flash", "level", True, False, None, False),
    ("gemini-flash-latest", "level", True, False, None, False),
    ("gemini-pro-latest", "level", True, False, None, True),
]


@pytest.mark.parametrize(("name", "thinking", "unasked", "none", "budget", "sampling"), GEMINIS)
def test_gemini_by_name(
    name: str, thinking: str, unasked: bool, none: bool, budget: tuple[int, int] | None, sampling: bool
) -> None:
    found = traits(name, None)
    assert (found.thinking, found.thinks_unasked, "none" in found.efforts) == (thinking, unasked, none)
    assert (found.budget, found.sampling, found.native_json_schema) == (budget, sampling, True)


def test_the_levels_of_gemini() -> None:
    assert traits("gemini-3-pro-preview", None).efforts == {"low", "high"}
    assert traits("gemini-3.1-pro-preview", None).efforts == {"low", "medium", "high"}
    assert traits("gemini-3-flash-preview", None).efforts == {"minimal", "low", "medium", "high"}
    assert traits("gemini-3.7-flash", None).efforts == {"low", "medium", "high"}


GPTS = [  # name, sampling, thinking, max_completion_tokens, developer, system, efforts
    ("gpt-3.5-turbo", True, "none", False, False, True, set()),
    ("gpt-4-0613", True, "none", False, False, True, set()),
    ("gpt-4o-mini-2024-07-18", True, "none", False, True, True, set()),
    ("gpt-4.1-nano", True, "none", False, True, True, set()),
    ("o1-mini", False, "none", True, False, False, set()),
    ("o1", False, "level", True, True, True, {"low", "medium", "high"}),
    ("o3-mini-2025-01-31", False, "level", True, True, True, {"low", "medium", "high"}),
    ("o4-mini", False, "level", True, True, True, {"low", "medium", "high"}),
    ("gpt-5-mini", False, "level", True, True, True, {"minimal", "low", "medium", "high"}),
    ("gpt-5-chat-latest", True, "none", True, True, True, set()),
    ("gpt-5.1-chat-latest", False, "level", True, True, True, {"medium"}),
    ("gpt-5.1", False, "level", True, True, True, {"none", "low", "medium", "high"}),
    ("openai/gpt-5.2", False, "level", True, True, True, {"none", "low", "medium", "high", "xhigh"}),
    ("gpt-5-pro", False, "level", True, True, True, {"high"}),
    ("gpt-6-sol", False, "level", True, True, True, {"none", "low", "medium", "high", "xhigh", "max"}),
    ("gpt-oss-120b", True, "level", False, False, True, {"low", "medium", "high"}),
]


@pytest.mark.parametrize(("name", "sampling", "thinking", "completion", "developer", "system", "efforts"), GPTS)
def test_gpt_by_name(
    name: str, sampling: bool, thinking: str, completion: bool, developer: bool, system: bool, efforts: set[str]
) -> None:
    found = traits(name, None)
    assert (found.sampling, found.thinking, found.efforts) == (sampling, thinking, efforts)
    assert (found.uses_max_completion_tokens, found.takes_developer_role, found.takes_system_role) == (
        completion,
        developer,
        system,
    )


def test_sampling_comes_back_with_no_effort() -> None:
    assert traits("gpt-5.1", None).sampling_at_no_effort and not traits("gpt-5", None).sampling_at_no_effort


@pytest.mark.parametrize("name", ["", "my-deployment", "llama3.2", "mixtral-of-mine", "small", "o", "omni-mini"])
def test_a_name_of_no_family_is_a_model_that_nobody_knows(name: str) -> None:
    assert traits(name, None) == Traits()


def test_others_by_name() -> None:
    assert traits("mistral-large-latest", None) == Traits(prefill=True, native_json_schema=True, parallel_tools=True)
    assert traits("magistral-medium-2506", None).thinks_unasked
    assert traits("command-a-reasoning-08-2025", None).thinking == "budget"
    assert traits("qwen3:8b", None).thinking == "level"
    assert traits("us.amazon.nova-2-lite-v1:0", None).thinking == "level"
    assert traits("deepseek-reasoner", None) == Traits(thinks_unasked=True)


def told(*capabilities: str, name: str = "claude-sonnet-4-5", **facts: int) -> Traits:
    return traits(name, Model(name, capabilities=frozenset(capabilities), **facts))


def test_an_entry_that_says_nothing_leaves_it_to_the_family() -> None:
    assert told() == told("tools", "vision", "reasoning") == traits("claude-sonnet-4-5", None)


def test_an_entry_wins_over_the_family() -> None:
    assert not told("no_sampling").sampling and not told("no_prefill").prefill
    assert not told("no_native_json_schema").native_json_schema and not told("no_forced_tools").forced_tools
    assert told("sampling", "system_role", "developer_role", name="o1-mini") == told(
        "sampling", "system_role", "developer_role", name="o1-preview"
    )
    assert told("sampling", name="o3").sampling and told("developer_role", name="small").takes_developer_role
    assert told("system_between_turns").system_between_turns and not told("no_parallel_tools").parallel_tools
    assert told(max_output=10).max_output == 10


def test_an_entry_says_how_a_model_thinks() -> None:
    adaptive = told("adaptive_thinking", "budget_thinking", "effort_max")
    assert (adaptive.thinking, adaptive.budget) == ("adaptive", None) and "max" in adaptive.efforts
    budget = told("budget_thinking", name="small")
    assert (budget.thinking, budget.budget) == ("budget", (1024, 32_000))
    level = told("reasoning", "effort_none", "no_effort_low", name="small")
    assert (level.thinking, level.efforts) == ("level", {"none", "medium", "high"})
    none = told("no_reasoning")
    assert (none.thinking, none.efforts, none.budget) == ("none", frozenset(), None)
    always = told("always_thinks", name="claude-opus-4-7")
    assert always.thinks_unasked and "none" not in always.efforts


TABLE = [  # dialect, name, what the shipped table and the family say together
    ("anthropic", "claude-opus-4-7", {"sampling": False, "prefill": False, "thinking": "adaptive"}),
    ("anthropic", "claude-3-5-sonnet-latest", {"sampling": True, "prefill": True, "thinking": "none"}),
    ("anthropic", "claude-sonnet-5-5", {"forced_tools": False, "thinks_unasked": True, "native_json_schema": True}),
    ("bedrock", "us.anthropic.claude-opus-4-7", {"native_json_schema": False, "parallel_tools": True}),
    ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0", {"native_json_schema": False, "parallel_tools": False}),
    ("vertex", "claude-opus-4-5@20251101", {"native_json_schema": False, "thinking": "budget"}),
    ("openai", "o3-mini", {"sampling": False, "uses_max_completion_tokens": True, "thinking": "level"}),
    ("openai", "gpt-4o", {"sampling": True, "uses_max_completion_tokens": False, "max_output": 16_384}),
    ("gemini", "gemini-2.5-pro", {"thinking": "budget", "sampling": True}),
    ("gemini", "gemini-3.6-flash", {"thinking": "level", "sampling": False}),
    ("mistral", "mistral-medium-latest", {"thinking": "level", "efforts": {"none", "high"}, "prefill": True}),
]


@pytest.mark.parametrize(("dialect", "name", "expected"), TABLE)
def test_of_the_shipped_table(dialect: str, name: str, expected: dict[str, object]) -> None:
    entry = tables.look_up(dialect, name)
    assert entry is not None
    found = traits(name, entry)
    assert {field: getattr(found, field) for field in expected} == expected


def test_the_table_and_the_families_of_claude_agree() -> None:
    """At the vendor's own address nothing that the table says comes as a surprise; so the next one's guess is good."""
    for name, entry in tables.models_of("anthropic").items():
        told, guessed = traits(name, entry), traits(name, None)
        for field in ("sampling", "prefill", "thinking", "forced_tools", "native_json_schema", "system_between_turns"):
            assert getattr(told, field) == getattr(guessed, field), (name, field)


@pytest.mark.parametrize(
    ("name", "signs", "fetches", "speaks", "draws"),
    [
        ("gemini-1.5-pro", False, False, False, False),
        ("gemini-2.0-flash-001", False, False, False, False),
        ("gemini-exp-1206", False, False, False, False),
        ("gemma-3-27b-it", False, False, False, False),
        ("gemini-2.5-flash", False, True, False, False),
        ("gemini-2.5-flash-preview-tts", False, True, True, False),
        ("gemini-2.5-flash-image", False, True, False, True),
        ("gemini-3-pro-image-preview", False, True, False, True),
        ("gemini-nano-banana-2.1", False, True, False, True),
        ("gemini-3-pro-preview", True, True, False, False),
        ("gemini-flash-latest", True, True, False, False),
    ],
)
def test_what_only_googles_models_differ_in(name: str, signs: bool, fetches: bool, speaks: bool, draws: bool) -> None:
    known = traits(name, None)
    assert (known.signs_calls, known.fetches_links, known.speaks, known.draws) == (signs, fetches, speaks, draws)


def test_a_name_that_says_nothing_has_an_entry_that_does() -> None:
    entry = Model("mine", capabilities=frozenset({"signs_calls", "no_fetches_links"}))
    known = traits("endpoints/1234567890", entry)
    assert known.signs_calls and not known.fetches_links


@pytest.mark.parametrize(
    ("name", "penalties"),
    [
        ("gemini-2.0-flash-001", True),
        ("gemini-2.5-flash", True),
        ("gemini-2.5-flash-preview-05-20", False),
        ("gemini-exp-1206", False),
        ("gemini-3-pro-preview", False),
        ("gemini-3.5-flash", False),
        ("gemini-pro-latest", False),
        ("mistral-large-latest", True),
    ],
)
def test_who_refuses_penalties(name: str, penalties: bool) -> None:
    assert traits(name, None).penalties is penalties
    assert traits(name, Model(name, capabilities=frozenset({"penalties"}))).penalties
