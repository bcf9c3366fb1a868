"""What a description says once its compile-time parts are decided, on one page: equations over named quantities.

Formulas keep what an author wrote (a product, a call of a function, the order of terms). What was decided before any
code was made is gone: conditions, loops, absent terms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rnnc.ir.size import Size

When = Literal["", "now", "before", "last"]  # of no step; of this step; of the one before; of the last of a sequence


@dataclass(frozen=True)
class Number:
    """A number that is known."""

    value: int | float


@dataclass(frozen=True)
class Open:
    """A size that the module finds at run time."""

    size: Size


@dataclass(frozen=True)
class Word:
    """A compile-time word: an option, an axis, a function's name."""

    text: str


@dataclass(frozen=True)
class Ref:
    """A quantity: an equation, input, state, parameter or argument. `owner` are instances it stands in (`f` of `f.c`).

    `key` tells quantities apart: two with one key are one value."""

    name: str
    indices: tuple[int, ...] = ()
    when: When = ""
    owner: str = field(default="", compare=False)
    key: object = field(default=None, repr=False)


@dataclass(frozen=True)
class StepIndex:
    """`step`."""


@dataclass(frozen=True)
class Weight:
    """A parameter that belongs to a product: its name in the module, and that within its body."""

    parameter: str
    local: str
    transform: str | None = None  # the function that every weight goes through first


@dataclass(frozen=True)
class Product:
    """One operand with its weight. `diagonal`: elementwise; `blocks`: a matrix per place of the axes `per`."""

    kind: Literal["matrix", "kernel", "diagonal", "blocks"]
    weight: Weight
    operand: Formula
    per: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bias:
    """The bias of a product."""

    weight: Weight


@dataclass(frozen=True)
class Sum:
    """Terms, each with whether it is subtracted."""

    terms: tuple[tuple[bool, Formula], ...]


@dataclass(frozen=True)
class Times:
    """An elementwise product."""

    factors: tuple[Formula, ...]


@dataclass(frozen=True)
class Quotient:
    """`top / bottom`."""

    top: Formula
    bottom: Formula


@dataclass(frozen=True)
class Power:
    """`base ** exponent`."""

    base: Formula
    exponent: Formula


@dataclass(frozen=True)
class Operator:
    """An infix operator that is none of the above: `%`, `//`, `@`, comparisons, `and`, `or`, outer."""

    op: str
    left: Formula
    right: Formula


@dataclass(frozen=True)
class Not:
    """`not test`."""

    test: Formula


@dataclass(frozen=True)
class Apply:
    """A function of values, with options (compile-time)."""

    function: str
    arguments: tuple[Formula, ...]
    options: tuple[tuple[str, Formula], ...] = ()


@dataclass(frozen=True)
class Over:
    """A reduction or the like over axes: `sum`, `mean`, `prod`, `max`, `min`, `softmax`, `cumsum`, …"""

    function: str
    argument: Formula
    axes: tuple[str, ...]
    options: tuple[tuple[str, Formula], ...] = ()


@dataclass(frozen=True)
class Contraction:
    """`contract(a, b, over = axes)`."""

    left: Formula
    right: Formula
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Cases:
    """`where(test, value, …)`, those nested in its last place spread out."""

    rows: tuple[tuple[Formula, Formula], ...]  # (value, test)
    otherwise: Formula


@dataclass(frozen=True)
class Part:
    """`x[axis = lo:hi]`, or one place of it."""

    base: Formula
    axis: str
    lo: Formula | None
    hi: Formula | None
    is_range: bool


@dataclass(frozen=True)
class Items:
    """A list of values."""

    items: tuple[Formula, ...]


@dataclass(frozen=True)
class Layer:
    """A cell as a layer, or a combination of such: `kind` is "cell", "use", "bidirectional", "backward", "stack", …"""

    kind: str
    name: str = ""
    parts: tuple[Layer, ...] = ()
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Run:
    """A layer over sequences, or an inner cell stepped once (`instance`, its name)."""

    layer: Layer
    arguments: tuple[Formula, ...]
    instance: str = ""
    inside: str = ""  # the path of the names in it
    starts: tuple[tuple[str, Formula], ...] = ()  # states, and what they begin with
    steps: bool = False  # one step in a cell: `starts` are what it finds in these states


@dataclass(frozen=True)
class Pick:
    """One of several outputs, by name."""

    base: Formula
    name: str


Formula: TypeAlias = (
    Number | Open | Word | Ref | StepIndex | Product | Bias | Sum | Times | Quotient | Power | Operator | Not | Apply
    | Over | Contraction | Cases | Part | Items | Layer | Run | Pick
)  # fmt: skip


@dataclass(frozen=True)
class Equation:
    """`target = value`. `kind`: "gate" where the author says so; "carry": what an inner state becomes."""

    target: Ref
    value: Formula
    kind: Literal["plain", "gate", "carry", "output"] = "plain"


@dataclass(frozen=True)
class Quantity:
    """A declared input, state or parameter, with its axes as text."""

    ref: Ref
    axes: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True)
class FunctionText:
    """A function that is written in the language, as it was called first."""

    name: str
    arguments: tuple[str, ...]
    equations: tuple[Equation, ...]
    value: Formula


@dataclass(frozen=True)
class Body:
    """One cell or network: what enters it, its equations in the order of the text, what leaves it."""

    name: str
    kind: Literal["cell", "network"]
    path: str
    inputs: tuple[Quantity, ...]
    states: tuple[Quantity, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Equation, ...]
    functions: tuple[FunctionText, ...]
    inner: tuple[tuple[str, Body], ...]  # (name, instance or layer)
