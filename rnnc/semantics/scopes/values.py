"""What expressions mean at compile time: numbers, choices, functions, cells, and the shapes of tensors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnnc.diagnostics import Span
from rnnc.ir.model import Initialiser
from rnnc.ir.size import Size
from rnnc.syntax import ast

if TYPE_CHECKING:
    from rnnc.semantics.bodies.frames import InstanceState
    from rnnc.semantics.scopes.scope import Scope
    from rnnc.semantics.shapes.nodes import Node


@dataclass(frozen=True)
class Shaped:
    """A feature axis. `strong`: the label was written (`head: 4`), so it must agree; a weak one is only the text of
    a bare size, so two axes with weak labels agree where their sizes do."""

    label: str
    size: Size
    strong: bool = False

    def __str__(self) -> str:
        return f"{self.label}: {self.size}" if self.strong or str(self.size) != self.label else self.label


Shape = tuple[Shaped, ...]


def show(shape: Shape) -> str:
    """`[head: 4, units]`; an axis of which nothing is known yet is `_`."""
    return f"[{', '.join('_' if a.label.startswith('?') else str(a) for a in shape)}]"


@dataclass(frozen=True)
class Num:
    """A compile-time number. `label` remembers the name it was read under, which may name an axis too; `given`, the
    argument by which a cell got it."""

    value: int | float | Size
    label: str | None = field(default=None, compare=False)
    strong: bool = field(default=False, compare=False)
    given: Span | None = field(default=None, compare=False, repr=False)

    @property
    def size(self) -> Size | None:
        """As a size, if it is whole."""
        if isinstance(self.value, Size):
            return self.value
        if isinstance(self.value, int):
            return Size.of(self.value)
        return Size.of(int(self.value)) if self.value.is_integer() else None

    @property
    def known(self) -> int | float | None:
        """The number, or None where it is a symbolic size."""
        return self.value.constant if isinstance(self.value, Size) else self.value


@dataclass(frozen=True)
class Choice:
    """A bare word that names nothing else: `before`, `sequence`."""

    word: str
    among: tuple[str, ...] = field(default=(), compare=False)
    span: Span | None = field(default=None, compare=False)  # where it stands, if it stands alone


class Absent:
    """What a conditional without `else` leaves where its test is false: no term, no factor."""


ABSENT = Absent()


@dataclass(frozen=True)
class FnValue:
    """A function: of the language (`definition`, in its scope) or built in (`builtin`)."""

    name: str
    definition: ast.Fn | None = None
    scope: Scope | None = field(default=None, compare=False)
    damaged: bool = False  # its text could not be read as a whole


@dataclass(frozen=True, eq=False)
class Lent:
    """Whose weights a cell has that was given as an instance (`Residual(f)`), and what these are called."""

    prefix: str
    instance: InstanceState


@dataclass(frozen=True)
class CellValue:
    """A cell or network with arguments bound. `variant`: a named one whose `with` has not been carried out yet;
    `derived`: one whose `with` has; `unknown`: it stands for whatever cell somebody will give;
    `damaged`: its text could not be read as a whole; `lent`: it has the weights of an instance."""

    definition: ast.Cell | ast.Network
    scope: Scope = field(compare=False)
    name: str = ""
    parameters: tuple[ast.Parameter, ...] = ()
    bound: tuple[tuple[str, Value], ...] = ()
    variant: ast.Variant | None = None
    derived: bool = False
    dropped: tuple[ast.Target, ...] = field(default=(), compare=False)  # what its `with` has removed
    unknown: bool = False
    damaged: bool = False
    lent: Lent | None = field(default=None, compare=False)

    @property
    def arguments(self) -> dict[str, Value]:
        """A dictionary of what is bound, the caller's own."""
        return dict(self.bound)


@dataclass(frozen=True)
class LayerValue:
    """A combination of layers in a network: `bidirectional(…)`, `stack(…)`, `backward(…)`, `residual(…)`, …"""

    kind: str
    layers: tuple[tuple[str, Value], ...]  # (name of the part, layer)
    options: tuple[tuple[str, Value], ...] = ()

    def option(self, name: str) -> Value:
        return dict(self.options).get(name)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value of the cell's graph. `word`: the name that stood for it as an argument; it may name an axis as well."""

    node: Node
    word: str | None = None


@dataclass(frozen=True)
class Many:
    """Several outputs under names (`merge = none`, cells with several outputs)."""

    items: tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Promise:
    """`f.output`: what is known of a cell's output before the cell is stepped."""

    size: Size


@dataclass(frozen=True, eq=False)
class Instance:
    """`use f = …`: the key of an instance in the body under construction."""

    key: str


@dataclass(frozen=True, eq=False)
class LayerPart:
    """A part of an instance that has states of its own, under their path: `f.low`; in a network `f.forward`, `f[0]`."""

    key: str
    path: str


Value = (
    Num | bool | None | str | tuple["Value", ...] | Choice | Absent | FnValue | CellValue | LayerValue | Tensor | Many
    | Instance | LayerPart | Initialiser | Promise
)  # fmt: skip


def open_size(name: str) -> Num:
    """A size that stays open: its own name."""
    return Num(Size.of(name), name)


def named_by(value: Value) -> str | None:
    """The axis that a value names, as the argument of a function."""
    return value.label if isinstance(value, Num) else value.word if isinstance(value, Choice | Tensor) else None


def describe(value: Value) -> str:
    """What a value is, for messages."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case Num():
            return f"the number {value.value}"
        case str():
            return f"the string {spelled(value)}"
        case tuple():
            return "a list"
        case Choice():
            return f"the word `{value.word}`"
        case FnValue():
            return f"the function `{value.name}`"
        case CellValue():
            return f"the cell `{value.name}`"
        case LayerValue():
            return f"the layer `{value.kind}(…)`"
        case Many():
            return f"several outputs ({', '.join(n for n, _ in value.items)})"
        case Instance():
            return f"the instance `{value.key}`"
        case LayerPart():
            return f"a part of the layer `{value.key}`"
        case Tensor():
            return "a tensor"
        case Initialiser():
            return f"the initialiser {value.kind}"
        case Promise():
            return "an output"
        case Absent():
            return "nothing (its condition is false)"


MAX_TEXT = 10_000  # values: `[a, a]` of `[b, b]` of … is short to write, and huge to write out


def texts(values: Iterable[Value]) -> list[str]:
    """Values as source text (for SPEC's options and headers); what is too long to write out ends in `…`."""
    room = MAX_TEXT

    def write(value: Value) -> str:
        nonlocal room
        room -= 1
        if room < 0:
            return "…"
        match value:
            case Num():
                return str(value.value)
            case str():
                return spelled(value)
            case tuple():
                return "[" + ", ".join(map(write, value)) + "]"
            case Choice():
                return value.word
            case FnValue():
                return value.name
            case CellValue():
                arguments = ", ".join(f"{n} = {write(v)}" for n, v in value.bound)
                return f"{value.name}({arguments})" + (" with { … }" if value.derived else "")
            case Initialiser():
                return f"{value.kind}({', '.join(map(repr, value.numbers))})" if value.numbers else value.kind
            case LayerValue():
                return f"{value.kind}({', '.join(write(v) for _, v in value.layers)})"
            case _:
                return describe(value)

    return [write(value) for value in values]


def spelled(string: str) -> str:
    """A string as the language writes it."""
    escaped = string.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
