"""The table of operations. Importing this package fills it; the rows stand in one module per kind."""

from rnnc.ir.operations import (
    contraction,
    convolution,
    elementwise,
    lengths,
    lookup,
    random,
    reduction,
    source,
    time,
    view,
)
from rnnc.ir.operations.evaluation import Env
from rnnc.ir.operations.table import TABLE, Builder, Row, TypeMismatch

__all__ = [
    "TABLE",
    "Builder",
    "Env",
    "Row",
    "TypeMismatch",
    "contraction",
    "convolution",
    "elementwise",
    "lengths",
    "lookup",
    "random",
    "reduction",
    "source",
    "time",
    "view",
]
