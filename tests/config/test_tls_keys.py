"""TLS towards upstreams: which files are named, that they are followed, and which may stand together."""

import shutil
import subprocess
from pathlib import Path

import pytest

from extproc.snapshot import Tls
from tests.config.places import compiled, loaded, messages

ALL = "tls: {client_certificate: client.pem, client_key: client.key, ca: ca.pem, server_name: aws-west}"
HEADS = {"providers": "dialect: openai, endpoints: ['https://h']", "services": "endpoints: ['https://h']"}


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    made = tmp_path_factory.mktemp("pems")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -keyout client.key -out client.pem"
    subprocess.run(command.split(), cwd=made, check=True, capture_output=True)
    shutil.copy(made / "client.pem", made / "ca.pem")
    (made / "text").write_text("this is no PEM")
    return made


def written(section: str, text: str) -> str:
    beside = "" if section == "providers" else "providers: {lab: {dialect: ollama}}\n"
    return f"{beside}{section}:\n  it: {{{HEADS[section]}, {text}}}\n"


@pytest.mark.parametrize("section", HEADS)
def test_all_of_it_arrives_and_is_followed(pems: Path, section: str) -> None:
    found = loaded(pems, written(section, ALL))
    assert found.compiled is not None, found.problems
    upstream = getattr(found.compiled.snapshot, section)["it"]
    assert upstream.tls == Tls(
        ca=str(pems / "ca.pem"),
        client_certificate=str(pems / "client.pem"),
        client_key=str(pems / "client.key"),
        server_name="aws-west",
    )
    assert {pems / "ca.pem", pems / "client.pem", pems / "client.key"} <= set(found.files)


def test_either_place_of_the_ca_means_the_same(pems: Path) -> None:
    texts = ("ca: ca.pem", "tls: {ca: ca.pem}")
    first, second = (compiled(pems, written("providers", text)).snapshot.providers["it"] for text in texts)
    assert first == second


def test_another_certificate_is_another_cluster(pems: Path) -> None:
    texts = ("ca: ca.pem", ALL, ALL.replace("aws-west", "aws-east"))
    found = {compiled(pems, written("providers", text)).snapshot.providers["it"].cluster for text in texts}
    assert len(found) == 3


@pytest.mark.parametrize("section", HEADS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ca: ca.pem, tls: {ca: ca.pem}", "tls.ca: stands beside `ca` (keep one of them)"),
        ("tls: {client_certificate: client.pem}", "tls.client_key: is missing (`client_certificate` needs it)"),
        ("tls: {client_key: client.key}", "tls.client_certificate: is missing (`client_key` needs it)"),
        ("tls: {client_certificate: client.pem, client_key: text}", "tls.client_key: the file holds no PEM"),
        ("tls: {client_certificate: client.pem, client_key: ca.pem}", "tls.client_key: the file holds no PEM"),
        ("tls: {ca: text}", "tls.ca: the file holds no PEM certificates"),
        ("ca: text", "ca: the file holds no PEM certificates"),
        ("tls: {client_certificate: text, client_key: client.key}",
         "tls.client_certificate: the file holds no PEM certificates"),
        ("tls: {ca: ''}", "tls.ca: names no file"),
        ("tls: {ca: nowhere}", "tls.ca: the file of CA certificates cannot be read: no such file or directory"),
        ("tls: {client_certificate: client.pem, client_key: nowhere}",
         "tls.client_key: the client's key cannot be read: no such file or directory"),
        ("tls: {server_name: 'a b'}", "tls.server_name: must be a host name"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_one_problem(pems: Path, section: str, text: str, said: str) -> None:
    (message,) = messages(loaded(pems, written(section, text)))
    assert f" {section}.it.{said}" in message


@pytest.mark.parametrize("address", ["http://h", "unix:///run/h.sock"])
def test_without_tls_no_certificate_is_shown(pems: Path, address: str) -> None:
    text = written("providers", ALL).replace("https://h", address)
    assert messages(loaded(pems, text)) == ["2: providers.it.tls: goes only with https:// addresses"]
