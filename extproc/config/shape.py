"""The schema as a shape to walk: which keys may stand at a place."""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag

from extproc.config.problems import PathParts
from extproc.config.schema import Configuration
from extproc.config.values import LIST, MAPPING, TAGS


def keys_at(location: PathParts) -> tuple[str, ...]:
    """The keys that the schema knows for the mapping at a place that pydantic names, tags of unions included."""
    found: Any = Configuration
    for part in location:
        found = _below(found, part)
    return tuple(field.alias or name for name, field in found.model_fields.items()) if is_model(found) else ()


def without_tags(location: PathParts) -> PathParts:
    return tuple(part for part in location if part not in TAGS)


def is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def branches(annotation: Any) -> dict[str, Any]:
    """The forms that a value may have: tag → annotation without its wrapping."""
    if get_origin(annotation) is Annotated:
        inner, *extras = get_args(annotation)
        tags = [extra.tag for extra in extras if isinstance(extra, Tag)]
        found = branches(inner)
        return dict.fromkeys(tags, next(iter(found.values()))) if tags else found
    if get_origin(annotation) in (Union, types.UnionType):
        return {
            tag: form for one in get_args(annotation) if one is not type(None) for tag, form in branches(one).items()
        }
    if get_origin(annotation) is list:
        return {LIST: annotation}
    return {MAPPING if is_model(annotation) or get_origin(annotation) is dict else str(annotation): annotation}


def field_annotation(model: type[BaseModel], name: str) -> Any:
    """A field's annotation with what stands around it (pydantic takes the outer Annotated apart)."""
    field = model.model_fields[name]
    annotation: Any = field.annotation
    for extra in field.metadata:
        annotation = Annotated[annotation, extra]
    return annotation


def _below(found: Any, part: str | int) -> Any:
    if found is None:
        return None
    if is_model(found):
        known: Mapping[str, Any] = found.model_fields
        return _single(field_annotation(found, str(part))) if part in known else None
    options = branches(found)
    if part in TAGS:
        return options.get(str(part))
    form = next(iter(options.values()), None)
    arguments = get_args(form)
    return _single(arguments[-1]) if arguments and get_origin(form) in (list, dict) else None


def _single(annotation: Any) -> Any:
    """The only form where there is one; a union stays as it is until its tag says which."""
    options = branches(annotation)
    return next(iter(options.values())) if len(options) == 1 else annotation
