"""Make extproc/config/models.json, the dated table of models that ships with the package.

    pip download litellm --no-deps -d NEW && pip download litellm==1.75.8 --no-deps -d OLD
    python tools/model_table.py NEW/litellm-*.whl --former OLD/litellm-*.whl --date 2026-11-24

Facts come from litellm's model_prices_and_context_window_backup.json (MIT). Names that stand for a place to run at are
left out, but for Bedrock's inference profiles (`us.…`), which have prices of their own. A capability `x` is written
where the source says yes, `no_x` where it says no, and neither where it says nothing. What an older source knew and
the newest has dropped is kept as `former`: it may still be asked for, and then it is known what it costs.
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
        (
            "vertex_ai",
            "vertex_ai-language-models",
            "vertex_ai-anthropic_models",
            "vertex_ai-embedding-models",
            "vertex_ai-chat-models",
            "vertex_ai-text-models",
            "vertex_ai-code-chat-models",
            "vertex_ai-code-text-models",
        ),
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
CAPABILITIES = {  # what routing asks for: only a yes is of use
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_response_schema": "json_schema",
    "supports_audio_input": "audio",
    "supports_audio_output": "audio",
    "supports_pdf_input": "pdf",
    "supports_prompt_caching": "caching",
}
TRAITS = {  # what translation asks for: a no says as much; see extproc/dialects/model_families.py
    "supports_reasoning": "reasoning",
    "supports_sampling_params": "sampling",
    "supports_assistant_prefill": "prefill",
    "supports_adaptive_thinking": "adaptive_thinking",
    "supports_legacy_thinking": "budget_thinking",
    "thinking_always_on": "always_thinks",
    "supports_native_structured_output": "native_json_schema",
    "supports_forced_tool_use": "forced_tools",
    "supports_parallel_tool_use_config": "parallel_tools",
    "supports_mid_conversation_system": "system_between_turns",
    "supports_system_messages": "system_role",
    "supports_none_reasoning_effort": "effort_none",
    "supports_minimal_reasoning_effort": "effort_minimal",
    "supports_low_reasoning_effort": "effort_low",
    "supports_xhigh_reasoning_effort": "effort_xhigh",
    "supports_max_reasoning_effort": "effort_max",
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ONLY_IF_SAID = {  # what a family can at its own vendor's it need not at another's
    "bedrock": ("native_json_schema", "parallel_tools", "prefill"),
    "bedrock_converse": ("native_json_schema", "parallel_tools", "prefill"),
    "vertex_ai-anthropic_models": ("native_json_schema",),
}
PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "audio_input": "input_cost_per_audio_token",
    "audio_output": "output_cost_per_audio_token",
    "cached_audio": "cache_read_input_audio_token_cost",
    "image_input": "input_cost_per_image_token",
    "image_output": "output_cost_per_image_token",
}
TIERS = {"batch": "_batches", "flex": "_flex", "priority": "_priority"}
LONG = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
REGIONAL = re.compile(r"^([a-z]{2}(-gov)?-[a-z]+-\d/|bedrock/|ft:|[\dx-]+/|(hd|low|medium|high|standard|auto)/)")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("source", type=Path, help="the litellm wheel, or its JSON file")
    arguments.add_argument("--former", type=Path, required=True, help="an older litellm wheel")
    arguments.add_argument("--date", required=True, help="the day of the facts, YYYY-MM-DD")
    given = arguments.parse_args()
    vendors = _vendors(given.source)
    table = {
        "date": given.date,
        "source": f"{_name(given.source)}: {SOURCE} (MIT); former ones from {_name(given.former)}",
        "unit": "dollars per million tokens",
        "vendors": vendors,
        "former": {
            vendor: {name: model for name, model in models.items() if name not in vendors[vendor]}
            for vendor, models in _vendors(given.former).items()
        },
    }
    OUT.write_text(_written(table))
    for section in ("vendors", "former"):
        sys.stdout.write(f"{section}: { {vendor: len(found) for vendor, found in table[section].items()} }\n")


def _vendors(source: Path) -> dict[str, dict[str, Any]]:
    facts = json.loads(_read(source), parse_float=Decimal)
    return {vendor: _models(facts, *keys) for vendor, keys in VENDORS.items()}


def _name(source: Path) -> str:
    return source.name.split("-cp")[0].split("-py")[0]


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
    price = _price(fact)
    model: dict[str, Any] = {}
    if "input" in price and (family not in ("images", "audio", "speech") or Decimal(price["input"])):
        model["price"] = price
    context = fact.get("max_input_tokens") or fact.get("max_tokens")
    if context:
        model["context"] = int(context)
    if family in ("chat", "completions") and fact.get("max_output_tokens"):
        model["max_output"] = int(fact["max_output_tokens"])
    capabilities = {name for flag, name in CAPABILITIES.items() if fact.get(flag)}
    if family == "chat":
        capabilities |= _traits(fact)
    if capabilities:
        model["capabilities"] = sorted(capabilities)
    if family != "chat":
        model["endpoints"] = [family]
    return model


def _traits(fact: dict[str, Any]) -> set[str]:
    said = {name: fact[flag] for flag, name in TRAITS.items() if fact.get(flag) is not None}
    levels = fact.get("reasoning_effort_levels")
    if levels is not None:
        said |= {f"effort_{effort}": effort in levels for effort in EFFORTS}
    if fact.get("supports_bedrock_native_structured_output"):
        said["native_json_schema"] = True
    said |= {name: said.get(name) for name in ONLY_IF_SAID.get(fact["litellm_provider"], ())}
    if not said.get("always_thinks"):
        said.pop("always_thinks", None)
    return {name if yes else f"no_{name}" for name, yes in said.items()}


def _price(fact: dict[str, Any]) -> dict[str, Any]:
    """Nested prices hold what differs from the price around them."""
    price: dict[str, Any] = _rates(fact, "")
    limits = sorted({int(match[1]) for key in fact if (match := LONG.fullmatch(key))})
    above = f"_above_{limits[0]}k_tokens" if limits else None
    standard = _rates(fact, above) if above else {}
    if above and (long := _without(standard, price)):
        price["long_context"] = {"above": limits[0] * 1000, **long}
    for tier, suffix in TIERS.items():
        rates: dict[str, Any] = _without(_of_tier(fact, suffix, price), price)
        if above and (long := _without(_of_tier(fact, above + suffix, standard), standard)):
            rates["long_context"] = {"above": limits[0] * 1000, **long}
        if rates:
            price[tier] = rates
    return price


def _rates(fact: dict[str, Any], suffix: str) -> dict[str, str]:
    found = {kind: fact.get(key + suffix) for kind, key in PRICES.items()}
    return {kind: _per_million(rate) for kind, rate in found.items() if rate is not None}


def _of_tier(fact: dict[str, Any], suffix: str, standard: dict[str, Any]) -> dict[str, str]:
    """Claude's caches are multiples of its input in a batch too, of which the source does not tell them all."""
    rates = _rates(fact, suffix)
    if "cache_write_1h" in standard and "input" in rates and Decimal(standard["input"]):
        part = Decimal(rates["input"]) / Decimal(standard["input"])
        for kind in ("cached_input", "cache_write", "cache_write_1h"):
            rates.setdefault(kind, f"{(Decimal(standard[kind]) * part).normalize():f}")
    return rates


def _without(rates: dict[str, str], around: dict[str, Any]) -> dict[str, str]:
    return {kind: rate for kind, rate in rates.items() if around.get(kind) != rate}


def _per_million(dollars: Any) -> str:
    return f"{(Decimal(str(dollars)) * 1_000_000).normalize():f}"


def _written(table: dict[str, Any]) -> str:
    """One model a line, so that a new table shows in a review as the models that changed."""
    parts = []
    for key, value in table.items():
        if not isinstance(value, dict):
            parts.append(f"  {json.dumps(key)}: {json.dumps(value)}")
            continue
        vendors = ",\n".join(
            f"    {json.dumps(vendor)}: {_lines(models)}" for vendor, models in value.items() if models
        )
        parts.append(f"  {json.dumps(key)}: {{\n{vendors}\n  }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(models: dict[str, Any]) -> str:
    lines = ",\n".join(f"      {json.dumps(name)}: {json.dumps(model)}" for name, model in models.items())
    return f"{{\n{lines}\n    }}"


if __name__ == "__main__":
    main()
