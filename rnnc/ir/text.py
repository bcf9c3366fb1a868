"""The text form of programs: what `--emit graph`, `--emit program` and `--dump-after` show, and tests read back.

One node a line, in execution order; `#` starts a comment, which names the lines of the source that the node is from.

    program "Cell" {
      param "h.x" -> %h.x : float[input, units]
      input "x" -> %x : float<TB>[input]
      state "h" -> %h : float<B>[units]

      %0 = contract(%x, %h.x, a="i", b="ij", out="j", reduce="") : float<TB>[units]  # @4:8
      loop "Cell" {
        each %1 : float<B>[units] in %0
        carry %h.1 : float<B>[units] from %h
        %2 = add(%1, %h.1) : float<B>[units]  # @4:8
        next %2 of %h.1 -> %h.2 : float<B>[units]
        yield %2 -> %y : float<TB>[units]
      }

      %y -> output "y"
      %h.2 -> state "h"
    }

A type is `dtype<leads>[axes]`, the leads being T (time) and B (batch), an axis `label: size` or a size that is its own
label. Attributes are numbers, strings, `true`, `false`, `none`, sizes `{2 * units}`, axes `[unit: 4]`, types and
tuples `(0, 1)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from rnnc.ir.program import AttrValue, Axis, Carry, Loop, Node, Op, Program, Spans, Type, Value
from rnnc.ir.size import Size
from rnnc.ir.text_reader import TextError, read_program

__all__ = ["TextError", "print_program", "print_type", "read_program"]

_PLAIN_NAME = re.compile(r"[^\W\d][\w.']*(\[[\w,-]*\][\w.']*)*")
_PLAIN_LABEL = re.compile(r"[^\W\d]\w*")
_INDENT = "  "


def print_program(program: Program, *, spans: bool = True) -> str:
    """The program as text. `read_program` of it prints the same again, but for the spans, which are comments."""
    return _Printer(spans).program(program)


def print_type(type_: Type) -> str:
    """`float<TB>[units, head: 4]`."""
    leads = ("T" if type_.time else "") + ("B" if type_.batch else "")
    return f"{type_.dtype.value}{f'<{leads}>' if leads else ''}{_axes(type_.axes)}"


class _Printer:
    def __init__(self, spans: bool) -> None:
        self._spans = spans
        self._names = _Names()
        self._lines: list[str] = []

    def program(self, program: Program) -> str:
        self._line(0, f"program {_quoted(program.name)} {{")
        for port in program.inputs:
            self._line(1, f"{port.role} {_quoted(port.name)} -> {self._define(port.value)}")
        self._lines.append("")
        self._block(program.nodes, 1)
        self._lines.append("")
        for port in program.outputs:
            self._line(1, f"{self._names[port.value]} -> {port.role} {_quoted(port.name)}")
        self._line(0, "}")
        return "\n".join(self._lines) + "\n"

    def _block(self, nodes: Iterable[Node], depth: int) -> None:
        for node in nodes:
            if isinstance(node, Op):
                self._op(node, depth)
            else:
                self._loop(node, depth)

    def _op(self, op: Op, depth: int) -> None:
        items = [self._names[arg] for arg in op.args]
        items += [f"{key}={_attribute(value)}" for key, value in op.attrs]
        outs = ", ".join(self._names.define(out) for out in op.outs)
        types = ", ".join(print_type(out.type) for out in op.outs)
        self._line(depth, f"{outs} = {op.name}({', '.join(items)}) : {types}", op.spans)

    def _loop(self, loop: Loop, depth: int) -> None:
        words = ["loop", _quoted(loop.name)]
        words += ["reverse"] if loop.reverse else []
        words += [f"chunk {loop.chunk}"] if loop.chunk is not None else []
        words += [f"like {self._names[loop.like]}"] if loop.like is not None else []
        words += [f"lengths {self._names[loop.lengths]}"] if loop.lengths is not None else []
        words += [f"valid {self._define(loop.valid)}"] if loop.valid is not None else []
        self._line(depth, f"{' '.join(words)} {{", loop.spans)
        for seq, param in loop.xs:
            self._line(depth + 1, f"each {self._define(param)} in {self._names[seq]}")
        for carry in loop.carries:
            self._line(depth + 1, f"carry {self._define(carry.param)} from {self._names[carry.init]}")
        self._block(loop.body, depth + 1)
        for carry in loop.carries:
            self._line(depth + 1, self._next(carry))
        for value, seq in loop.ys:
            self._line(depth + 1, f"yield {self._names[value]} -> {self._define(seq)}")
        self._line(depth, "}")

    def _next(self, carry: Carry) -> str:
        line = f"next {self._names[carry.next]} of {self._names[carry.param]} -> {self._define(carry.final)}"
        return line if carry.before is None else f"{line} before {self._define(carry.before)}"

    def _define(self, value: Value) -> str:
        return f"{self._names.define(value)} : {print_type(value.type)}"

    def _line(self, depth: int, text: str, spans: Spans = frozenset()) -> None:
        places = sorted({(span.line, span.column) for span in spans}) if self._spans else []
        comment = "  # " + " ".join(f"@{line}:{column}" for line, column in places) if places else ""
        self._lines.append(_INDENT * depth + text + comment)


class _Names:
    """One name for each value: its hint where that is free, with a number otherwise; a bare number without hint."""

    def __init__(self) -> None:
        self._of: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}
        self._unnamed = 0

    def __getitem__(self, value: Value) -> str:
        # A value that nothing defines is a broken program; dumps are for finding such bugs, so it prints.
        return self._of.get(value) or f'%"undefined {value.name}"'

    def define(self, value: Value) -> str:
        name = value.name
        if not name or name.isdigit():
            name = str(self._unnamed)
            self._unnamed += 1
        number = self._next.get(name, 0)
        unique = name
        while unique in self._taken:
            number += 1
            unique = f"{name}.{number}"
        self._next[name] = number
        self._taken.add(unique)
        plain = unique.isdigit() or _PLAIN_NAME.fullmatch(unique)
        self._of[value] = f"%{unique}" if plain else f"%{_quoted(unique)}"
        return self._of[value]


def _attribute(value: AttrValue) -> str:
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "none"
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case Size():
            return f"{{{value}}}"
        case Type():
            return print_type(value)
        case tuple():
            return _tuple(value)
        case Axis():
            return _axes((value,))


def _tuple(items: tuple[AttrValue, ...]) -> str:
    axes = [item for item in items if isinstance(item, Axis)]
    if axes and len(axes) == len(items):
        return _axes(axes)
    return f"({', '.join(_attribute(item) for item in items)}{',' if len(items) == 1 else ''})"


def _axes(axes: Iterable[Axis]) -> str:
    return f"[{', '.join(_axis(axis) for axis in axes)}]"


def _axis(axis: Axis) -> str:
    size = str(axis.size)
    if axis.label == size:
        return size
    return f"{axis.label if _PLAIN_LABEL.fullmatch(axis.label) else _quoted(axis.label)}: {size}"


def _quoted(text: str) -> str:
    return json.dumps(text)
