"""How each provider is shown who pays, in every form that a credential can be written in."""

from pathlib import Path

import pytest

from extproc.config.aws import AwsKeys
from extproc.config.load import Loaded
from extproc.config.transfer import encode_snapshot
from extproc.snapshot import Credential
from tests.config.places import compiled, loaded, messages

PLACES = {
    "bedrock": "region: us-east-1",
    "vertex": "region: global, project: p",
    "azure_openai": "base_url: 'https://x.openai.azure.com'",
}
BEARER = ("authorization", "Bearer ")
OWN = {
    "openai": BEARER,
    "openrouter": BEARER,
    "mistral": BEARER,
    "cohere": BEARER,
    "ollama": BEARER,
    "vertex": BEARER,
    "bedrock": BEARER,
    "azure_openai": ("api-key", ""),
    "anthropic": ("x-api-key", ""),
    "gemini": ("x-goog-api-key", ""),
}
PROFILES = """\
# comment
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = secret-of-default

[work]
aws_access_key_id=AKIDWORK
aws_secret_access_key=a/b+c%d==
aws_session_token=token==
region=eu-west-1

[sso]
sso_session = corp

[spaced]
aws_access_key_id = AKID SPACED
aws_secret_access_key = s
"""


def made(directory: Path, dialect: str, credential: str, environment: dict[str, str] | None = None) -> Loaded:
    place = f", {PLACES[dialect]}" if dialect in PLACES else ""
    text = f"providers: {{it: {{dialect: {dialect}, credential: {credential}{place}}}}}"
    return loaded(directory, text, environment)


def credential_and_secret(found: Loaded) -> tuple[Credential, object]:
    assert found.compiled is not None, found.problems
    held = found.compiled.secrets.get("it")
    secret = held if held is None or isinstance(held, AwsKeys) else held.read()
    return found.compiled.snapshot.providers["it"].credential, secret


@pytest.mark.parametrize("dialect", OWN)
@pytest.mark.parametrize("form", ["the-key", "{file: key}", "{value: the-key}", "{file: key, as: key}"])
def test_a_key_is_sent_as_the_vendor_wants_it(tmp_path: Path, dialect: str, form: str) -> None:
    (tmp_path / "key").write_text("the-key\n")
    found = made(tmp_path, dialect, form)
    assert credential_and_secret(found) == (Credential("injected", *OWN[dialect]), "the-key")
    assert (tmp_path / "key" in found.files) == ("file" in form)


@pytest.mark.parametrize("dialect", OWN)
@pytest.mark.parametrize("form", ["{file: key, as: bearer}", "{value: the-key, as: bearer}"])
def test_a_token_is_sent_as_one(tmp_path: Path, dialect: str, form: str) -> None:
    """Of Entra, Google or Anthropic: whoever refreshes it writes the file."""
    (tmp_path / "key").write_text("the-key")
    assert credential_and_secret(made(tmp_path, dialect, form)) == (Credential("injected", *BEARER), "the-key")


@pytest.mark.parametrize("dialect", OWN)
def test_the_callers_own_goes_where_the_vendor_looks_for_it(tmp_path: Path, dialect: str) -> None:
    assert credential_and_secret(made(tmp_path, dialect, "caller")) == (Credential("caller", *OWN[dialect]), None)


# --- AWS -------------------------------------------------------------------------------------------------------------

KEYS = Credential("aws_keys", "authorization", "")


def test_the_provider_chain_is_envoys_to_walk(tmp_path: Path) -> None:
    found = made(tmp_path, "bedrock", "{aws: default}")
    assert credential_and_secret(found) == (Credential("aws_chain", "authorization", ""), None)


def test_keys_are_written_out_or_in_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s/e+c=\n")
    form = "{access_key_id: '${ID}', secret_access_key: {file: secret}, session_token: '${TOKEN}'}"
    found = made(tmp_path, "bedrock", form, {"ID": "AKID", "TOKEN": "t=="})
    assert credential_and_secret(found) == (KEYS, AwsKeys("AKID", "s/e+c=", "t=="))
    assert tmp_path / "secret" in found.files


