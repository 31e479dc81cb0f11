"""Strategies: what the snapshot holds for what was written, and what their keys may not be."""

from pathlib import Path

import pytest

from extproc.config.kinds import KINDS, MEASURING
from extproc.config.reference_strategies import MEANINGS
from extproc.config.schema_strategies import StrategyKeys
from extproc.config.strategy_keys import GOES_WITH
from extproc.decision import strategies
from extproc.snapshot import Rule, StrategySpec, Target
from tests.config.places import LAB, loaded, messages, snapshot

HEAD = f"providers:\n  {LAB}\n  pool: {{dialect: openai, endpoints: ['http://127.0.0.1:9002'], models: [small]}}\n"


def strategy(directory: Path, text: str, others: str = "") -> StrategySpec:
    return snapshot(directory, f"{HEAD}strategies:\n  s: {{{text}}}\n{others}").strategies["s"]


def test_every_key_of_a_strategy_arrives(tmp_path: Path) -> None:
    text = """kind: hybrid, targets: [lab/big, pool], weights: {lab: 2, pool/small: 0.5}, ties: round-robin,
        unpriced: deny, cluster_cost_threshold: 0.01, max_queue_depth: 4, max_latency: 1500ms,
        rules: [{condition: tokens < 1000, provider: pool}]"""
    assert strategy(tmp_path, text) == StrategySpec(
        name="s",
        kind="hybrid",
        targets=(Target("lab", "big"), Target("pool", "")),
        weights={"lab": 2.0, "pool/small": 0.5},
        rules=(Rule("tokens < 1000", "pool"),),
        ties="round_robin",
        unpriced="deny",
        cluster_cost_threshold=10_000_000,
        max_queue_depth=4.0,
        max_latency=1.5,
    )


def test_what_is_left_out_is_left_to_the_strategy(tmp_path: Path) -> None:
    assert strategy(tmp_path, "kind: least-cost") == StrategySpec("s", "cost")


def test_keys_of_what_is_blended_and_of_ties_are_read_there(tmp_path: Path) -> None:
    made = strategy(tmp_path, "kind: blend, scores: {hybrid: 2, fast: 1}, cluster_cost_threshold: 0.02")
    assert (made.scores, made.cluster_cost_threshold) == ({"hybrid": 2.0, "latency": 1.0}, 20_000_000)
    assert strategy(tmp_path, "kind: round_robin, ties: cost, unpriced: allow").unpriced == "allow"


# --- among -----------------------------------------------------------------------------------------------------------

FAST = StrategySpec("latency", "latency", within=1.3)


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("kind: cost, among: {kind: latency, within: 1.3}", ""),
        ("kind: cost, among: {kind: fast}, within: 1.3", ""),
        ("kind: cost, among: fast, within: 1.3", ""),
        ("kind: cost, among: performance-optimized, within: 1.3", ""),
        ("kind: cost, among: latency, within: 1.3", "  latency: {kind: latency}\n"),
    ],
)
def test_a_strategy_is_limited_by_another_in_each_written_form(tmp_path: Path, text: str, others: str) -> None:
    assert strategy(tmp_path, text, others) == StrategySpec("s", "cost", among=FAST)


def test_a_named_strategy_is_written_out_with_what_limits_it(tmp_path: Path) -> None:
    others = "  calm-one: {kind: least_connections, weights: {lab: 2}, among: fast, within: 1.3}\n"
    made = strategy(tmp_path, "kind: cost, among: calm_one, within: 2", others)
    calm = StrategySpec("calm-one", "least_connections", weights={"lab": 2.0}, among=FAST, within=2.0)
    assert made == StrategySpec("s", "cost", among=calm)


def test_what_is_inside_has_a_limit_of_its_own(tmp_path: Path) -> None:
    made = strategy(tmp_path, "kind: cost, among: {kind: round_robin, within: 3, among: {kind: latency, within: 1.3}}")
    assert made.within is None
    assert made.among == StrategySpec("round_robin", "round_robin", within=3.0, among=FAST)


def test_five_may_stand_inside_one_another_and_not_a_sixth(tmp_path: Path) -> None:
    def nested(depth: int) -> str:
        return "kind: cost" if depth == 0 else f"kind: cost, among: {{{nested(depth - 1)}}}"

    assert strategy(tmp_path, nested(5)).kind == "cost"
    found = loaded(tmp_path, f"{HEAD}strategies: {{s: {{{nested(6)}}}}}")
    assert len(messages(found)) == 1 and "deeper than 5 levels" in messages(found)[0]


