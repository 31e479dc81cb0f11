"""The building blocks of the schema: values with a written form, and unions that are told apart by their shape.

Law: each value of a union is checked against the one branch that it was meant for, so one mistake is one error.
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from extproc.config.forms import (
    parse_amount,
    parse_count,
    parse_duration,
    parse_flag,
    parse_number,
    parse_percent,
    parse_share,
    parse_size,
)

Duration = Annotated[float, BeforeValidator(parse_duration), Field(json_schema_extra={"type": ["string", "number"]})]
Size = Annotated[int, BeforeValidator(parse_size), Field(json_schema_extra={"type": ["string", "integer"]})]
Dollars = Annotated[str, BeforeValidator(parse_amount), Field(json_schema_extra={"type": ["string", "number"]})]
Flag = Annotated[bool, BeforeValidator(parse_flag)]
Count = Annotated[int, BeforeValidator(parse_count)]
Number = Annotated[float, BeforeValidator(parse_number), Field(allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(parse_share), Field(json_schema_extra={"type": ["string", "number"]})]
Percent = Annotated[float, BeforeValidator(parse_percent), Field(json_schema_extra={"type": ["string", "number"]})]

# Tags of a union's branches. A tag is no key.
TEXT, LIST, MAPPING = "<text>", "<list>", "<mapping>"
SECRET, AWS_PROFILE, AWS_STATIC, GOOGLE = "<value>", "<aws>", "<aws keys>", "<google>"
TAGS = frozenset({TEXT, LIST, MAPPING, SECRET, AWS_PROFILE, AWS_STATIC, GOOGLE})


def by_shape(value: Any) -> str | None:
    if isinstance(value, (dict, BaseModel)):
        return MAPPING
    if isinstance(value, list):
        return LIST
    return TEXT if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


def by_shape_of_credential(value: Any) -> str | None:
    if not isinstance(value, dict):
        return TEXT if by_shape(value) == TEXT else None
    if value.keys() & {"access_key_id", "secret_access_key", "session_token"}:
        return AWS_STATIC
    told_by = {"aws": AWS_PROFILE, "google": GOOGLE, "value": SECRET}
    return next((tag for key, tag in told_by.items() if key in value), MAPPING)


def one_of(forms: str, choose: Callable[[Any], str | None] = by_shape) -> Discriminator:
    return Discriminator(choose, custom_error_type="form", custom_error_message=f"must be {forms}")


Text = Annotated[str, Tag(TEXT)]


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


TextOrList = Annotated[Text | Annotated[list[str], Tag(LIST)], one_of("text, or a list of texts")]
