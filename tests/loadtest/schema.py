"""A checker for the part of JSON Schema that ``docs/loadtest-schema.json`` uses; anything else is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
_KNOWN = {
    "$schema", "$id", "$defs", "$ref", "title", "description", "type", "const", "enum", "properties", "required",
    "additionalProperties", "items", "minimum", "maximum", "pattern", "anyOf", "minItems", "maxItems",
}  # fmt: skip

Schema = Mapping[str, object]


def faults(value: object, schema: Schema, *, root: Schema | None = None, path: str = "$") -> list[str]:
    """Every place where the value is not what the schema says."""
    return list(_faults(value, schema, schema if root is None else root, path))


def _faults(value: object, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    unknown = set(schema) - _KNOWN
    assert not unknown, f"the checker does not know {unknown}"
    if "$ref" in schema:
        reference = str(schema["$ref"])
        definitions = root["$defs"]
        assert isinstance(definitions, dict)
        yield from _faults(value, definitions[reference.removeprefix("#/$defs/")], root, path)
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} is not {schema['const']!r}"
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        yield f"{path}: {value!r} is none of {choices}"
    options = schema.get("anyOf")
    if isinstance(options, list) and all(faults(value, option, root=root, path=path) for option in options):
        yield f"{path}: {value!r} fits no alternative"
    if "type" in schema and not _has_type(value, schema["type"]):
        yield f"{path}: {value!r} is no {schema['type']}"
        return
    yield from _bounds(value, schema, path)
    if isinstance(value, dict):
        yield from _object(value, schema, root, path)
    if isinstance(value, list):
        yield from _array(value, schema, root, path)


def _has_type(value: object, wanted: object) -> bool:
    names = wanted if isinstance(wanted, list) else [wanted]
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[str(name)]) for name in names)


def _bounds(value: object, schema: Schema, path: str) -> Iterator[str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        least, most = schema.get("minimum"), schema.get("maximum")
        if isinstance(least, int | float) and value < least:
            yield f"{path}: {value} is below {least}"
        if isinstance(most, int | float) and value > most:
            yield f"{path}: {value} is above {most}"
    if isinstance(value, str) and "pattern" in schema and not re.search(str(schema["pattern"]), value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"


def _object(value: dict[str, object], schema: Schema, root: Schema, path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    others = schema.get("additionalProperties", True)
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    for name in required:
        if name not in value:
            yield f"{path}.{name}: missing"
    for name, each in value.items():
        if name in properties:
            yield from _faults(each, properties[name], root, f"{path}.{name}")
        elif isinstance(others, dict):
            yield from _faults(each, others, root, f"{path}.{name}")
        elif others is False:
            yield f"{path}.{name}: not in the schema"


def _array(value: list[object], schema: Schema, root: Schema, path: str) -> Iterator[str]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    assert isinstance(least, int)
    assert isinstance(most, int)
    if not least <= len(value) <= most:
        yield f"{path}: {len(value)} items"
    items = schema.get("items")
    if isinstance(items, dict):
        for index, each in enumerate(value):
            yield from _faults(each, items, root, f"{path}[{index}]")