def test_a_profile_is_that_of_the_users_file(tmp_path: Path) -> None:
    file = tmp_path / "aws"
    file.write_text(PROFILES)
    found = made(tmp_path, "bedrock", "{aws: work}", {"AWS_SHARED_CREDENTIALS_FILE": str(file)})
    assert credential_and_secret(found) == (KEYS, AwsKeys("AKIDWORK", "a/b+c%d==", "token=="))
    assert file in found.files, "it is not watched"


@pytest.mark.parametrize(
    ("profile", "text", "problem"),
    [
        ("wrok", PROFILES, "FILE holds no profile `wrok` (did you mean `work`?)"),
        (
            "sso",
            PROFILES,
            "the profile `sso` of FILE holds no access key (profiles that assume a role, sign in by SSO or run a "
            "program are not read: write {aws: default}, or the keys)",
        ),
        (
            "spaced",
            PROFILES,
            "a key of the profile `spaced` of FILE holds a space or another character that no key has",
        ),
        ("work", "aws_access_key_id = AKID", "FILE cannot be read as an AWS credentials file"),
        ("work", None, "the AWS credentials file cannot be read: no such file or directory (looked for FILE)"),
    ],
)
def test_a_profile_that_gives_no_keys_is_an_error(tmp_path: Path, profile: str, text: str | None, problem: str) -> None:
    file = tmp_path / "aws"
    if text is not None:
        file.write_text(text)
    found = made(tmp_path, "bedrock", f"{{aws: {profile}}}", {"AWS_SHARED_CREDENTIALS_FILE": str(file)})
    assert messages(found) == [f"1: providers.it.credential.aws: {problem.replace('FILE', str(file))}"]


def test_nothing_shows_keys_of_aws(tmp_path: Path) -> None:
    form = "{access_key_id: AKIDSHOWN, secret_access_key: shown-secret, session_token: shown-token}"
    found = made(tmp_path, "bedrock", form)
    assert found.compiled is not None
    everything = repr(found) + str(found.compiled.secrets) + encode_snapshot(found.compiled.snapshot).decode("latin-1")
    assert "AKIDSHOWN" not in everything and "shown-" not in everything


# --- what is told and not refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "host"),
    [
        ("dialect: bedrock, region: us-east-1", "bedrock-runtime.us-east-1.amazonaws.com"),
        ("dialect: anthropic", "api.anthropic.com"),
        ("dialect: openai", "api.openai.com"),
    ],
)
def test_a_vendor_without_a_credential_is_told(tmp_path: Path, provider: str, host: str) -> None:
    (note,) = loaded(tmp_path, f"providers: {{it: {{{provider}}}}}").notes
    assert f"providers.it: no credential is sent, and {host} answers nobody without one (write " in note
    assert ("{aws: default}" in note) == ("bedrock" in provider)


@pytest.mark.parametrize(
    "provider",
    ["dialect: ollama", "dialect: bedrock, base_url: 'http://signer:8080'", "dialect: anthropic, credential: caller"],
)
def test_where_none_may_be_needed_nothing_is_told(tmp_path: Path, provider: str) -> None:
    assert loaded(tmp_path, f"providers: {{it: {{{provider}}}}}").notes == ()


def test_a_cluster_is_another_when_the_signature_is(tmp_path: Path) -> None:
    def cluster(region: str, credential: str) -> str:
        text = f"{{dialect: bedrock, base_url: 'http://h', region: {region}, credential: {credential}}}"
        return compiled(tmp_path, f"providers: {{it: {text}}}").snapshot.providers["it"].cluster

    keys = "{access_key_id: a, secret_access_key: b}"
    assert cluster("eu-west-1", keys) == cluster("eu-west-1", keys.replace("b}", "c}"))
    assert len({cluster("eu-west-1", keys), cluster("us-east-1", keys), cluster("us-east-1", "{aws: default}")}) == 3
