"""The keyring: what is in it, when it is another, and that it says nothing of itself."""

import dataclasses
import os
from pathlib import Path

import pytest

from extproc.app import keyring
from extproc.app.keyring import FileKeys, HeldKeys, key_file
from extproc.app.processor import ProcessorSettings, _Processor
from extproc.config.credentials import Secret
from extproc.config.load import Loaded, load_document
from extproc.dataplane.feed import keep_only
from extproc.stores.private_files import replace

NAMES = ["sign.a", "sign.a/b", "sign...", "webhook.ü", "credential.a b"]


def test_held_keys_are_those_of_the_configuration_and_what_was_before() -> None:
    held = HeldKeys({"sign.a": Secret("old"), "sign.gone": Secret("x"), "sign.empty": Secret("")})
    held.use({"sign.a": Secret("grüße")})
    assert held("sign.a") == "grüße".encode()
    assert held("sign.gone") == b"x", "an exchange that began with it ends with it"
    assert held("sign.empty") is None and held("sign.never") is None


@pytest.mark.parametrize("name", NAMES)
def test_a_key_of_any_name_has_a_file_of_its_own(name: str, tmp_path: Path) -> None:
    keys = FileKeys(tmp_path)
    assert keys(name) is None
    replace(tmp_path / key_file(name), "secret")
    assert keys(name) == b"secret"
    assert [file.parent for file in tmp_path.rglob("*")] == [tmp_path]
    assert len({key_file(one) for one in NAMES}) == len(NAMES)


def test_a_file_that_is_replaced_is_read_again_and_else_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sign.a"
    keys = FileKeys(tmp_path)
    replace(file, "one")
    assert keys("sign.a") == b"one"
    replace(file, "two")  # as long, and maybe within the clock's tick
    assert keys("sign.a") == b"two"
    monkeypatch.setattr(keyring.Path, "read_bytes", lambda _: pytest.fail("read though it is the same"))
    assert [keys("sign.a") for _ in range(3)] == [b"two"] * 3


def test_a_file_that_is_gone_or_empty_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "sign.a"
    keys = FileKeys(tmp_path)
    replace(file, "one")
    assert keys("sign.a") == b"one"
    file.unlink()
    assert keys("sign.a") is None
    replace(file, "")
    assert keys("sign.a") is None


def test_files_that_nothing_needs_are_deleted(tmp_path: Path) -> None:
    for name in ("sign.a", "sign.b"):
        replace(tmp_path / name, "x")
    keep_only(tmp_path, {str(tmp_path / "sign.b"): "x"})
    assert os.listdir(tmp_path) == ["sign.b"]


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    replace(tmp_path / "sign.a", "hush")
    keys, held = FileKeys(tmp_path), HeldKeys({"sign.a": Secret("hush")})
    assert keys("sign.a") == held("sign.a") == b"hush"
    assert "hush" not in f"{keys!r} {held!r}"


async def test_a_processor_that_stands_alone_follows_a_secret_though_the_snapshot_stays_the_same() -> None:
    loaded = load_document({"providers": {"a": {"dialect": "openai", "base_url": "http://127.0.0.1:1"}}}, "test")
    old = _with_keys(loaded, {"sign.a": Secret("old")}).compiled
    assert old is not None
    processor = _Processor(ProcessorSettings(listen=(), admin=None, drain=0.0), old.snapshot, old)
    assert processor._desk.key("sign.a") == b"old"
    await processor._in_force._follow(_with_keys(loaded, {"sign.a": Secret("new")}), open_to_strangers=False)
    assert processor._desk.key("sign.a") == b"new"


def _with_keys(loaded: Loaded, keys: dict[str, Secret]) -> Loaded:
    assert loaded.compiled is not None
    return dataclasses.replace(loaded, compiled=dataclasses.replace(loaded.compiled, keys=keys))