def test_a_long_chain_of_named_ones_is_too_deep_too(tmp_path: Path) -> None:
    chain = "".join(f"  s{n}: {{kind: cost, among: s{n + 1}}}\n" for n in range(6)) + "  s6: {kind: latency}\n"
    found = loaded(tmp_path, f"{HEAD}strategies:\n{chain}")
    assert len(messages(found)) == 1 and "deeper than 5 levels" in messages(found)[0]


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("kind: latency, wihin: 1.3", "is not a known key (did you mean `within`?)"),
        ("kind: 7", "no kind of strategy is called `7`"),
        ("kind: latency, within: no", "must be a number"),
        ("kind: latency, among: {kind: cost, within: 0}", "must be at least 1"),
    ],
)
def test_a_mistake_deep_inside_is_one_problem_at_its_line(tmp_path: Path, inner: str, said: str) -> None:
    text = f"{HEAD}strategies:\n  s:\n    kind: cost\n    among:\n      {{{inner}}}\nroutes: [{{strategy: s}}]\n"
    (message,) = messages(loaded(tmp_path, text))
    assert message.startswith("8: strategies.s.among.") and said in message


def test_what_names_a_broken_strategy_has_no_problem_of_its_own(tmp_path: Path) -> None:
    text = f"{HEAD}strategies:\n  s: {{kind: cost, among: t}}\n  t: {{kind: latency, nonsense: 1}}\n"
    assert messages(loaded(tmp_path, text)) == ["6: strategies.t.nonsense: is not a known key"]


# --- which keys go with which kinds ----------------------------------------------------------------------------------


def test_every_key_has_kinds_and_every_kind_has_a_meaning() -> None:
    assert set(GOES_WITH) == set(StrategyKeys.model_fields) - {"kind", "within"}
    assert all(kinds and kinds <= KINDS for kinds in GOES_WITH.values())
    assert set(MEANINGS) == KINDS


def test_what_measures_is_what_the_decision_room_can_blend() -> None:
    assert set(strategies.SCORERS) <= MEASURING <= KINDS - {"ordered", "weighted", "blend", "canary"}


@pytest.mark.parametrize("kind", sorted(strategies.KINDS))
def test_each_key_that_a_kind_does_not_read_is_an_error(tmp_path: Path, kind: str) -> None:
    written = {
        "weights": "{lab: 1}", "scores": "{cost: 1}", "unpriced": "deny", "cluster_cost_threshold": "1",
        "max_queue_depth": "1", "max_latency": "1s", "sticky_by": "user", "regions": "[eu]", "steps": "[50]",
        "webhook": "http://h", "window": "1m",
    }  # fmt: skip
    for key, value in written.items():
        found = [one for one in messages(loaded(tmp_path, f"{HEAD}strategies: {{s: {{kind: {kind}, {key}: {value}}}}}"))
                 if f"strategies.s.{key}: " in one and " go" in one and " with `kind: " in one]  # fmt: skip
        assert len(found) == (kind not in GOES_WITH[key]), (kind, key, found)


# --- who names a strategy --------------------------------------------------------------------------------------------


def test_a_caller_has_a_strategy(tmp_path: Path) -> None:
    text = f"{HEAD}strategies: {{s: {{kind: cost}}}}\ncallers: [{{name: a, key: k, strategy: s}}, {{name: b, key: l}}]"
    assert [caller.strategy for caller in snapshot(tmp_path, text).callers] == ["s", None]


def test_a_name_may_be_written_with_either_dash(tmp_path: Path) -> None:
    text = f"{HEAD}strategies: {{a-b: {{kind: cost}}}}\nroutes: [{{strategy: a_b}}, {{strategy: least-cost}}]"
    assert [route.strategy for route in snapshot(tmp_path, text).routes] == ["a-b", "cost"]


def test_a_shadow_has_a_target_and_a_share(tmp_path: Path) -> None:
    routes = "{shadow: pool/small}, {shadow: {target: pool/small, share: 5%}}, {shadow: {target: lab/a/b, share: 0.25}}"
    found = [route.shadow for route in snapshot(tmp_path, f"{HEAD}routes: [{routes}]").routes]
    assert [(str(one.target), one.share) for one in found if one] == [
        ("pool/small", 1.0),
        ("pool/small", 0.05),
        ("lab/a/b", 0.25),
    ]


@pytest.mark.parametrize("share", ["0", "0%", "-1", "1.5", "101%", "true", "half", "10 percent", ".nan", ".inf"])
def test_a_share_is_a_part(tmp_path: Path, share: str) -> None:
    found = loaded(tmp_path, f"{HEAD}routes: [{{shadow: {{target: pool/small, share: {share}}}}}]")
    assert [one.split(": ")[2] for one in messages(found)] == ["must be a share"]
