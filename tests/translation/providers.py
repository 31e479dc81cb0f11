"""One provider of each kind, as the configuration compiles it."""

from typing import Any

from extproc.snapshot import Credential, Dialect, Endpoint, Provider


def provider(name: str, dialect: Dialect, host: str, **more: Any) -> Provider:
    settings: dict[str, Any] = {
        "cluster": f"{name}-c0ffee",
        "endpoints": (Endpoint("https", host, 443),),
        "path_prefix": "",
        "versioned": False,
        "models": (),
        "lists_models": True,
        "credential": Credential("injected"),
    }
    return Provider(name=name, dialect=dialect, **(settings | more))


OPENAI = provider("openai", "openai", "api.openai.com", path_prefix="/v1", versioned=True)
OPENROUTER = provider("openrouter", "openrouter", "openrouter.ai", path_prefix="/api/v1", versioned=True)
KEY = Credential("injected", "api-key", "")
AZURE = provider("azure", "azure_openai", "x.openai.azure.com", api_version="2024-10-21", credential=KEY)
AZURE_V1 = provider("azure-v1", "azure_openai", "x.openai.azure.com", api_version="v1", credential=KEY)
AZURE_V1_URL = provider(
    "azure-v1-url", "azure_openai", "x.openai.azure.com", path_prefix="/openai/v1", versioned=True, credential=KEY
)
MISTRAL = provider("mistral", "mistral", "api.mistral.ai")
OLLAMA = provider(
    "ollama", "ollama", "x", endpoints=(Endpoint("http", "127.0.0.1", 11434),), credential=Credential("none")
)
LAB = provider(
    "lab", "openai", "x", endpoints=(Endpoint("http", "10.0.0.7", 9001),), path_prefix="/llm/v2", versioned=True
)
POOL = provider(
    "pool", "openai", "x", endpoints=(Endpoint("https", "a.example", 443), Endpoint("https", "b.example", 8443))
)
CALLERS_KEY = provider(
    "byok", "openai", "api.openai.com", path_prefix="/v1", versioned=True, credential=Credential("caller")
)
EVERY = (OPENAI, OPENROUTER, AZURE, AZURE_V1, AZURE_V1_URL, MISTRAL, OLLAMA, LAB, POOL, CALLERS_KEY)

ANTHROPIC = provider("anthropic", "anthropic", "api.anthropic.com", credential=Credential("injected", "x-api-key", ""))
VERTEX = provider(
    "vertex", "vertex", "europe-west1-aiplatform.googleapis.com", project="a-project", region="europe-west1"
)
GEMINI = provider(
    "gemini", "gemini", "generativelanguage.googleapis.com", credential=Credential("injected", "x-goog-api-key", "")
)
BEDROCK = provider("bedrock", "bedrock", "bedrock-runtime.eu-west-1.amazonaws.com", region="eu-west-1")
COHERE = provider("cohere", "cohere", "api.cohere.com")
OF_DIALECT = {
    "openai": OPENAI,
    "azure_openai": AZURE,
    "openrouter": OPENROUTER,
    "mistral": MISTRAL,
    "ollama": OLLAMA,
    "anthropic": ANTHROPIC,
    "vertex": VERTEX,
    "gemini": GEMINI,
    "bedrock": BEDROCK,
    "cohere": COHERE,
}
