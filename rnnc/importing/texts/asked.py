"""A call of a function or a method of tensors that is no formula, as those who read such calls are given it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnc.diagnostics import Span
from rnnc.importing.python.values import Names, Tensor


@dataclass(frozen=True)
class Asked:
    """Of which tensor it is, what else it is given, and where it stands."""

    name: str
    tensor: Tensor
    rest: Sequence[ast.expr]
    named: Mapping[str, ast.expr]
    node: ast.expr
    names: Names
    span: Span
    is_torch: bool
