"""docs/protocol.md and docs/protocol.schema.json, made from the frames themselves."""

import inspect
import json
import re
from typing import Any, get_args

import msgspec
from msgspec import inspect as shape

from chat.errors import ERRORS
from chat.live.protocol import desk, server, visitor
from chat.live.protocol.fields import Author, CompanyName, Page
from chat.live.protocol.prose import CLOSING, OPENING

_PARTS = (
    server.Me,
    Author,
    CompanyName,
    Page,
    server.ConversationState,
    server.VisitorContext,
    server.AgentStatus,
    visitor.Resume,
    visitor.StartFields,
)
_SECTIONS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("From the visitor", get_args(visitor.VisitorFrame)),
    ("From the desk", get_args(desk.DeskFrame)),
    ("From the server: answers", get_args(server.Answer)),
    ("From the server: durable events", get_args(server.DurableEvent)),
    ("From the server: ephemeral events", get_args(server.Ephemeral)),
    ("Objects inside frames", _PARTS),
)
_SIMPLE: dict[type, str] = {
    shape.StrType: "string",
    shape.IntType: "integer",
    shape.FloatType: "number",
    shape.BoolType: "true or false",
    shape.UUIDType: "UUID",
    shape.DateTimeType: "time",
    shape.NoneType: "null",
}


def markdown() -> str:
    """The whole text of docs/protocol.md."""
    sections = [
        f"## {title}\n\n" + "\n".join(_struct(struct) for struct in structs)
        for title, structs in _SECTIONS
    ]
    return "\n".join([OPENING, *sections, _errors(), CLOSING])


def json_schema() -> str:
    """JSON Schema (2020-12) of every frame, under `$defs`."""
    structs = [struct for _, group in _SECTIONS for struct in group]
    _, components = msgspec.json.schema_components(structs, ref_template="#/$defs/{name}")
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Switchboard live protocol",
        "$defs": components,
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def _struct(struct: type) -> str:
    info = shape.type_info(struct)
    if not isinstance(info, shape.StructType):
        raise TypeError(f"{struct} is no frame.")
    title = f"`{info.tag}`" if info.tag else struct.__name__
    lines = [f"### {title}", "", inspect.getdoc(struct) or "", ""]
    if info.fields:
        lines += ["| field | type | |", "| --- | --- | --- |"]
        lines += [_field(field) for field in info.fields]
        lines.append("")
    return "\n".join(lines)


def _field(field: shape.Field) -> str:
    kind, notes = _describe(field.type)
    if not field.required:
        plain = field.default if isinstance(field.default, int) else None
        optional = "Optional." if plain is None else f"Optional, {json.dumps(plain)} when left out."
        notes.insert(0, optional)
    return f"| `{field.encode_name}` | {kind} | {' '.join(notes)} |"


def _describe(kind: shape.Type) -> tuple[str, list[str]]:
    """A type in words, and what its annotations add."""
    if isinstance(kind, shape.Metadata):
        words, notes = _describe(kind.type)
        described = (kind.extra_json_schema or {}).get("description")
        return words, [*notes, described] if described else notes
    if isinstance(kind, shape.UnionType):
        described_parts = [_describe(part) for part in kind.types]
        words = " or ".join(part[0] for part in described_parts)
        return words, [note for part in described_parts for note in part[1]]
    if isinstance(kind, shape.LiteralType):
        return ", ".join(f"`{value}`" for value in kind.values), []
    if isinstance(kind, shape.StructType):
        return _link(kind.cls), []
    if isinstance(kind, shape.ListType):
        return f"list of {_describe(kind.item_type)[0]}", []
    if isinstance(kind, shape.TupleType):
        return f"list of {len(kind.item_types)} {_describe(kind.item_types[0])[0]}s", []
    if isinstance(kind, shape.DictType):
        return f"object: {_describe(kind.key_type)[0]} to {_describe(kind.value_type)[0]}", []
    return _SIMPLE[type(kind)] + _bounds(kind), []


def _bounds(kind: Any) -> str:
    longest = getattr(kind, "max_length", None)
    return f", at most {longest} characters" if longest else ""


def _link(struct: type) -> str:
    return f"[{struct.__name__}](#{re.sub(r'[^a-z0-9]', '', struct.__name__.lower())})"


def _errors() -> str:
    lines = [
        "## Error codes",
        "",
        "| code | closes the socket with | HTTP status | what it says |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{error.code}` | {error.close_code or 'stays open'} | {error.http_status}"
        f" | {error.message} |"
        for error in ERRORS
    ]
    return "\n".join(lines) + "\n"
