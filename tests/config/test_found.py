"""A configuration from the environment alone."""

from extproc.config.aws import AwsKeys
from extproc.config.load import load
from extproc.snapshot import Credential


def test_nothing_in_the_environment_is_no_configuration_and_no_problem() -> None:
    found = load(None, {"PATH": "/bin", "OPENAI_API_KEY": " "})
    assert (found.compiled, found.problems, found.notes) == (None, (), ())


def test_every_key_makes_its_provider() -> None:
    environment = {
        "OPENAI_API_KEY": "one",
        "OPENAI_BASE_URL": "http://h/v1",
        "OPENROUTER_API_KEY": "two",
        "MISTRAL_API_KEY": "three",
        "AZURE_OPENAI_API_KEY": "four",
        "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com/",
        "AZURE_OPENAI_API_VERSION": "2024-10-21",
        "OLLAMA_BASE_URL": "http://127.0.0.1:11434/v1",
        "CUSTOM_PROVIDER_NAME": "mine",
        "CUSTOM_PROVIDER_API_KEY": "five$$",
        "CUSTOM_PROVIDER_BASE_URL": "http://127.0.0.1:9/v1",
        "ANTHROPIC_API_KEY": "six",
        "ANTHROPIC_BASE_URL": "http://a:8080",
        "GEMINI_API_KEY": "seven",
        "GOOGLE_API_KEY": "eight",
        "COHERE_API_KEY": "nine",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "ten",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "CLOUDSDK_AUTH_ACCESS_TOKEN": "eleven",
        "GOOGLE_CLOUD_PROJECT": "p",
        "GOOGLE_CLOUD_LOCATION": "global",
    }
    found = load(None, environment)
    assert found.compiled is not None, found.problems
    assert found.notes == ()
    made = found.compiled.snapshot.providers
    assert list(made) == [
        *("openai", "openrouter", "mistral", "azure", "anthropic", "gemini", "cohere", "bedrock", "vertex"),
        *("ollama", "mine"),
    ]
    assert (made["anthropic"].endpoints[0].authority, made["bedrock"].region) == ("a:8080", "eu-west-1")
    assert (made["vertex"].project, made["vertex"].region) == ("p", "global")
    secrets = found.compiled.secrets
    assert secrets.pop("bedrock") == AwsKeys("AKID", "ten")
    assert [secret.read() for secret in secrets.values()] == [
        *("one", "two", "three", "four", "six", "eight", "nine", "eleven", "five$$")
    ]
    assert made["openai"].endpoints[0].host == "h"
    assert made["ollama"].path_prefix == ""
    assert made["azure"].api_version == "2024-10-21"


def test_bedrock_takes_its_own_key_before_awss() -> None:
    aws = {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_SESSION_TOKEN": "t",
        "AWS_REGION": "us-east-1",
    }
    signed = load(None, aws).compiled
    assert signed is not None and signed.secrets["bedrock"] == AwsKeys("AKID", "s", "t")
    by_key = load(None, {**aws, "AWS_BEARER_TOKEN_BEDROCK": "key"}).compiled
    assert by_key is not None and by_key.snapshot.providers["bedrock"].credential == Credential("injected")


def test_keys_that_are_not_used_are_said_and_not_shown() -> None:
    seen = ("AZURE_OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "CLOUDSDK_AUTH_ACCESS_TOKEN", "CUSTOM_PROVIDER_API_KEY")
    found = load(None, dict.fromkeys(seen, "secret"))
    assert found.compiled is None
    assert found.notes == (
        "AZURE_OPENAI_API_KEY is seen, not used: AZURE_OPENAI_ENDPOINT is not set",
        "AWS_ACCESS_KEY_ID is seen, not used: AWS_SECRET_ACCESS_KEY is not set",
        "CLOUDSDK_AUTH_ACCESS_TOKEN is seen, not used: GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION not set",
        "CUSTOM_PROVIDER_API_KEY is seen, not used: CUSTOM_PROVIDER_BASE_URL is not set",
    )


def test_a_cloud_without_a_place_or_a_token_is_said() -> None:
    found = load(None, {"AWS_BEARER_TOKEN_BEDROCK": "secret", "GOOGLE_APPLICATION_CREDENTIALS": "/secret"})
    assert found.compiled is None
    assert found.notes[0] == "AWS_BEARER_TOKEN_BEDROCK is seen, not used: AWS_REGION is not set"
    assert found.notes[1].startswith(
        "GOOGLE_APPLICATION_CREDENTIALS is seen, not used: tokens of Google's own accounts"
    )
    assert "secret" not in "".join(found.notes)


def test_a_bad_address_in_the_environment_is_a_problem_of_the_environment() -> None:
    found = load(None, {"OLLAMA_BASE_URL": "localhost:11434"})
    assert str(found.problems[0]).startswith("environment:1: providers.ollama.base_url: must be an address")
