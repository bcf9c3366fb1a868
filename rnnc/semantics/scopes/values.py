"""What expressions mean at compile time: numbers, choices, functions, cells, tensors; and the scopes of such values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from rnnc.diagnostics import Span
from rnnc.ir.model import Initialiser
from rnnc.ir.size import Size
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast


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


@dataclass(eq=False)
class Users:
    """Those that have the weights of one instance: it, and cells that it is given to. `have_run`: layouts have the
    weights where one of them first did."""

    have_run: bool = False


@dataclass(frozen=True, eq=False)
class Lent:
    """Whose weights a cell has that was given as an instance (`Residual(f)`), and what these are called."""

    prefix: str
    users: Users


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


@dataclass(eq=False)
class Lazy:
    """A `let`: evaluated when it is first read, so lets may stand in any order."""

    expression: ast.Expr
    scope: Scope
    evaluate: Callable[[], Value]
    span: Span
    running: bool = False


class Scope:
    """A chain of name → value. The outermost is the prelude's, then a file's, then those of bodies and loops."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.loop: str | None = None  # the name that a loop or comprehension gives to a member, in the scope of a turn
        self.names: dict[str, Value | Lazy] = {}
        self.spans: dict[str, Span] = {}

    def find(self, name: str) -> tuple[Scope, Value | Lazy] | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names or scope.load(name):
                return scope, scope.names[name]
            scope = scope.parent
        return None

    def turn(self, name: str, value: Value) -> Scope:
        """The scope of one turn of a loop or comprehension over `name`."""
        inner = Scope(self)
        inner.loop, inner.names[name] = name, value
        return inner

    def turning(self, name: str) -> Scope | None:
        """The turn that gives `name` its value here: what stands nearest counts, before equations of that name too."""
        return next((s if s.loop == name else None for s in self.chain() if name in s.names), None)

    def chain(self) -> Iterator[Scope]:
        """This scope and all around it, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def load(self, name: str) -> bool:
        """Bring in a name that is only read when it is asked for, if there is one."""
        return False

    def all_names(self) -> set[str]:
        names = set(self.names)
        return names | self.parent.all_names() if self.parent else names


class Library(Scope):
    """The outermost scope: what the prelude defines, and cells that every file knows, read when they are asked for."""

    def __init__(self, offered: Collection[str], read: Callable[[str], Value]) -> None:
        super().__init__()
        self._offered = frozenset(offered)
        self._read = read

    def load(self, name: str) -> bool:
        if name not in self._offered:
            return False
        self.names[name] = self._read(name)
        return True

    def all_names(self) -> set[str]:
        return set(self.names) | self._offered


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
