"""Where a configuration comes from: -c, else ./extproc.yaml, else API keys in the environment, else the demo."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from extproc.config.load import Loaded, load, load_document
from extproc.dataplane.start import CannotStart
from extproc.demo.catalog import PROVIDERS, Model, Provider

DEFAULT_FILE = Path("extproc.yaml")


@dataclass(frozen=True, slots=True)
class Origin:
    source: Path | None  # what to watch; None: nothing on disk
    demo: bool
    text: str


def find_origin(named: Path | None, environment: Mapping[str, str]) -> Origin:
    if named is not None:
        if not named.exists():
            raise CannotStart(f"-c {named}: no such file or directory")
        return Origin(named, False, str(named))
    if DEFAULT_FILE.exists():
        return Origin(DEFAULT_FILE, False, f"./{DEFAULT_FILE}")
    found = load(None, environment)
    if found.compiled is not None or found.problems:  # keys that cannot be used are an error, not a demo
        return Origin(None, False, "the API keys in the environment")
    return Origin(
        None,
        True,
        "demo providers (no API key that can be used in the environment; `extproc init` writes a file to edit)",
    )


def read_origin(origin: Origin, environment: Mapping[str, str], demo_sockets: Path) -> Loaded:
    if origin.demo:
        loaded = load_document(demo_document(demo_sockets), "demo")
        return replace(loaded, notes=load(None, environment).notes)
    return load(origin.source, environment)


# The demo says what a model answers by the names of its own endpoints; the gateway by families.
_FAMILY = {"responses": "chat", "messages": "chat", "transcriptions": "audio"}
_CAPABILITIES = {"openai": ("tools", "json_schema"), "anthropic": ("tools", "json_schema", "native_json_schema")}


def demo_document(sockets: Path) -> dict[str, object]:
    """A configuration in front of the demo providers, on their Unix sockets."""
    providers = {
        provider.name: {
            "dialect": provider.dialect,
            "endpoints": [f"unix://{sockets / provider.name}.sock"],
            "credential": provider.key,
            "models": [_demo_model(provider, model) for model in provider.models],
        }
        for provider in PROVIDERS
    }
    return {
        "providers": providers,
        "aliases": {
            "demo-failover": ["flaky/demo-chat", "thrifty/demo-chat", "swift/demo-chat"],
            "demo-translated": ["sage/demo-chat"],
        },
    }


def _demo_model(provider: Provider, model: Model) -> dict[str, object]:
    return {
        "name": model.name,
        "price": {"input": str(model.price.input), "output": str(model.price.output)},
        "context": model.context,
        "capabilities": [
            *_CAPABILITIES[provider.dialect],
            *(["vision"] if model.vision else []),
            *(["reasoning", "adaptive_thinking", "always_thinks"] if model.thinks else []),
        ],
        "endpoints": sorted({_FAMILY.get(endpoint, endpoint) for endpoint in model.endpoints}),
    }
