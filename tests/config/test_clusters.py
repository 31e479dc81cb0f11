"""Self-hosted upstreams: their price by the hour, their probes, the secrets that the processor keeps for them."""

from pathlib import Path

import pytest

from extproc import names
from extproc.config.compile import Compiled
from extproc.config.transfer import encode_snapshot
from extproc.snapshot import ClusterSpec, HealthSpec, Provider, SignSpec
from tests.config.places import compiled, loaded, messages

POOL = "dialect: openai, endpoints: ['http://10.0.0.7:8000', 'http://10.0.0.8:8000']"
ONE = "dialect: openai, endpoints: ['http://10.0.0.7:8000']"
NAMED = "dialect: openai, endpoints: ['http://pool.internal:8000']"  # a name may stand for many
SECRET = "a-secret-of-both-sides"


def made(directory: Path, text: str) -> Compiled:
    return compiled(directory, f"providers:\n  it: {{{text}}}\n")


def provider(directory: Path, text: str) -> Provider:
    return made(directory, text).snapshot.providers["it"]


def test_a_price_by_the_hour_makes_a_cluster_that_is_probed(tmp_path: Path) -> None:
    it = provider(tmp_path, f"{ONE}, cost_per_hour: 0.0928")
    assert (it.by_the_hour, it.health) == (ClusterSpec(92_800_000), HealthSpec())


def test_everything_of_a_cluster_arrives(tmp_path: Path) -> None:
    it = provider(
        tmp_path,
        f"{POOL}, cost_per_hour: 0.378, overhead_factor: 1.25, tokens_per_second: 200, wake_up: 90s, sleeps_after: 15m"
        ", health: {interval: 5s, timeout: 2s, failure_threshold: 4, success_threshold: 1, path: '/health?deep=1'}",
    )
    assert it.by_the_hour == ClusterSpec(378_000_000, 1.25, 200.0, 90.0, 900.0)
    assert it.health == HealthSpec(5.0, 2.0, 4, 1, "/health?deep=1")


def test_nobody_is_probed_who_did_not_ask_for_it(tmp_path: Path) -> None:
    assert provider(tmp_path, ONE).health is None
    assert provider(tmp_path, f"{ONE}, cost_per_hour: 1, health: {{enabled: false}}").health is None
    assert provider(tmp_path, f"{ONE}, health: {{}}").health == HealthSpec()


def test_a_short_interval_shortens_the_timeout_that_nobody_wrote(tmp_path: Path) -> None:
    assert provider(tmp_path, f"{ONE}, health: {{interval: 3s}}").health == HealthSpec(3.0, 3.0)
    assert provider(tmp_path, f"{ONE}, health: {{interval: 1m}}").health == HealthSpec(60.0, 10.0)


def test_quality_is_the_operators_to_say(tmp_path: Path) -> None:
    it = provider(tmp_path, f"{ONE}, models: [{{name: a, quality: 0}}, {{name: b, quality: 7.5}}, c]")
    assert [(model.name, model.quality) for model in it.models] == [("a", 0.0), ("b", 7.5), ("c", None)]


def test_envoys_cluster_follows_its_probes_only_where_there_may_be_several_endpoints(tmp_path: Path) -> None:
    def cluster(text: str) -> str:
        return provider(tmp_path, text).cluster

    assert cluster(f"{ONE}, cost_per_hour: 1") == cluster(ONE)
    assert cluster(f"{POOL}, cost_per_hour: 1") != cluster(POOL)
    assert cluster(f"{POOL}, health: {{interval: 5s}}") != cluster(f"{POOL}, health: {{interval: 6s}}")
    assert cluster(f"{NAMED}, health: {{interval: 5s}}") != cluster(f"{NAMED}, health: {{interval: 6s}}")
    signed = f"{POOL}, sign: {{hmac: {{secret: {SECRET}}}}}"
    assert cluster(signed) == cluster(f"{POOL}, cost_per_hour: 2, health: {{enabled: false}}") == cluster(POOL)


# --- the keyring -----------------------------------------------------------------------------------------------------


def test_a_secret_of_both_sides_is_a_key_and_nowhere_else(tmp_path: Path) -> None:
    it = made(tmp_path, f"{ONE}, sign: {{hmac: {{secret: '{SECRET} with  spaces', scheme: v2}}}}")
    assert it.snapshot.providers["it"].sign == SignSpec("v2")
    assert {name: secret.read() for name, secret in it.keys.items()} == {
        names.KEY_SIGN + it.snapshot.providers["it"].cluster: f"{SECRET} with  spaces",
    }
    assert it.secrets == {}
    assert SECRET not in repr(it) + str(it.keys) + encode_snapshot(it.snapshot).decode("latin-1")


def test_a_secret_in_a_file_is_followed_and_its_line_break_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(f"{SECRET} ä\r\n".encode())
    found = loaded(tmp_path, f"providers: {{it: {{{ONE}, sign: {{hmac: {{secret: {{file: secret}}}}}}}}}}")
    assert found.compiled is not None and tmp_path / "secret" in found.files and not found.notes
    assert [secret.read() for secret in found.compiled.keys.values()] == [f"{SECRET} ä"]


@pytest.mark.parametrize(("data", "said"), [(b" \n", "is empty"), (b"\xff\xfe" + SECRET.encode(), "is no UTF-8 text")])
def test_a_file_that_holds_no_secret_is_an_error(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "secret").write_bytes(data)
    found = loaded(tmp_path, f"providers: {{it: {{{ONE}, sign: {{hmac: {{secret: {{file: secret}}}}}}}}}}")
    (message,) = messages(found)
    assert f"providers.it.sign.hmac.secret.file: the secret in the file {said}" in message
    assert SECRET not in message


def test_a_short_secret_is_told_and_not_shown(tmp_path: Path) -> None:
    (note,) = loaded(tmp_path, f"providers: {{it: {{{ONE}, sign: {{hmac: {{secret: short-one}}}}}}}}").notes
    assert "providers.it.sign.hmac.secret: the secret is shorter than 16 characters" in note
    assert "short-one" not in note


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("credential: lab-key, cost_per_hour: 1", {"credential.it": "lab-key"}),
        ("credential: lab-key, health: {}", {"credential.it": "lab-key"}),
        ("credential: lab-key", {}),
        ("credential: lab-key, cost_per_hour: 1, health: {enabled: false}", {}),
        ("credential: caller, cost_per_hour: 1", {}),
        ("cost_per_hour: 1", {}),
    ],
)
def test_probes_show_the_credential_that_is_ours(tmp_path: Path, text: str, shown: dict[str, str]) -> None:
    keys = made(tmp_path, f"{ONE}, {text}").keys
    assert {name.rpartition(".")[0]: key.read() for name, key in keys.items()} == shown


def test_who_moves_has_keys_of_its_own_there(tmp_path: Path) -> None:
    """So the old place is never shown the new ones, and one that stays where it is has its new secret at once."""

    def keys(text: str) -> set[str]:
        told = f"{text}, credential: k, cost_per_hour: 1, sign: {{hmac: {{secret: {SECRET}}}}}"
        return set(made(tmp_path, told).keys)

    assert len(keys(ONE)) == 2 and keys(ONE).isdisjoint(keys(POOL))
    assert keys(ONE) == set(made(tmp_path, f"{ONE}, credential: l, health: {{}}, sign: {{hmac: {{secret: s}}}}").keys)


def test_keys_of_aws_are_no_credential_for_probes(tmp_path: Path) -> None:
    aws = "dialect: bedrock, region: us-east-1, credential: {access_key_id: a, secret_access_key: b}, health: {}"
    assert made(tmp_path, aws).keys == {}
