"""`python -m extproc.config.reference`: writes the JSON Schema and docs/configuration.md from the schema.

Law: what is written here is made from the schema and later.py alone, byte for byte the same each time; a test fails
when a file is stale.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from extproc.config.later import LATER
from extproc.config.reference_text import FOUND, HEAD, SECTIONS
from extproc.config.schema import Configuration
from extproc.config.shape import branches, field_annotation, is_model

SCHEMA_FILE = Path(__file__).with_name("schema.json")
PAGE_FILE = Path(__file__).parents[2] / "docs" / "configuration.md"

# What reads a value says how it is written.
_WRITTEN_FORMS = (
    *(("parse_duration", "duration"), ("parse_size", "size"), ("parse_amount", "dollars")),
    *(("parse_share", "share"), ("parse_percent", "percent")),
    *(("parse_error_rate", "`<share`"), ("parse_latency", "`<duration`"), ("parse_cost_efficiency", "`>number`")),
)
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}
Row = tuple[str, str, str, str]


def json_schema() -> str:
    schema = Configuration.model_json_schema()
    schema["title"] = "extproc configuration"
    schema["description"] = "What `extproc up -c FILE` reads. Values may hold ${NAME} and ${NAME:-default}."
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(head | schema, indent=1, ensure_ascii=False) + "\n"


def page() -> str:
    parts = [HEAD, "## Keys\n"]
    for name, field in Configuration.model_fields.items():
        parts.append(f"### `{name}`\n")
        if name in SECTIONS:
            parts.append(SECTIONS[name])
        parts.append(_table(_rows(name, field_annotation(Configuration, name), field, name)))
    parts += [FOUND, _later()]
    return "\n".join(parts)


def keys() -> list[str]:
    """Every path that the schema knows, as the page writes it."""
    return [row[0] for name, field in Configuration.model_fields.items() for row in _field_rows(name, field)]


def _field_rows(name: str, field: FieldInfo) -> Iterator[Row]:
    yield from _rows(name, field_annotation(Configuration, name), field, name)


def _rows(path: str, annotation: Any, field: FieldInfo, pattern: str, above: tuple[Any, ...] = ()) -> Iterator[Row]:
    text = field.description or ""
    if pattern in LATER:
        text = f"{text} *Not landed: {LATER[pattern]}.*".strip()
    yield path, _kind(annotation), _default(field), text
    for suffix, step, model in _models_in(annotation):
        if model in above:
            continue  # a strategy among strategies
        for name, inner in model.model_fields.items():
            yield from _rows(
                f"{path}{suffix}.{inner.alias or name}",
                field_annotation(model, name),
                inner,
                f"{pattern}{step}.{inner.alias or name}",
                (*above, model),
            )


def _models_in(annotation: Any, suffix: str = "", step: str = "") -> Iterator[tuple[str, str, type[BaseModel]]]:
    """The mappings with known keys that a value may be or hold, with what stands between."""
    for form in branches(annotation).values():
        if is_model(form):
            yield suffix, step, form
        elif get_origin(form) is list:
            yield from _models_in(get_args(form)[0], suffix + "[]", step + ".*")
        elif get_origin(form) is dict:
            yield from _models_in(get_args(form)[1], suffix + ".NAME", step + ".*")


def _kind(annotation: Any) -> str:
    written = str(annotation)
    for parser, name in _WRITTEN_FORMS:
        if parser in written and not _is_container(annotation):
            return name
    return _joined(annotation)


def _is_container(annotation: Any) -> bool:
    return any(get_origin(form) in (list, dict) or is_model(form) for form in branches(annotation).values())


def _joined(annotation: Any) -> str:
    names: list[str] = []
    for form in branches(annotation).values():
        name = _form(form)
        if name not in names:
            names.append(name)
    return " or ".join(names)


def _form(form: Any) -> str:
    if is_model(form):
        return "mapping"
    origin, arguments = get_origin(form), get_args(form)
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return f"mapping of {_kind(arguments[1])}"
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    return _PLAIN.get(form, "text")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ([], {}) or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    metadata = str(field.metadata)
    if "parse_duration" in metadata:
        return f"{value:g}s"
    if "parse_size" in metadata:
        return f"{value >> 10}KiB" if value % (1 << 20) else f"{value >> 20}MiB"
    return str(value)


def _table(rows: Iterator[Row]) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for path, kind, default, text in rows:
        meaning = text.replace("|", "\\|")
        lines.append(
            f"| `{path}` | {kind} | {f'`{default}`' if default not in ('', 'required') else default} | {meaning} |"
        )
    return "\n".join(lines) + "\n"


def _later() -> str:
    lines = ["## Not landed in this version\n", "Each is known, and writing one is an error that says so.\n"]
    lines += [f"* `{pattern}`: {feature}" for pattern, feature in sorted(LATER.items())]
    lines.append("* every `state` but `memory`")
    return "\n".join(lines) + "\n"


def main() -> None:
    PAGE_FILE.parent.mkdir(exist_ok=True)
    for file, text in ((SCHEMA_FILE, json_schema()), (PAGE_FILE, page())):
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()
