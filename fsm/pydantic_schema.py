"""The values of the lifecycle as pydantic types. Only pydantic imports this, by the hook of `values.Value`.

pydantic checks each field as it does those of its own models, and says which one is wrong; then the value is made by
msgspec, which checks it once more: a value is the same, whoever has made it.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from pydantic import Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema
from pydantic_core import core_schema as cs

from .codec import NOT_FINITE, json_data
from .values import Value

_POSITION = Annotated[
    float | None, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "null"}, {"enum": list(NOT_FINITE)}]})
]
"""A position may be any number that an output reports."""
_within: ContextVar[frozenset[type[Value]]] = ContextVar("_within", default=frozenset())
"""The types whose schemas are being made."""


def core_schema_of(value_type: type[Value], handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return a schema that takes a value, an object with its fields, or a text with the JSON of one.

    An event or effect has its name under "type", as in files. A text is taken for the sake of environment variables.
    """

    def make(data: dict[str, Any]) -> Value:
        try:
            return msgspec.convert(data, value_type)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None

    def validate(data: Any, make_from_fields: cs.ValidatorFunctionWrapHandler) -> Value:
        if isinstance(data, value_type):
            return data
        if isinstance(data, str):
            try:
                data = json.loads(data)
            except ValueError as error:
                raise ValueError(f"not JSON: {error}") from None
        made: Value = make_from_fields(data)
        return made

    def dump(value: Value, info: cs.SerializationInfo) -> Any:
        return json_data(value) if info.mode_is_json() else msgspec.to_builtins(value)

    ref = f"{value_type.__module__}.{value_type.__qualname__}:{id(value_type)}"
    outer = _within.get()
    if value_type in outer:  # a value that may hold others of its own type
        return cs.definition_reference_schema(ref)
    token = _within.set(outer | {value_type})
    try:
        fields = _fields_of(value_type, handler)
    finally:
        _within.reset(token)
    return cs.no_info_wrap_validator_function(
        validate,
        cs.no_info_after_validator_function(make, fields),
        ref=ref,
        serialization=cs.plain_serializer_function_ser_schema(dump, info_arg=True),
    )


def _with_bounds(annotation: Any) -> Any:
    """Return an annotation with the bounds that msgspec knows as those that pydantic knows."""
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(_with_bounds(each) for each in get_args(annotation))]  # noqa: UP007
    if get_origin(annotation) is not Annotated:
        return annotation
    bounded, *parts = get_args(annotation)
    for part in parts:
        bounded = Annotated[bounded, Field(ge=part.ge, le=part.le) if isinstance(part, msgspec.Meta) else part]
    return bounded


def _fields_of(value_type: type[Value], handler: GetCoreSchemaHandler) -> CoreSchema:
    config = value_type.__struct_config__
    fields = {}
    if config.tag_field is not None:
        fields[config.tag_field] = cs.typed_dict_field(cs.literal_schema([config.tag]), required=True)
    for field in msgspec.structs.fields(value_type):
        schema = handler.generate_schema(_POSITION if field.name == "position_ms" else _with_bounds(field.type))
        if not field.required:
            # The value has the default. Here it stands for those who read the JSON Schema.
            schema = cs.with_default_schema(schema, default=field.default)
        fields[field.name] = cs.typed_dict_field(schema, required=field.required)
    return cs.typed_dict_schema(fields, cls=value_type, extra_behavior="forbid")
