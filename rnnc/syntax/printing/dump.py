"""Syntax trees as text, for `--emit ast` and for tests: `(Binary "+" (Name "c" primed: true) (Number 1 "1"))`.

Fields stand in the order of the classes in `rnnc.syntax.ast`; those with a default are named, and left out where they
have it. Spans are not written: a tree that is read back has spans into the text that it was read from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, cast

from rnnc.diagnostics import Source, Span
from rnnc.syntax import ast

_WIDTH = 120
_Items = tuple[Any, ...]
_CONSTANTS = {None: "none", True: "true", False: "false"}
_WORDS = {"none": None, "true": True, "false": False}
_TOKEN = re.compile(
    r"""\s+ | (?P<open>[(]\w+|\[) | (?P<close>[)\]]) | (?P<string>"(?:[^"\\]|\\.)*") | (?P<field>\w+):
    | (?P<number>-?[0-9][0-9.eE+-]*) | (?P<word>\w+)""",
    re.VERBOSE,
)


def print_ast(node: ast.Node) -> str:
    """A tree as text with a final newline; `read_ast` gives it back."""
    return "\n".join(_lines(node, 0)) + "\n"


def _fields(node_type: type[ast.Node]) -> list[Field[Any]]:
    return [f for f in fields(node_type) if f.name != "span"]


def _parts(node: ast.Node) -> list[tuple[str, Any]]:
    """What is written of a node: (label, value), labels of fields with a default."""
    parts: list[tuple[str, Any]] = []
    for f in _fields(type(node)):
        value = getattr(node, f.name)
        if f.default is MISSING:
            parts.append(("", value))
        elif value != f.default:
            parts.append((f"{f.name}: ", value))
    return parts


def _line(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, ast.Node):
        return " ".join([f"({type(value).__name__}", *(label + _line(part) for label, part in _parts(value))]) + ")"
    if isinstance(value, tuple):
        return "[" + " ".join(map(_line, cast("_Items", value))) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    return repr(value)


def _lines(value: Any, indent: int, label: str = "", closing: str = "") -> list[str]:
    """A value on as many lines as it needs, with what closes the nodes around it."""
    line = " " * indent + label + _line(value) + closing
    if len(line) <= _WIDTH or not isinstance(value, ast.Node | tuple) or not value:
        return [line]
    if isinstance(value, tuple):
        head, closing = "[", "]" + closing
        parts = [("", item) for item in cast("_Items", value)]
    else:
        head, parts, closing = f"({type(value).__name__}", _parts(value), ")" + closing
        while parts and not isinstance(parts[0][1], ast.Node | tuple):
            short, part = parts.pop(0)
            head += f" {short}{_line(part)}"
        if not parts:
            return [line]
    lines = [" " * indent + label + head]
    for number, (short, part) in enumerate(parts):
        lines += _lines(part, indent + 2, short, closing if number == len(parts) - 1 else "")
    return lines


@dataclass
class _Open:
    """A node or list that is being read: `kind` is the node's class, None for a list."""

    kind: type[ast.Node] | None
    start: int
    label: str | None  # of the value in the node around it
    values: list[tuple[str | None, Any]] = field(default_factory=list[tuple["str | None", Any]])


def read_ast(text: str) -> Any:
    """The tree that `print_ast` wrote. Raises ValueError where the text is none."""
    source = Source("<ast>", text)
    kinds = {name: kind for name, kind in vars(ast).items() if isinstance(kind, type) and issubclass(kind, ast.Node)}
    outermost = _Open(None, 0, None)
    stack = [outermost]
    label: str | None = None
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"not a syntax tree at offset {position}")
        start, position = position, match.end()
        written = match[match.lastgroup] if match.lastgroup else ""
        if match.lastgroup is None:
            continue
        if match.lastgroup == "open":
            kind = None if written == "[" else kinds.get(written[1:])
            if written != "[" and kind is None:
                raise ValueError(f"no node is called {written[1:]}")
            stack.append(_Open(kind, start, label))
        elif match.lastgroup == "close":
            done = stack.pop()
            if not stack or (written == "]") != (done.kind is None):
                raise ValueError(f"`{written}` closes nothing at offset {start}")
            stack[-1].values.append((done.label, _closed(done, Span(source, done.start, position))))
        elif match.lastgroup == "field":
            label = written
            continue
        else:
            stack[-1].values.append((label, _value(match.lastgroup, written)))
        label = None
    if len(stack) != 1 or len(outermost.values) != 1:
        raise ValueError("a syntax tree is one node, closed")
    return outermost.values[0][1]


def _value(group: str, written: str) -> str | int | float | bool | None:
    if group == "string":
        return json.loads(written)
    if group == "number":
        return int(written) if written.lstrip("-").isdigit() else float(written)
    if written not in _WORDS:
        raise ValueError(f"`{written}` is no value")
    return _WORDS[written]


def _closed(done: _Open, span: Span) -> Any:
    if done.kind is None:
        return tuple(value for _, value in done.values)
    required: Sequence[str] = [f.name for f in _fields(done.kind) if f.default is MISSING]
    positional = [value for label, value in done.values if label is None]
    if len(positional) != len(required):
        raise ValueError(f"{done.kind.__name__} has {len(required)} parts, not {len(positional)}")
    named = {label: value for label, value in done.values if label is not None}
    try:
        return done.kind(**dict(zip(required, positional, strict=True)), **named, span=span)
    except TypeError as error:
        raise ValueError(str(error)) from error
