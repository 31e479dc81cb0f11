"""Make extproc/config/models.json, the dated table of models that ships with the package.

    pip download litellm --no-deps -d DIR && python tools/model_table.py DIR/litellm-*.whl --date 2026-11-21

Facts come from litellm's model_prices_and_context_window_backup.json (MIT); only standard, unregional prices are kept.
"""

import argparse
import json
import re
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

SOURCE = "litellm/model_prices_and_context_window_backup.json"
OUT = Path(__file__).parent.parent / "extproc/config/models.json"

# vendor → (the table's own provider keys, what stands before its names)
VENDORS: dict[str, tuple[tuple[str, ...], str]] = {
    "openai": (("openai", "text-completion-openai"), ""),
    "anthropic": (("anthropic",), ""),
    "gemini": (("gemini",), "gemini/"),
    "vertex": (
        ("vertex_ai", "vertex_ai-language-models", "vertex_ai-anthropic_models", "vertex_ai-embedding-models"),
        "vertex_ai/",
    ),
    "bedrock": (("bedrock", "bedrock_converse"), ""),
    "cohere": (("cohere", "cohere_chat"), ""),
    "mistral": (("mistral",), "mistral/"),
}
FAMILIES = {
    "chat": "chat",
    "responses": "chat",
    "completion": "completions",
    "embedding": "embeddings",
    "image_generation": "images",
    "audio_transcription": "audio",
    "audio_speech": "speech",
    "moderation": "moderations",
}
CAPABILITIES = {
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_response_schema": "json_schema",
    "supports_reasoning": "reasoning",
    "supports_audio_input": "audio",
    "supports_audio_output": "audio",
    "supports_pdf_input": "pdf",
    "supports_prompt_caching": "caching",
    "supports_assistant_prefill": "prefill",
}
PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}
REGIONAL = re.compile(
    r"^((us|eu|apac|jp|au|ca|global|us-gov)\.|[a-z]{2}(-gov)?-[a-z]+-\d/|bedrock/|ft:|[\dx-]+/|(hd|low|medium|high|standard|auto)/)"
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("source", type=Path, help="the litellm wheel, or its JSON file")
    arguments.add_argument("--date", required=True, help="the day of the facts, YYYY-MM-DD")
    given = arguments.parse_args()
    facts = json.loads(_read(given.source), parse_float=Decimal)
    table = {
        "date": given.date,
        "source": f"{given.source.name.split('-cp')[0]}: {SOURCE} (MIT)",
        "unit": "dollars per million tokens",
        "vendors": {vendor: _models(facts, *keys) for vendor, keys in VENDORS.items()},
    }
    OUT.write_text(_written(table))
    sys.stdout.write(f"{OUT}: { {vendor: len(found) for vendor, found in table['vendors'].items()} }\n")


def _read(source: Path) -> str:
    if source.suffix == ".whl":
        with zipfile.ZipFile(source) as wheel:
            return wheel.read(SOURCE).decode()
    return source.read_text()


def _models(facts: dict[str, Any], providers: tuple[str, ...], prefix: str) -> dict[str, Any]:
    found = {}
    for key, fact in facts.items():
        if fact.get("litellm_provider") not in providers or fact.get("mode") not in FAMILIES:
            continue
        name = key.removeprefix(prefix)
        if not REGIONAL.match(name) and (name.count("/") == 0 or (prefix and name.count("/") == 1)):
            found[name] = _model(fact)
    return dict(sorted(found.items()))


def _model(fact: dict[str, Any]) -> dict[str, Any]:
    family = FAMILIES[fact["mode"]]
    capabilities = {name for flag, name in CAPABILITIES.items() if fact.get(flag)}
    if family == "chat" and fact.get("supports_sampling_params") is not False:
        capabilities.add("sampling")
    price = {kind: _per_million(fact[key]) for kind, key in PRICES.items() if fact.get(key) is not None}
    model: dict[str, Any] = {}
    if "input" in price and (family not in ("images", "audio", "speech") or Decimal(price["input"])):
        model["price"] = price
    context = fact.get("max_input_tokens") or fact.get("max_tokens")
    if context:
        model["context"] = int(context)
    if family in ("chat", "completions") and fact.get("max_output_tokens"):
        model["max_output"] = int(fact["max_output_tokens"])
    if capabilities:
        model["capabilities"] = sorted(capabilities)
    if family != "chat":
        model["endpoints"] = [family]
    return model


def _per_million(dollars: Any) -> str:
    return f"{(Decimal(str(dollars)) * 1_000_000).normalize():f}"


def _written(table: dict[str, Any]) -> str:
    """One model a line, so that a new table shows in a review as the models that changed."""
    head = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in table.items() if key != "vendors")
    vendors = []
    for vendor, models in table["vendors"].items():
        lines = ",\n".join(f"      {json.dumps(name)}: {json.dumps(model)}" for name, model in models.items())
        vendors.append(f"    {json.dumps(vendor)}: {{\n{lines}\n    }}")
    return "{\n" + head + '  "vendors": {\n' + ",\n".join(vendors) + "\n  }\n}\n"


if __name__ == "__main__":
    main()
