"""A configuration from the environment alone."""

from extproc.config.load import load


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
    }
    found = load(None, environment)
    assert found.compiled is not None, found.problems
    made = found.compiled.snapshot.providers
    assert list(made) == ["openai", "openrouter", "mistral", "azure", "ollama", "mine"]
    assert made["openai"].endpoints[0].host == "h"
    assert made["ollama"].path_prefix == ""
    assert made["azure"].api_version == "2024-10-21"
    assert found.compiled.secrets["mine"].read() == "five$$"


def test_keys_that_are_not_used_are_said_and_not_shown() -> None:
    found = load(None, {"ANTHROPIC_API_KEY": "secret", "AZURE_OPENAI_API_KEY": "secret"})
    assert found.compiled is None
    assert found.notes == (
        "AZURE_OPENAI_API_KEY is seen, not used: AZURE_OPENAI_ENDPOINT is not set",
        "ANTHROPIC_API_KEY is seen, not used: the dialect anthropic has not landed in this version",
    )


def test_a_bad_address_in_the_environment_is_a_problem_of_the_environment() -> None:
    found = load(None, {"OLLAMA_BASE_URL": "localhost:11434"})
    assert str(found.problems[0]).startswith("environment:1: providers.ollama.base_url: must be an address")
