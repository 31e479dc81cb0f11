"""What a rendered configuration says of secrets: where they are, and never what they are."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.app.rendered_files import files, made
from extproc.app.secret_references import CannotRefer
from extproc.config.compile import Compiled
from extproc.config.load import load
from extproc.dataplane.place import Place
from extproc.dataplane.references import AwsProfile, AwsVariables, InFile, Variable
from tests.dataplane.certificates import Ca

CANARY = "canary-7d41e6"
ENVIRONMENT = {"KEY": CANARY, "AWS_ACCESS_KEY_ID": f"{CANARY}-a", "AWS_SECRET_ACCESS_KEY": f"{CANARY}-b"}
PLACE = Place(
    host="0.0.0.0",
    port=8080,
    admin="/run/extproc/admin.sock",
    processors=("/run/extproc/p0.sock",),
    xds="/etc/envoy/xds",
    secrets="/etc/envoy/xds/secrets",
    ca_bundle="/etc/ssl/certs/ca-certificates.crt",
)


def compiled(directory: Path, text: str, **more: str) -> Compiled:
    path = directory / "extproc.yaml"
    path.write_text(text)
    loaded = load(path, {**ENVIRONMENT, **more})
    assert loaded.compiled is not None, [str(problem) for problem in loaded.problems]
    return loaded.compiled


def provider(credential: str, rest: str = "dialect: openai, base_url: 'http://127.0.0.1:1/v1'") -> str:
    return f"providers:\n  lab: {{{rest}, credential: {credential}}}\n"


BEDROCK = "dialect: bedrock, region: us-east-1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (provider("'${KEY}'"), Variable("KEY")),
        (provider("{value: '${KEY}', as: bearer}"), Variable("KEY")),
        (provider("{file: key}"), "file"),
        (provider("{file: key, as: bearer}"), "file"),
        (
            provider("{access_key_id: '${AWS_ACCESS_KEY_ID}', secret_access_key: '${AWS_SECRET_ACCESS_KEY}'}", BEDROCK),
            AwsVariables(),
        ),
        (provider("{aws: work}", BEDROCK), "profile"),
    ],
)
def test_a_secret_is_where_the_configuration_took_it_from(tmp_path: Path, text: str, expected: object) -> None:
    (tmp_path / "key").write_text(f"{CANARY}\n")
    (tmp_path / "aws").write_text(f"[work]\naws_access_key_id={CANARY}\naws_secret_access_key={CANARY}\n")
    found = compiled(tmp_path, text, AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "aws"))
    given = made(found, PLACE)
    wanted = {"file": InFile(str(tmp_path / "key")), "profile": AwsProfile(str(tmp_path / "aws"), "work")}
    (reference,) = given.place.references.values()
    assert reference == (wanted.get(expected) if isinstance(expected, str) else expected)
    assert CANARY not in json.dumps(given.rendered.bootstrap) + "".join(files(found, PLACE).values())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (provider(CANARY), "extproc.yaml:2: providers.lab.credential: the secret stands in the configuration itself"),
        (provider("'sk-${KEY}'"), "write ${NAME} alone, without a default, or {file: PATH}"),
        (provider("'${OTHER:-canary-7d41e6}'"), "without a default"),
        (provider("'$${KEY}'"), "write ${NAME} alone"),
        (
            provider("{access_key_id: '${KEY}', secret_access_key: '${AWS_SECRET_ACCESS_KEY}'}", BEDROCK),
            "Envoy takes AWS keys only from the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
        ),
    ],
)
def test_what_nobody_can_refer_to_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    found = compiled(tmp_path, text)
    with pytest.raises(CannotRefer) as refused:
        made(found, PLACE)
    (line,) = refused.value.lines
    assert says in line
    assert CANARY not in line


def test_a_proxy_with_a_password_is_told_where_it_is_used_and_passed_over_elsewhere(
    tmp_path: Path,
) -> None:
    egress = f"egress: {{proxy: 'http://us:{CANARY}@proxy.example:3128'}}\n"
    found = compiled(tmp_path, provider("'${KEY}'", "dialect: openai") + egress)
    with pytest.raises(CannotRefer) as refused:
        made(found, PLACE)
    (line,) = refused.value.lines
    assert line.startswith("egress: ") and "write a proxy without them" in line and CANARY not in line
    texts = files(found, replace(PLACE, form="portable"))
    assert not any(CANARY in text or "proxy.example" in text for text in texts.values())


def test_certificates_are_named_and_their_directory_is_followed(tmp_path: Path) -> None:
    authority = Ca()
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    authority.issue("client").write(tmp_path)
    tls = "tls: {ca: ca.pem, client_certificate: client.pem, client_key: client.key}"
    found = compiled(tmp_path, f"services:\n  s: {{endpoints: ['https://s.example.com'], {tls}}}\n")
    cluster = found.snapshot.services["s"].cluster
    texts = files(found, PLACE)
    (client,) = json.loads(texts[PLACE.client_certificate(cluster)])["resources"]
    assert client["tls_certificate"] == {
        "certificate_chain": {"filename": f"{tmp_path}/client.pem"},
        "private_key": {"filename": f"{tmp_path}/client.key"},
        "watched_directory": {"path": str(tmp_path)},
    }
    (trusted,) = json.loads(texts[PLACE.authorities(cluster)])["resources"]
    assert trusted["validation_context"]["trusted_ca"] == {"filename": f"{tmp_path}/ca.pem"}
    assert "BEGIN" not in "".join(texts.values())


def test_the_same_configuration_gives_the_same_bytes(tmp_path: Path) -> None:
    text = provider("'${KEY}'")
    assert files(compiled(tmp_path, text), PLACE) == files(compiled(tmp_path, text), PLACE)


def test_contents_are_for_a_private_directory(tmp_path: Path) -> None:
    found = compiled(tmp_path, provider("'${KEY}'"))
    texts = files(found, PLACE, "contents")
    holding = [path for path, text in texts.items() if CANARY in text]
    assert holding == [PLACE.secret(found.snapshot.providers["lab"].cluster)]


ELSEWHERE = """
providers:
  lab: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', credential: '${NOT_HERE}'}
  own: {dialect: openai, base_url: 'https://own.example.com/v1', credential: {file: /run/not/here}, tls: {ca: /run/no}}
callers: [{name: a, key: '${KEY_OF_A}'}, {name: b, key: '${KEY_OF_B}'}]
"""


def test_secrets_need_not_be_on_the_machine_that_renders(tmp_path: Path) -> None:
    path = tmp_path / "extproc.yaml"
    path.write_text(ELSEWHERE)
    here, there = load(path, {}, elsewhere=True), load(path, {})
    assert here.problems == () and here.compiled is not None
    lab, own = made(here.compiled, PLACE).place.references.values()
    assert (lab, own) == (Variable("NOT_HERE"), InFile("/run/not/here"))
    assert {problem.path for problem in there.problems} == {
        "providers.lab.credential",
        "providers.own.credential.file",
        "providers.own.tls.ca",
        "callers[0].key",
        "callers[1].key",
    }


def test_whatever_is_no_secret_must_be_known(tmp_path: Path) -> None:
    path = tmp_path / "extproc.yaml"
    path.write_text("providers: {lab: {dialect: openai, base_url: '${LAB_URL}', credential: 'x-${KEY}'}}")
    said = [str(problem) for problem in load(path, {}, elsewhere=True).problems]
    assert any("the variable LAB_URL is not set (only secrets may be set elsewhere)" in line for line in said)
    assert any("the variable KEY is not set" in line for line in said)
