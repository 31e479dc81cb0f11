"""`extproc render`: what it writes, what it says beside, and that no secret is ever in either."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from extproc.dataplane.portable_losses import GUEST, PORTABLE
from tests.cli.running import NO_KEYS, call
from tests.dataplane.certificates import Ca
from tests.foreign.shapes_of_manifests import SHAPES, wrong

CANARY = "canary-5b1f"
CONFIG = """
providers:
  openai: {dialect: openai, credential: "${LAB_KEY}"}
  anthropic: {dialect: anthropic, credential: {file: key}}
  keys:
    dialect: bedrock
    region: us-east-1
    credential: {access_key_id: "${AWS_ACCESS_KEY_ID}", secret_access_key: "${AWS_SECRET_ACCESS_KEY}"}
  profile: {dialect: bedrock, region: us-east-1, credential: {aws: work}}
  signed: {dialect: openai, base_url: "http://10.0.0.3/v1", sign: {hmac: {secret: "${SIGN}"}}, models: [s]}
services:
  shop: {endpoints: ["https://shop.example.com"], tls: {client_certificate: client.pem, client_key: client.key}}
callers: [{name: ci, key: "${CI_KEY}"}, {name: cd, key: written-canary-5b1f}]
strategies:
  slow:
    kind: canary
    stable: [openai/gpt-4o]
    canary: [openai/gpt-4o-mini]
    steps: [50%]
    webhook: "${WEBHOOK}"
