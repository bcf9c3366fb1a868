"""The abstract syntax of the language, on one page. Every node carries the span of its text.

Nodes are frozen; equality ignores spans, so that two texts that mean the same compare equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rnnc.diagnostics import Span


@dataclass(frozen=True, kw_only=True)
class Node:
    span: Span = field(repr=False, compare=False)


# --- expressions -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number(Node):
    value: int | float
    text: str = field(compare=False)  # as written: `1e-12` stays `1e-12`


@dataclass(frozen=True)
class String(Node):
    value: str


@dataclass(frozen=True)
class Constant(Node):
    value: bool | None  # true, false, none


@dataclass(frozen=True)
class Name(Node):
    id: str
    primed: bool = False  # c'


@dataclass(frozen=True)
class Attribute(Node):
    base: Expr
    name: str
    primed: bool = False  # f.c'


@dataclass(frozen=True)
class Slice(Node):
    """`input = lo:hi` (part of an axis) or, without a colon, `input = at` (one place; the axis goes)."""

    axis: str
    lo: Expr | None
    hi: Expr | None
    is_range: bool


@dataclass(frozen=True)
class LabelledSize(Node):
    """`head: heads` in a list of axes: `out = [head: heads, unit]`."""

    label: str
    size: Expr


@dataclass(frozen=True)
class Subscript(Node):
    """`h[k]`, `q[r - 1]` (member of a family or list) or `x[input = a:b]` (slice of a named axis)."""

    base: Expr
    items: tuple[Expr | Slice, ...]


@dataclass(frozen=True)
class Unary(Node):
    op: Literal["-", "+", "not"]
    operand: Expr


@dataclass(frozen=True)
class Binary(Node):
    op: str  # + - * / // % ** @ < <= > >= == != and or
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Conditional(Node):
    """`value if test else orelse`; without `else` only as a term of a sum or a factor of a product."""

    value: Expr
    test: Expr
    orelse: Expr | None


@dataclass(frozen=True)
class Range(Node):
    """`lo..hi`, half-open; where a list of numbers is expected."""

    lo: Expr
    hi: Expr


@dataclass(frozen=True)
class List(Node):
    items: tuple[Expr, ...]  # a Comprehension among them is spliced


@dataclass(frozen=True)
class Clause(Node):
    """`for name in values if test`."""

    name: str
    values: Expr
    test: Expr | None


@dataclass(frozen=True)
class Comprehension(Node):
    """`(h[j] for j in k..n)`: its values are gathered in place, as arguments or list items."""

    value: Expr
    clauses: tuple[Clause, ...]


@dataclass(frozen=True)
class Argument(Node):
    """One argument of a call: `x`, `out = 3` (mark "=", an option) or `u: x[input = 0:2]` (mark ":", an operand)."""

    value: Expr
    name: str | None = None
    mark: Literal["=", ":"] | None = None


@dataclass(frozen=True)
class SharedOver(Node):
    """`shared over k, b`: the weights of this product are the same for every k."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Call(Node):
    function: Expr
    arguments: tuple[Argument | SharedOver, ...]


@dataclass(frozen=True)
class As(Node):
    """`linear(h) as rec`: names the weights of a call."""

    call: Call
    name: str


@dataclass(frozen=True)
class With(Node):
    """`LSTM(4) with { … }`: the cell with equations replaced, added or dropped."""

    base: Expr
    body: tuple[Statement, ...]


Expr = (
    Number | String | Constant | Name | Attribute | Subscript | Unary | Binary | Conditional | Range | List
    | Comprehension | Call | As | With | LabelledSize
)  # fmt: skip

# --- statements --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis(Node):
    """`label: size` or a bare size."""

    label: str | None
    size: Expr


@dataclass(frozen=True)
class Target(Node):
    """What an equation defines: `c`, `c'`, `c'[k]`; what is carried: `f[k].low.c`, with the path behind `f[k]`."""

    name: str
    primed: bool = False
    indices: tuple[Expr, ...] = ()
    path: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Equation(Node):
    """`i = …`, `gate i = …`, or `let n = …` (compile-time)."""

    kind: Literal["plain", "gate", "let"]
    target: Target
    value: Expr


