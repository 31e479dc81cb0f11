"""A snapshot with everything in it: it survives its way to other processes, and its id tells meanings apart."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from extproc.config.transfer import decode_snapshot, encode_snapshot
from extproc.snapshot import ClusterSpec, HealthSpec, Proxy, RolloutSpec, ShadowSpec, SignSpec, Snapshot, StrategySpec
from tests.config.places import compiled

EVERYTHING = """\
providers:
  openai: {dialect: openai, credential: key-of-openai, models: [gpt-4o, {name: gpt-4o-mini, quality: 0.7}]}
  gpu:
    dialect: openai
    endpoints: [http://10.0.0.7:8000, http://10.0.0.8:8000]
    credential: key-of-gpu
    models: [{name: gpt-4o, price: {input: 1, output: 2}, context: 8192}]
    region: eu-west-1
    circuit_breaker: {failure_threshold: 3, timeout: 30s, half_open_requests: 1}
    cost_per_hour: 0.0928
    overhead_factor: 1.2
    tokens_per_second: 50
    wake_up: 90s
    sleeps_after: 15m
    health: {interval: 5s, timeout: 2s, failure_threshold: 4, success_threshold: 1, path: /health}
    sign: {hmac: {secret: secret-of-both-sides, scheme: v2}}
routes:
  - {match: {path: /v1/chat/completions}, strategy: trial, shadow: {target: gpu/gpt-4o, share: 5%}}
  - {match: {path: /v1/*}, strategy: mixed, failover: {max_attempts: 2}}
strategies:
  default:
    kind: hybrid
    targets: [gpu, openai/gpt-4o]
    weights: {gpu: 0.5}
    rules: [{condition: tokens < 1000, provider: gpu}]
    among: {kind: latency, within: 1.3, among: least_connections}
    ties: sticky
    unpriced: deny
    cluster_cost_threshold: 0.02
    max_queue_depth: 5
    max_latency: 2s
    sticky_by: [caller, prompt]
  near: {kind: region, regions: [eu-*, us-*]}
  mixed: {kind: blend, scores: {cost: 2, latency: 1}}
  trial:
    kind: canary
    stable: openai
    canary: gpu/gpt-4o
    split: {stable: 95, canary: 5}
    steps: [25, 50, 100]
    step_every: 10m
    sticky: user
    success_criteria: {error_rate: "<1%", latency_p95: "<2s", cost_efficiency: ">0.8"}
    window: 15m
    min_samples: 20
    webhook: https://hooks.example.com/secret-part
callers:
  - {name: ci, key: key-of-ci, strategy: near}
limits: {body: 1MiB}
egress: {proxy: "http://us:password-of-proxy@proxy.corp.example:3128", no_proxy: [.corp.example]}
"""
SECRETS = ("key-of-openai", "key-of-gpu", "secret-of-both-sides", "secret-part", "key-of-ci")
SECRETS += ("password-of-proxy", "dXM6cGFzc3dvcmQt")


def made(directory: Path, old: str = "", new: str = "") -> Snapshot:
    assert old in EVERYTHING
    return compiled(directory, EVERYTHING.replace(old, new) if old else EVERYTHING).snapshot


def test_it_survives_its_journey(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    back = decode_snapshot(encode_snapshot(snapshot))
    assert back == snapshot
    assert list(back.strategies) == list(snapshot.strategies)


def test_no_field_of_the_new_values_was_left_at_its_default(tmp_path: Path) -> None:
    """What the schema can say reaches the snapshot: each field differs from its default somewhere."""
    values = list(_values(made(tmp_path)))
    for kind in (ClusterSpec, HealthSpec, SignSpec, StrategySpec, RolloutSpec, ShadowSpec, Proxy):
        found = [one for one in values if type(one) is kind]
        for field in fields(kind):
            assert any(getattr(one, field.name) != field.default for one in found), f"{kind.__name__}.{field.name}"


def _values(value: Any) -> Iterator[Any]:
    if is_dataclass(value):
        yield value
        for field in fields(value):
            yield from _values(getattr(value, field.name))
    elif isinstance(value, dict):
        for one in value.values():
            yield from _values(one)
    elif isinstance(value, (tuple, frozenset)):
        for one in value:
            yield from _values(one)


def test_values_are_plain_and_remember_nothing_of_how_they_were_written(tmp_path: Path) -> None:
    numbers = {
        type(getattr(one, field.name)) for one in _values(made(tmp_path)) for field in fields(one)
        if isinstance(getattr(one, field.name), (int, float))
    }  # fmt: skip
    assert numbers <= {int, float, bool}


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    everything = compiled(tmp_path, EVERYTHING)
    shown = repr(everything) + encode_snapshot(everything.snapshot).decode("latin-1")
    assert not [secret for secret in SECRETS if secret in shown]
    gpu = everything.snapshot.providers["gpu"].cluster
    (proxy,) = everything.proxies
    assert sorted(everything.keys) == [f"credential.{gpu}", f"proxy.{proxy}", f"sign.{gpu}", "webhook.trial"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("within: 1.3", "within: 1.4"),
        ("among: least_connections", "among: round_robin"),
        ("regions: [eu-*, us-*]", "regions: [us-*, eu-*]"),
        ("scores: {cost: 2", "scores: {cost: 3"),
        ("steps: [25, 50, 100]", "steps: [25, 100]"),
        ('error_rate: "<1%"', 'error_rate: "<2%"'),
        ("tokens < 1000", "tokens < 1001"),
        ("share: 5%", "share: 6%"),
        ("key: key-of-ci, strategy: near", "key: key-of-ci, strategy: mixed"),
        ("cost_per_hour: 0.0928", "cost_per_hour: 0.0929"),
        ("scheme: v2", "scheme: v1"),
        ("quality: 0.7", "quality: 0.8"),
    ],
)
def test_another_meaning_is_another_id_and_the_same_clusters(tmp_path: Path, old: str, new: str) -> None:
    first, second = made(tmp_path), made(tmp_path, old, new)
    assert first.id != second.id
    assert [one.cluster for one in first.providers.values()] == [one.cluster for one in second.providers.values()]


def test_another_secret_is_the_same_id(tmp_path: Path) -> None:
    """What rotates does not count as another configuration."""
    assert made(tmp_path).id == made(tmp_path, "secret-of-both-sides", "another-secret-of-both").id
    assert made(tmp_path).id == made(tmp_path, "secret-part", "another-part").id