routes:
  - {match: {path: /shop/*}, service: shop}
  - {match: {path: /v1/*}}
"""
PROCESSOR = ("--processor", "127.0.0.1:50051")
TLS = ("--processor-ca", "/ca", "--processor-certificate", "/crt", "--processor-key", "/key")
VERBS = {
    "whole": ("bootstrap", *PROCESSOR),
    "whole, static": ("bootstrap", *PROCESSOR, "--static"),
    "portable": ("bootstrap", *PROCESSOR, "--form", "portable"),
    "portable, static": ("bootstrap", *PROCESSOR, "--form", "portable", "--static"),
    "xds": ("xds", *PROCESSOR, "-o", "xds"),
    "xds, portable": ("xds", *PROCESSOR, "--form", "portable", "-o", "xds"),
    "istio": ("istio", *PROCESSOR, "--selector", "istio=ingressgateway", "--listener-port", "8080"),
    "envoy-gateway": ("envoy-gateway", *PROCESSOR, "--https"),
}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "extproc.yaml").write_text(CONFIG)
    (tmp_path / "key").write_text(CANARY)
    (tmp_path / "aws").write_text(f"[work]\naws_access_key_id = {CANARY}\naws_secret_access_key = {CANARY}\n")
    Ca().issue("client").write(tmp_path)
    return tmp_path


def render(*arguments: str) -> Result:
    values = ("LAB_KEY", "SIGN", "CI_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    secrets = {**NO_KEYS, **{name: f"{CANARY}-{name}-0123456789" for name in values}}
    secrets["WEBHOOK"] = f"https://hooks.example.com/{CANARY}"
    return call("render", *arguments, environment={**secrets, "AWS_SHARED_CREDENTIALS_FILE": "aws"})


@pytest.mark.parametrize("verb", VERBS)
def test_no_secret_is_in_anything_that_is_written_or_said(verb: str, directory: Path) -> None:
    done = render(*VERBS[verb])
    assert done.exit_code == 0, done.output
    written = "".join(file.read_text() for file in directory.glob("xds/*"))
    everything = done.output + done.stderr + written
    assert "/run/extproc/envoy.sock" in everything or "ext_proc" in everything
    assert CANARY not in everything
    assert "BEGIN" not in everything


@pytest.mark.parametrize("verb", ["istio", "envoy-gateway"])
def test_manifests_have_the_shape_of_their_kind(verb: str, directory: Path) -> None:
    documents = list(yaml.safe_load_all(render(*VERBS[verb]).stdout))
    assert [one["kind"] for one in documents][:-1] == ["ConfigMap"]
    for document in documents:
        assert wrong(document, SHAPES[document["kind"]]) == []


def test_where_a_guest_is_is_said_in_every_patch(directory: Path) -> None:
    *_, patches = yaml.safe_load_all(
        render(*VERBS["istio"], "--context", "SIDECAR_INBOUND", "--namespace", "shop", "--virtual-host", "a:80").stdout
    )
    assert patches["metadata"] == {"name": "extproc", "namespace": "shop"}
    assert patches["spec"]["workloadSelector"] == {"labels": {"istio": "ingressgateway"}}
    matches = [patch["match"] for patch in patches["spec"]["configPatches"]]
    assert {match["context"] for match in matches} == {"SIDECAR_INBOUND"}
    assert all(match["listener"]["portNumber"] == 8080 for match in matches if "listener" in match)
    hosts = [match["routeConfiguration"]["vhost"] for match in matches if "routeConfiguration" in match]
    assert hosts and all(host == {"name": "a:80"} for host in hosts)


def test_what_the_form_cannot_do_is_said_beside_what_is_written(directory: Path) -> None:
    def notes(done: Result) -> list[str]:
        return [line.removeprefix("note ") for line in done.stderr.splitlines()]

    assert notes(render(*VERBS["whole"])) == []
    assert notes(render(*VERBS["portable"])) == [str(loss) for loss in PORTABLE]
    assert notes(render(*VERBS["istio"])) == [str(loss) for loss in (*PORTABLE, *GUEST)]


def test_json_is_for_envoy_unless_the_file_is_called_yaml(directory: Path) -> None:
    printed = json.loads(render(*VERBS["whole"]).stdout)
    for name in ("envoy.json", "envoy.yaml"):
        assert render(*VERBS["whole"], "-o", name).stdout == ""
    assert json.loads((directory / "envoy.json").read_text()) == printed
    assert yaml.safe_load((directory / "envoy.yaml").read_text()) == printed
    assert not (directory / "envoy.yaml").read_text().startswith("{")


def test_the_files_to_follow_are_named_as_envoy_sees_them(directory: Path) -> None:
    render("xds", *PROCESSOR, "--xds", "/etc/envoy/there", "-o", "xds")
    names = {file.name for file in (directory / "xds").iterdir()}
    assert {"lds.json", "rds.json", "cds.json"} < names
    clusters = (directory / "xds" / "cds.json").read_text()
    assert "/etc/envoy/there/" in clusters and str(directory / "xds") not in clusters


def test_secrets_need_not_be_here(directory: Path) -> None:
    (directory / "key").unlink()
    done = call("render", *VERBS["portable"], environment=NO_KEYS)
    assert "LAB_KEY is not set" not in done.output


def test_a_secret_that_cannot_be_referred_to_is_said_with_its_place(directory: Path) -> None:
    (directory / "extproc.yaml").write_text(f"providers:\n  lab: {{dialect: openai, credential: {CANARY}}}\n")
    done = render(*VERBS["whole"])
    assert done.exit_code == 1
    assert "extproc.yaml:2: providers.lab.credential" in done.stderr
    assert "write ${NAME} alone" in done.stderr
    assert CANARY not in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("bootstrap",), "--processor"),
        (("bootstrap", "--processor", "nonsense"), "--processor"),
        (("bootstrap", *PROCESSOR, "--processor-ca", "/ca"), "--processor-ca"),
        (("bootstrap", "--processor", "/run/p.sock", *TLS), "TLS"),
        (("xds", *PROCESSOR), "--output"),
        (("istio", *PROCESSOR, "--selector", "istio"), "LABEL=VALUE"),
        (("nothing",), "nothing"),
    ],
)
def test_a_wrong_command_line_is_said(arguments: tuple[str, ...], says: str, directory: Path) -> None:
    done = render(*arguments)
    assert done.exit_code == 2
    assert says in done.stderr


def test_a_pool_of_several_names_is_refused_by_its_name(directory: Path) -> None:
    (directory / "extproc.yaml").write_text(
        "providers: {pool: {dialect: openai, endpoints: ['https://a.example', 'https://b.example'], models: [m]}}"
    )
    done = render(*VERBS["istio"])
    assert (done.exit_code, "pool: the portable form asks a pool for one name" in done.stderr) == (1, True)


@pytest.mark.envoy
@pytest.mark.parametrize("form", ["whole", "portable"])
def test_an_envoy_of_this_machine_can_be_asked(form: str, directory: Path) -> None:
    assert call("render", "bootstrap", *PROCESSOR, "--form", form, "--check", environment=NO_KEYS).exit_code in (0, 1)
    (directory / "extproc.yaml").write_text('providers: {lab: {dialect: openai, credential: "${NOT_SET_HERE}"}}')
    done = call("render", "bootstrap", *PROCESSOR, "--form", form, "--check", environment=NO_KEYS)
    assert done.exit_code == 0, done.output