@dataclass(frozen=True)
class Declared(Node):
    """One item of a declaration: `memory[slot: window, A]`, `ct[b, k][units] = 1`, `token[]: int per row`."""

    name: str
    indices: tuple[Expr, ...]
    axes: tuple[Axis, ...]
    dtype: Literal["float", "int"] = "float"
    init: Expr | None = None
    per_row: bool = False


@dataclass(frozen=True)
class Declaration(Node):
    """`input …`, `state …`, `param …`, `fixed …`."""

    kind: Literal["input", "state", "param", "fixed"]
    items: tuple[Declared, ...]


@dataclass(frozen=True)
class Use(Node):
    """`use f = inner(units = 4)`: one instance of a cell (in a network: of a layer)."""

    target: Target
    cell: Expr


@dataclass(frozen=True)
class OutputItem(Node):
    """`h'`, or `name: expression`."""

    value: Expr
    name: str | None = None


@dataclass(frozen=True)
class Output(Node):
    items: tuple[OutputItem, ...]


@dataclass(frozen=True)
class Carry(Node):
    """`carry f.h = dropout(f.h', …)`: what the state of an inner cell becomes instead of its own new value. The
    instance and the state may be members (`carry f[k].c[0] = …`), and `f.states[k]` is the k-th state, of any name."""

    target: Target
    value: Expr


@dataclass(frozen=True)
class For(Node):
    name: str
    values: Expr
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class If(Node):
    test: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]  # `else if` is a lone If in here


@dataclass(frozen=True)
class Drop(Node):
    """`drop i, c', carry f.h`: what `with` removes."""

    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Return(Node):
    value: Expr


@dataclass(frozen=True)
class Entry(Node):
    """`"projection/kernel" = h.m` in a layout: a foreign array as an arrangement of parameters."""

    foreign: String
    value: Expr


@dataclass(frozen=True)
class Scope(Node):
    """`scope y[k] = "multi_rnn_cell/cell_{k}"`: the foreign scope of an inner cell or layer."""

    target: Expr
    name: String


@dataclass(frozen=True)
class Order(Node):
    """`order state = [c, h]`, `order input = […]`: foreign order of states or inputs."""

    kind: Literal["state", "input", "output"]
    value: List


@dataclass(frozen=True)
class MaskName(Node):
    """`mask "input" = xin`: the foreign name of the mask of an equation."""

    foreign: String
    target: Expr


@dataclass(frozen=True)
class Layout(Node):
    """`layout tf(scope = "lstm_cell") { … }`: how another library names and arranges the weights."""

    name: str
    options: tuple[Argument, ...]
    body: tuple[Statement, ...]  # Entry, Scope, Order, MaskName, and For and If with these in them


@dataclass(frozen=True)
class Damaged(Node):
    """What could not be read of a body, as the words in it; `named`: what it defines is among them."""

    words: tuple[str, ...]
    named: bool


Statement = (
    Equation | Declaration | Use | Output | Carry | For | If | Drop | Return | Layout | Entry | Scope | Order | MaskName
    | Damaged)  # fmt: skip

# --- definitions -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter(Node):
    """A compile-time parameter: `units`, `proj = none`, `inner: cell`, `reset: before | after`; of a function
    also a value, with or without the pattern of its axes: `v[d]`."""

    name: str
    axes: tuple[Axis, ...] | None = None
    kind: Literal["cell", "fn"] | None = None
    choices: tuple[str, ...] = ()
    default: Expr | None = None


@dataclass(frozen=True)
class Fn(Node):
    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: str | None = None


@dataclass(frozen=True)
class Cell(Node):
    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: str | None = None


@dataclass(frozen=True)
class Variant(Node):
    """`cell CIFG = LSTM(peepholes = true) with { … }`, with parameters of its own if it names some."""

    name: str
    parameters: tuple[Parameter, ...]
    base: Expr
    doc: str | None = None


@dataclass(frozen=True)
class Network(Node):
    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: str | None = None


@dataclass(frozen=True)
class ImportName(Node):
    name: str
    alias: str


@dataclass(frozen=True)
class Import(Node):
    """`import "lstm.rnn"` (every definition) or `import LSTM, GRU as G from "cells.rnn"`."""

    path: String
    names: tuple[ImportName, ...] | None


Definition = Fn | Cell | Variant | Network | Import


@dataclass(frozen=True)
class File(Node):
    definitions: tuple[Definition, ...]
    doc: str | None = None
