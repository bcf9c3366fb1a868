"""What a text makes of the outputs of both directions: `outputs[0] + outputs[1]`, `tf.concat(outputs, 2)`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.formulas import Formulas, NotRead, Operand, Text, called
from rnnc.importing.values import Given

FORWARD, BACKWARD = Text("‹forward›"), Text("‹backward›")  # where the outputs of a direction stand in a formula
SIDE_BY_SIDE = called("concat", FORWARD, BACKWARD)


@dataclass(frozen=True)
class Merge:
    """An expression of both outputs, and the values of the lines that make it."""

    formula: Text
    values: tuple[ast.expr, ...]

    def of(self, forward: str, backward: str) -> str:
        """The expression, where the outputs are called like that."""
        return self.formula.text.replace(FORWARD.text, forward).replace(BACKWARD.text, backward)


def find_merge(
    target: ast.expr,
    lines: Iterable[tuple[ast.stmt, ast.expr]],
    evaluate: Callable[[ast.expr], Given],
    functions: Mapping[str, str],
) -> Merge | None:
    """What the lines behind a driver make of its outputs, with which `target` begins; None where those stay as they
    are, or come to stand side by side."""
    known: dict[str, Operand] = {}

    def tensor(node: ast.expr) -> Operand | None:
        match node:
            case ast.Name(id=name):
                return known.get(name)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int() as place)):
                several = known.get(name)
                return several[place] if isinstance(several, list) and -len(several) <= place < len(several) else None
            case _:
                return None

    formulas = Formulas(tensor, evaluate, functions)
    first = target.elts[0] if isinstance(target, ast.Tuple | ast.List) and target.elts else target
    _bind(first, [FORWARD, BACKWARD], known)
    found: Text | None = None
    values: list[ast.expr] = []
    for statement, value in lines:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        try:
            operand: Operand | None = formulas.operand(value)
        except (NotRead, DiagnosticError):
            operand = None
        for each in targets:
            _bind(each, operand, known)
        if isinstance(operand, list) or operand in (FORWARD, BACKWARD):
            values.append(value)  # another name, no more
        elif operand is not None and FORWARD.text in operand.text and BACKWARD.text in operand.text:
            values.append(value)
            found = operand
    return Merge(found, tuple(values)) if found is not None and found != SIDE_BY_SIDE else None


def _bind(target: ast.expr, operand: Operand | None, known: dict[str, Operand]) -> None:
    """Give a name its value, and several names those of a list; what has none is forgotten."""
    match target:
        case ast.Name(id=name):
            known.pop(name, None)
            if operand is not None:
                known[name] = operand
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            values = operand if isinstance(operand, list) and len(operand) == len(parts) else [None] * len(parts)
            for part, value in zip(parts, values, strict=True):
                _bind(part, value, known)
        case _:
            pass
