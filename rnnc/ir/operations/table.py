"""The table of operations: one row each, with its shape rule, its value and its derivative.

A row is written on feature axes. `infer` gives the types of the outputs; leading axes (time, batch) of the outputs are
the union of those of the arguments unless the rule says otherwise. `evaluate` is the meaning, in NumPy, on arrays whose
leading axes are spelled out by the types (the interpreter calls it; it is written to be obviously right).
`derive` builds, with a `Builder`, the cotangents of the arguments from those of the outputs (None: no gradient).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rnnc.ir.program import AttrValue, Op, Type, Value

if TYPE_CHECKING:
    from rnnc.ir.builder import Builder

Kind = Literal[
    "elementwise",  # out[i] depends on args[i] only (sizes 1 broadcast)
    "reduction",  # folds feature axes
    "contraction",  # sums of products
    "view",  # the same numbers, arranged otherwise, without arithmetic
    "random",  # takes a mask
    "time",  # couples steps; only at program level
    "source",  # no arguments
]


class TypeMismatch(Exception):
    """An operation does not take these types; the message says why, `fix` what to write, in words for users."""

    def __init__(self, message: str, fix: str | None = None) -> None:
        super().__init__(message)
        self.fix = fix


Infer = Callable[[Sequence[Type], Mapping[str, AttrValue]], tuple[Type, ...]]
Evaluate = Callable[..., Any]  # evaluate(op, args, env) -> array or tuple of arrays; see interpreter.py
Derive = Callable[["Builder", Op, Sequence[Value | None]], Sequence[Value | None]]


@dataclass(frozen=True)
class Row:
    """One operation.

    `linear` lists the arguments in which it is linear while the others stand: in all of them together (add, concat), or
    in each by itself (mul, contract). `optional` lists the arguments that may be absent (None) at run time.
    """

    name: str
    kind: Kind
    infer: Infer
    evaluate: Evaluate
    derive: Derive | None  # None: piecewise constant (comparisons, floor, integers)
    linear: tuple[int, ...] = ()
    optional: tuple[int, ...] = ()


TABLE: dict[str, Row] = {}


def register(row: Row) -> Row:
    """Add a row; two rows of one name are a bug."""
    if row.name in TABLE:
        raise ValueError(f"operation {row.name} stands twice")
    TABLE[row.name] = row
    return row
