"""Expressions and small parts of statements as text: the fewest parentheses that give the same tree back.

A speller writes pieces: texts, and marks for where brackets open and close and where a line may be broken. `flat` puts
them on one line; `wrap` in `rnnc.syntax.printing.wrap` on as few lines as fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import TypeVar

from rnnc.syntax import ast
from rnnc.syntax.literals import string_text


class Mark(Enum):
    """Where a bracket opened, where it closes, and spaces that may be newlines: before an item of a list, or inside."""

    OPEN = 0
    CLOSE = 1
    ITEM = 2
    BREAK = 3


Piece = str | Mark
_T = TypeVar("_T")

# How tightly what a node is binds, loosest first: the levels of the grammar.
_CHOICE, _OR, _AND, _NOT, _COMPARISON, _RANGE, _SUM, _PRODUCT, _SIGN, _POWER, _OPERAND, _POSTFIX = range(12)

_LEVELS = {
    "or": _OR, "and": _AND,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%", "@"), _PRODUCT),
    "**": _POWER,
}  # fmt: skip

_CONSTANTS = {None: "none", True: "true", False: "false"}


def flat(pieces: Sequence[Piece]) -> str:
    """The pieces on one line."""
    spaces = {Mark.ITEM: " ", Mark.BREAK: " "}
    return "".join(piece if isinstance(piece, str) else spaces.get(piece, "") for piece in pieces)


def expression_text(expression: ast.Expr) -> str:
    """An expression on one line, as the language writes it."""
    speller = Speller()
    speller.expression(expression)
    return flat(speller.pieces)


def _level(node: ast.Expr) -> int:
    match node:
        case ast.Conditional():
            return _CHOICE
        case ast.Binary(op=op):
            return _LEVELS[op]
        case ast.Unary(op=op):
            return _NOT if op == "not" else _SIGN
        case ast.Range():
            return _RANGE
        case ast.As() | ast.With():
            return _OPERAND
        case _:
            return _POSTFIX


_WHOLE = 40  # what is not longer is not broken, if the line can be broken elsewhere


class Speller:
    """Collects the pieces of what it is given. `block` spells the body of a `with`, braces included."""

    def __init__(self, block: Callable[[ast.With], str] | None = None) -> None:
        self.pieces: list[Piece] = []
        self._block = block or _missing_block

    def text(self, *pieces: Piece) -> None:
        self.pieces += pieces

    def listed(self, opening: str, items: Iterable[_T], closing: str, spell: Callable[[_T], None]) -> None:
        """Items between brackets, a line break being possible after every comma."""
        self.text(opening, Mark.OPEN)
        for number, item in enumerate(items):
            if number:
                self.text(",", Mark.ITEM)
            spell(item)
        self.text(Mark.CLOSE, closing)

    def separated(self, items: Iterable[_T], spell: Callable[[_T], None]) -> None:
        """Items with commas between them, outside brackets."""
        for number, item in enumerate(items):
            if number:
                self.text(", ")
            spell(item)

    # --- expressions -----------------------------------------------------------------------------------------------

    def expression(self, node: ast.Expr, least: int = _CHOICE) -> None:
        """An expression, in parentheses if it binds looser than `least`."""
        if _level(node) < least:
            self.text("(", Mark.OPEN)
            self._bare(node)
            self.text(Mark.CLOSE, ")")
        else:
            self._bare(node)

    def _bare(self, node: ast.Expr) -> None:
        match node:
            case ast.Number(text=text):
                self.text(text)
            case ast.String(value=value):
                self.text(string_text(value))
            case ast.Constant(value=value):
                self.text(_CONSTANTS[value])
            case ast.Name(id=name, primed=primed):
                self.text(name + "'" * primed)
            case ast.Attribute(base=base, name=name, primed=primed):
                # `1.x` would begin a number
                self.expression(base, _POSTFIX + isinstance(base, ast.Number))
                self.text(f".{name}" + "'" * primed)
            case ast.Subscript(base=base, items=items):
                self.expression(base, _POSTFIX)
                self.listed("[", items, "]", self._subscript)
            case ast.Unary(op=op, operand=operand):
                self.text("not " if op == "not" else op)
                self.expression(operand, _level(node))
            case ast.Binary():
                self._binary(node)
            case ast.Conditional(value=value, test=test, orelse=orelse):
                # `(a + b) if t`: read without parentheses, `t` would seem to rule `b` alone
                self.expression(value, _SIGN if isinstance(value, ast.Binary) else _OR)
                self.text(Mark.BREAK, "if ")
                self.expression(test, _OR)
                if orelse is not None:
                    self.text(Mark.BREAK, "else ")
                    self.expression(orelse)
            case ast.Range(lo=lo, hi=hi):
                self.expression(lo, _SUM)
                self.text("..")
                self.expression(hi, _SUM)
            case ast.List(items=items):
                self._gathered("[", items, "]")
            case ast.LabelledSize(label=label, size=size):
                self.text(f"{label}: ")
                self.expression(size)
            case ast.Comprehension():
                self.listed("(", [node], ")", self._comprehension)
            case ast.Call(function=function, arguments=arguments):
                self.expression(function, _POSTFIX)
                self.arguments(arguments)
            case ast.As(call=call, name=name):
                self.expression(call, _POSTFIX)
                self.text(f" as {name}")
            case ast.With(base=base):
                self.expression(base, _POSTFIX)
                self.text(" with ", self._block(node))

    def _binary(self, node: ast.Binary) -> None:
        level = _level(node)
        left, right = level, level + 1
        if node.op == "**":
            left, right = _OPERAND, _SIGN
        elif level == _COMPARISON:
            left = level + 1
        self._operand(node.left, left)
        self.text(Mark.BREAK, f"{node.op} ")
        self._operand(node.right, right)

    def _operand(self, node: ast.Expr, least: int) -> None:
        # `a * (linear(h) as rec)`: read without parentheses, the name would seem to be the product's
        self.expression(node, _POSTFIX if isinstance(node, ast.As) and least >= _PRODUCT + 1 else least)

    def _gathered(self, opening: str, items: Sequence[ast.Expr], closing: str) -> None:
        if len(items) == 1 and isinstance(items[0], ast.Comprehension):
            sole = items[0]
            self.listed(opening, [sole], closing, self._comprehension)
        else:
            self.listed(opening, items, closing, self.expression)

    def _comprehension(self, node: ast.Comprehension) -> None:
        self.expression(node.value)
        for clause in node.clauses:
            self.text(Mark.BREAK, f"for {clause.name} in ")
            self.expression(clause.values, _OR)
            if clause.test is not None:
                self.text(Mark.BREAK, "if ")
                self.expression(clause.test, _OR)

    def _subscript(self, item: ast.Expr | ast.Slice) -> None:
        if not isinstance(item, ast.Slice):
            self.expression(item)
            return
        self.text(f"{item.axis} = ")
        if item.lo is not None:
            self.expression(item.lo)
        if item.is_range:
            self.text(":")
        if item.hi is not None:
            self.expression(item.hi)

    def arguments(self, arguments: Sequence[ast.Argument | ast.SharedOver]) -> None:
        """The arguments of a call or the options of a layout, with their parentheses."""
        sole = arguments[0] if len(arguments) == 1 else None
        if isinstance(sole, ast.Argument) and sole.mark is None and isinstance(sole.value, ast.Comprehension):
            self._gathered("(", (sole.value,), ")")
        else:
            self.listed("(", arguments, ")", self._argument)

    def _argument(self, argument: ast.Argument | ast.SharedOver) -> None:
        if isinstance(argument, ast.SharedOver):
            self.text("shared over " + ", ".join(argument.names))
            return
        if argument.mark is not None:
            self.text(f"{argument.name}{' =' if argument.mark == '=' else ':'} ")
        self.expression(argument.value)

    # --- parts of statements and definitions -----------------------------------------------------------------------

    def target(self, target: ast.Target) -> None:
        """`c'[k]`, on one line: what is defined stays where the eye looks for it."""
        self.text(target.name + "'" * target.primed)
        if target.indices:
            self.text("[" + ", ".join(expression_text(index) for index in target.indices) + "]")
        for part in target.path:
            self.text(".")
            self.target(part)

    def dropped(self, target: ast.Target) -> None:
        """A name, or the carry of a state."""
        self.text("carry " * bool(target.path))
        self.target(target)

    def axes(self, axes: Sequence[ast.Axis]) -> None:
        """`[label: size, size]`; on one line, unless it is long."""
        inside = Speller(self._block)
        inside.listed("[", axes, "]", inside._axis)
        text = flat(inside.pieces)
        self.text(*([text] if len(text) <= _WHOLE else inside.pieces))

    def _axis(self, axis: ast.Axis) -> None:
        if axis.label is not None:
            self.text(f"{axis.label}: ")
        self.expression(axis.size)

    def declared(self, item: ast.Declared) -> None:
        """`ct[b, k][units]: int = 1`."""
        self.text(item.name)
        if item.indices:
            self.listed("[", item.indices, "]", self.expression)
        self.axes(item.axes)
        if item.dtype != "float":
            self.text(f": {item.dtype}")
        if item.per_row:
            self.text(" per row")
        self.default(item.init)

    def output_item(self, item: ast.OutputItem) -> None:
        if item.name is not None:
            self.text(f"{item.name}: ")
        self.expression(item.value)

    def default(self, value: ast.Expr | None) -> None:
        if value is not None:
            self.text(" = ")
            self.expression(value)

    def definition(self, word: str, node: ast.Fn | ast.Cell | ast.Variant | ast.Network) -> None:
        """What stands before the body: `cell LSTM(units)`."""
        self.text(f"{word} {node.name}")
        if node.parameters or isinstance(node, ast.Fn):
            self.parameters(node.parameters)

    def parameters(self, parameters: Sequence[ast.Parameter]) -> None:
        """The parameters of a definition, with their parentheses."""
        self.listed("(", parameters, ")", self._parameter)

    def _parameter(self, parameter: ast.Parameter) -> None:
        self.text(parameter.name)
        if parameter.axes is not None:
            self.axes(parameter.axes)
        if parameter.kind or parameter.choices:
            self.text(": " + (parameter.kind or " | ".join(parameter.choices)))
        self.default(parameter.default)


def _missing_block(node: ast.With) -> str:
    del node
    return "{ … }"
