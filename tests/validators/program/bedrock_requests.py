"""Requests to Bedrock's Converse: botocore's service model, its limits and patterns, and the service's own rules.

Law: botocore checks names and kinds only; lengths, ranges, patterns and enumerations stand in the same model and are
read from there.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator
from turns import Turn, order_problems


def _operation() -> OperationModel:
    loader = botocore.session.get_session().get_component("data_loader")
    return ServiceModel(loader.load_service_model("bedrock-runtime", "service-2")).operation_model("Converse")


INPUT = _operation().input_shape
BEYOND_JSON = {"string", "integer", "float", "double", "long", "list"}


def request_problems(body: Any) -> Iterator[str]:
    if not isinstance(body, dict):
        yield "no object"
        return
    whole = _with_bytes({**body, "modelId": body.get("modelId", "m")}, INPUT)
    report = ParamValidator().validate(whole, INPUT).generate_report()
    if report:
        yield from report.splitlines()
        return
    yield from _limits(whole, INPUT, "")
    yield from order_problems([_turn(message) for message in body.get("messages", [])])
    yield from _rules(body)


def _with_bytes(value: Any, shape: Shape) -> Any:
    """JSON's base64 as the bytes that botocore wants."""
    if shape.type_name == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            return value
    if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        members = shape.members
        return {key: _with_bytes(each, members[key]) if key in members else each for key, each in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_with_bytes(each, shape.member) for each in value]
    return value


def _limits(value: Any, shape: Shape, where: str) -> Iterator[str]:
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "structure":
        for key, each in value.items():
            yield from _limits(each, shape.members[key], f"{where}.{key}")
    elif shape.type_name == "map":
        for key, each in value.items():
            yield from _limits(key, shape.key, f"{where}.{key}")
            yield from _limits(each, shape.value, f"{where}.{key}")
    if shape.type_name == "list":
        for index, each in enumerate(value):
            yield from _limits(each, shape.member, f"{where}[{index}]")
    if shape.type_name in BEYOND_JSON:
        yield from _scalar_limits(value, shape, where)


def _scalar_limits(value: Any, shape: Shape, where: str) -> Iterator[str]:
    rules = shape.metadata
    size = len(value) if isinstance(value, str | list) else value
    if "min" in rules and size < rules["min"]:
        yield f"{where}: below {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"{where}: above {rules['max']}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"{where}: {value!r} is none of {rules['enum']}"
    if "pattern" in rules and isinstance(value, str) and not re.fullmatch(rules["pattern"], value, re.DOTALL):
        yield f"{where}: {value!r:.60} does not match {rules['pattern']}"


def _turn(message: dict[str, Any]) -> Turn:
    kinds = [next(iter(block)) for block in message["content"]]
    others = [index for index, kind in enumerate(kinds) if kind != "toolResult"]
    results = [index for index, kind in enumerate(kinds) if kind == "toolResult"]
    return Turn(
        message["role"],
        [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block],
        [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block],
        others[0] if others else None,
        results[-1] if results else None,
    )


def _rules(body: dict[str, Any]) -> Iterator[str]:
    tools = [tool["toolSpec"]["name"] for tool in body.get("toolConfig", {}).get("tools", []) if "toolSpec" in tool]
    if len(set(tools)) < len(tools):
        yield "toolConfig.tools: one name twice"
    chosen = body.get("toolConfig", {}).get("toolChoice", {}).get("tool", {}).get("name")
    if chosen is not None and chosen not in tools:
        yield "toolConfig.toolChoice: names no tool"
    if "toolChoice" in body.get("toolConfig", {}) and "tool_choice" in body.get("additionalModelRequestFields", {}):
        yield "toolConfig.toolChoice: beside the model's own tool_choice"
    blocks = [block for message in body.get("messages", []) for block in message["content"]]
    if any("toolUse" in block or "toolResult" in block for block in blocks) and not tools:
        yield "toolConfig: missing where messages hold toolUse or toolResult"
    for index, message in enumerate(body.get("messages", [])):
        where = f"messages[{index}]"
        if not message["content"]:
            yield f"{where}: empty"
        if any(not block["text"].strip() for block in message["content"] if "text" in block):
            yield f"{where}: a blank text block"
        if any("document" in block for block in message["content"]) and not any(
            "text" in b for b in message["content"]
        ):
            yield f"{where}: a document without a text"
        for block in message["content"]:
            name = block.get("document", {}).get("name", "fine")
            if not re.fullmatch(r"[\w\-()\[\]]+( [\w\-()\[\]]+)*", name):
                yield f"{where}: document name {name!r}"
    if any(not block["text"].strip() for block in body.get("system", []) if "text" in block):
        yield "system: a blank text block"
