"""The intermediate representation, on one page: values, operations, loops, blocks and programs.

Everything is immutable SSA. A `Value` is defined once: as an input of a program, as a parameter of a loop's body,
or as an output of a node. A `Block` of nodes is in execution order. The body of a loop may read any value that is
defined before the loop (it captures), so that moving a node out of a loop changes no other node.

Every array has the axes `[time?, batch?, *axes]`: `Type.time` and `Type.batch` say whether it has the leading two,
`Type.axes` are the features. Operations (`rnnc/ir/operations`) are written on the features; leading axes
broadcast. A step's body and a whole sequence therefore use the same operations: a node that leaves a loop
gets operands with `time`, and is otherwise the same node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

from rnnc.diagnostics import Span
from rnnc.ir.size import Size

Spans = frozenset[Span]  # merged nodes keep all of theirs
NO_SPANS: Spans = frozenset()
AttrValue: TypeAlias = "int | float | str | bool | Size | Axis | Type | tuple[AttrValue, ...] | None"


class DType(Enum):
    FLOAT = "float"  # float32 or float64: chosen when a module runs
    INT = "int"  # int32
    BOOL = "bool"


@dataclass(frozen=True, slots=True)
class Axis:
    """A feature axis. The label is for people; operations and equality of types go by position and size."""

    label: str = field(compare=False)
    size: Size


@dataclass(frozen=True, slots=True)
class Type:
    axes: tuple[Axis, ...] = ()
    dtype: DType = DType.FLOAT
    batch: bool = False
    time: bool = False

    @property
    def rank(self) -> int:
        """The number of feature axes."""
        return len(self.axes)

    @property
    def shape(self) -> tuple[Size, ...]:
        """The feature sizes."""
        return tuple(axis.size for axis in self.axes)

    def with_(
        self,
        *,
        axes: tuple[Axis, ...] | None = None,
        dtype: DType | None = None,
        batch: bool | None = None,
        time: bool | None = None,
    ) -> Type:
        """The type with other axes, another dtype or other leads."""
        return Type(
            self.axes if axes is None else axes,
            self.dtype if dtype is None else dtype,
            self.batch if batch is None else batch,
            self.time if time is None else time,
        )

    def __str__(self) -> str:
        lead = ("T" if self.time else "") + ("B" if self.batch else "")
        axes = ", ".join(f"{a.label}: {a.size}" for a in self.axes)
        return f"{self.dtype.value}{'<' + lead + '>' if lead else ''}[{axes}]"


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """One array. Identity is what counts; `name` is a hint for readers and need not be unique."""

    type: Type
    name: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Op:
    """One row of the table of operations applied to values."""

    name: str
    args: tuple[Value, ...]
    outs: tuple[Value, ...]
    attrs: tuple[tuple[str, AttrValue], ...] = ()  # sorted by key
    spans: Spans = NO_SPANS

    @property
    def out(self) -> Value:
        (out,) = self.outs
        return out

    def attr(self, key: str) -> AttrValue:
        for name, value in self.attrs:
            if name == key:
                return value
        raise KeyError(f"{self.name} has no attribute {key}")


@dataclass(frozen=True, eq=False, slots=True)
class Carry:
    """A value that a loop hands from step to step.

    `init` (outside) enters the first step as `param` (body); `next` (body) is what the step makes of it; `final`
    (outside) is what the last step left. `before` (outside, with time) collects `param` of every step: what the
    backward pass reads as "the state before the step". Where the loop has lengths, a carry with a batch axis keeps
    its value in the steps past a row's length; one without is not masked.
    """

    init: Value
    param: Value
    next: Value
    final: Value
    before: Value | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Loop:
    """Steps through time: `for t in 0..T` (or backwards, where `reverse`), at most once per element of `xs`.

    - `xs`: pairs (sequence outside, its element in the body).
    - `ys`: pairs (value of the body, sequence outside). At steps past a row's length batched ys are zero.
    - `lengths`: int[batch], or None where the loop has no notion of lengths. At run time lengths may still be absent:
      every step is then valid. `valid` is a parameter of the body, bool[batch]: t < lengths.
    - a reverse loop visits t = T-1 first, so with lengths it starts at each row's own last element.
    - `chunk` = K: the body sees not elements but stretches of K steps (the last in time may be shorter): x params and
      y values have time, and `valid` is int[batch], the lengths within the stretch, from 0 to its own size. An x param
      or y value without time belongs to a sequence with one entry per stretch, as a carry's `before` is then.
    - with neither xs nor carries nothing determines T: `like` is a sequence that does, where xs is empty.
    """

    xs: tuple[tuple[Value, Value], ...]
    carries: tuple[Carry, ...]
    body: tuple[Node, ...]
    ys: tuple[tuple[Value, Value], ...]
    reverse: bool = False
    lengths: Value | None = None
    valid: Value | None = None
    chunk: int | None = None
    like: Value | None = None
    name: str = ""
    spans: Spans = NO_SPANS

    @property
    def is_plain(self) -> bool:
        """Whether its steps are no loops themselves."""
        return self.chunk is None and not any(isinstance(node, Loop) for node in self.body)

    @property
    def outs(self) -> tuple[Value, ...]:
        finals = [c.final for c in self.carries]
        befores = [c.before for c in self.carries if c.before is not None]
        return (*finals, *befores, *(seq for _, seq in self.ys))

    @property
    def params(self) -> tuple[Value, ...]:
        """What the body defines before its first node."""
        valid = () if self.valid is None else (self.valid,)
        return (*(p for _, p in self.xs), *(c.param for c in self.carries), *valid)

    @property
    def args(self) -> tuple[Value, ...]:
        """What the loop reads from outside by name (captures not counted: see `reads`)."""
        optional = (v for v in (self.lengths, self.like) if v is not None)
        return (*(seq for seq, _ in self.xs), *(c.init for c in self.carries), *optional)


Node = Op | Loop

Role = Literal[
    "param",  # trained parameter
    "fixed",  # parameter that is not trained
    "input",  # sequence (or, in a step program, one element)
    "state",  # state before the first step / after the last
    "lengths",  # int[batch]; absent: every step is valid
    "mask",  # 0/1 floats of a random site; absent: not training
    "output",
    "expose",  # a named equation, asked for
    "tape",  # what the backward pass needs
    "cotangent",  # of an output or a final state: name "output:y", "state:h"
    "gradient",  # name "param:i.x", "input:x", "state:h"
]


@dataclass(frozen=True, slots=True)
class Port:
    """A value that enters or leaves a program, under the name that the contract gives it."""

    role: Role
    name: str
    value: Value

    @property
    def optional(self) -> bool:
        """May be absent at run time (lengths, masks)."""
        return self.role in ("lengths", "mask")


@dataclass(frozen=True, slots=True)
class Program:
    """A list of operations over whole sequences (or over one step: then nothing has time)."""

    name: str
    inputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Port, ...]

    def input(self, role: Role, name: str) -> Value:
        return _find(self.inputs, role, name)

    def output(self, role: Role, name: str) -> Value:
        return _find(self.outputs, role, name)

    def inputs_of(self, *roles: Role) -> tuple[Port, ...]:
        return tuple(p for p in self.inputs if p.role in roles)

    def outputs_of(self, *roles: Role) -> tuple[Port, ...]:
        return tuple(p for p in self.outputs if p.role in roles)


def _find(ports: tuple[Port, ...], role: Role, name: str) -> Value:
    for port in ports:
        if port.role == role and port.name == name:
            return port.value
    raise KeyError(f"no {role} {name!r}; there are {[p.name for p in ports if p.role == role]}")


def reads(node: Node) -> Iterator[Value]:
    """Every value from outside that a node reads: arguments, and captures of a loop's body at any depth."""
    yield from node.args
    if isinstance(node, Loop):
        inside: set[Value] = set(node.params)
        for inner in node.body:
            yield from (v for v in reads(inner) if v not in inside)
            inside.update(inner.outs)
        results = (*(c.next for c in node.carries), *(v for v, _ in node.ys))
        yield from (v for v in results if v not in inside)


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """All nodes, those inside loops too, a loop before its body."""
    for node in nodes:
        yield node
        if isinstance(node, Loop):
            yield from walk(node.body)
