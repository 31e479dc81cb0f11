"""Canaries: two arms, how they are split, what moves them, and who is told."""

from pathlib import Path

import pytest

from extproc import names
from extproc.config.transfer import encode_snapshot
from extproc.snapshot import Criteria, RolloutSpec, Target
from tests.config.places import LAB, compiled, loaded, messages

HEAD = f"providers:\n  {LAB}\n  pool: {{dialect: openai, endpoints: ['http://127.0.0.1:9002'], models: [small]}}\n"
ARMS = "kind: canary, stable: lab/small, canary: pool/small"
SMALL, POOL = Target("lab", "small"), Target("pool", "small")
HOOK = "https://hooks.example.com/T000/secret-part?x=1"


def written(text: str) -> str:
    return f"{HEAD}strategies:\n  trial: {{{text}}}\n"


def rollout(directory: Path, text: str) -> RolloutSpec:
    found = compiled(directory, written(text)).snapshot.strategies["trial"].rollout
    assert found is not None
    return found


def test_everything_of_a_canary_arrives(tmp_path: Path) -> None:
    text = f"""kind: ab, stable: [lab/small, lab/big], canary: pool, split: {{stable: 95, canary: 5%}},
        steps: [25, 50%, 99.5], step_every: 10m, sticky: session, window: 15m, min_samples: 20, webhook: '{HOOK}',
        success_criteria: {{error_rate: "<1%", latency_p95: "< 500ms", cost_efficiency: ">0.8"}}"""
    assert rollout(tmp_path, text) == RolloutSpec(
        stable=(SMALL, Target("lab", "big")),
        canary=(Target("pool", ""),),
        share=0.05,
        steps=(0.25, 0.5, 0.995),
        step_every=600.0,
        sticky="session",
        criteria=Criteria(0.01, 0.5, 0.8),
        window=900.0,
        min_samples=20,
        webhook=True,
    )


def test_two_arms_are_enough(tmp_path: Path) -> None:
    assert rollout(tmp_path, ARMS) == RolloutSpec((SMALL,), (POOL,), share=0.1)


def test_the_split_of_the_documents_is_read(tmp_path: Path) -> None:
    text = ARMS + ', traffic_split: {stable: 90, canary: 10}, success_criteria: {error_rate: "<0.02"}'
    made = rollout(tmp_path, text)
    assert (made.share, made.criteria) == (0.1, Criteria(error_rate=0.02))


@pytest.mark.parametrize(("canary", "share"), [("0", 0.0), ("100", 1.0), ("0.5", 0.005)])
def test_a_split_may_begin_anywhere(tmp_path: Path, canary: str, share: float) -> None:
    stable = f"{100 - float(canary):g}"
    assert rollout(tmp_path, f"{ARMS}, split: {{stable: {stable}, canary: {canary}}}").share == pytest.approx(share)


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        (
            "error_rate",
            ["1%", "<", "<-1%", "<=1%", ">1%", "<0", "<0%", "<1", "<100%", "<200%", "<1%%", "<1 %x", ".01"],
        ),
        ("latency_p95", ["2s", "<0s", "<", "<2 s", "<2x", ">2s", "<-2s", "<inf", "<2s<1s", "<999d"]),
        ("cost_efficiency", ["0.8", "<0.8", ">", ">-1", ">80%", ">1e3", ">inf", ">nan", ">=0.8", ">0.8.1"]),
    ],
)
def test_what_is_no_criterion_is_told_how_to_write_one(tmp_path: Path, key: str, texts: list[str]) -> None:
    for text in texts:
        found = messages(loaded(tmp_path, written(f"{ARMS}, success_criteria: {{{key}: '{text}'}}")))
        assert len(found) == 1, text
        assert f"strategies.trial.success_criteria.{key}: must be written in quotes as " in found[0], text


def test_a_canary_that_climbs_whatever_happens_is_told(tmp_path: Path) -> None:
    (note,) = loaded(tmp_path, written(f"{ARMS}, steps: [50, 100]")).notes
    assert "strategies.trial: the canary climbs whatever happens to it" in note
    assert not loaded(tmp_path, written(f"{ARMS}, steps: [50], success_criteria: {{error_rate: '<1%'}}")).notes


@pytest.mark.parametrize("form", [f"'{HOOK}'", "{file: hook}", "'${HOOK}'"])
def test_whom_a_canary_tells_is_a_key_and_nowhere_else(tmp_path: Path, form: str) -> None:
    (tmp_path / "hook").write_text(HOOK + "\n")
    text = written(f"{ARMS}, steps: [50], webhook: {form}")
    made = compiled(tmp_path, text, {"HOOK": HOOK})
    assert {name: secret.read() for name, secret in made.keys.items()} == {names.KEY_WEBHOOK + "trial": HOOK}
    assert "secret-part" not in repr(made) + str(made.keys) + encode_snapshot(made.snapshot).decode("latin-1")


@pytest.mark.parametrize(
    "text", ["ftp://h/secret-part", "//h/secret-part", "secret-part", "https://", "https:///secret-part",
             "http://[::1/secret-part", "http://h:99999/secret-part", "https://h/secret part", "https://h/\x01", ""]
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "hook").write_text(text)
    for form, place in (("{file: hook}", ".file"), ("'${HOOK}'", "")):
        found = messages(loaded(tmp_path, written(f"{ARMS}, steps: [50], webhook: {form}"), {"HOOK": text}))
        assert len(found) == 1 and f" strategies.trial.webhook{place}: " in found[0]
        assert "secret" not in found[0].replace("the secret", "")
