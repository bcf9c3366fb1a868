"""What a text makes of the outputs of both directions, or of their final states: `outputs[0] + outputs[1]`,
`tf.concat(outputs, 2)`, `tf.concat([state_fw.h, state_bw.h], 1)`, `outputs[0]` alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.formulas.formulas import Formulas, NotRead, Operand, Text, called
from rnnc.importing.python.values import Given

# Where the outputs of a direction stand in a formula, and the final states.
FORWARD, BACKWARD = Text("‹forward›"), Text("‹backward›")
LAST = (Text("last(‹forward›)"), Text("at(‹backward›, 0)"))
SIDE_BY_SIDE = called("concat", FORWARD, BACKWARD)
OUTPUTS_AXES = 3


@dataclass(frozen=True)
class Merge:
    """An expression of both outputs, the names that it is given, and the values of the lines that make it. `parts` are
    the final states that it reads: of which direction, and what of them (`.h`, `[1]`, all)."""

    formula: Text
    names: frozenset[str]
    values: tuple[ast.expr, ...]
    parts: frozenset[tuple[int, str]] = frozenset()

    def of(self, forward: str, backward: str) -> str:
        """The expression, where the outputs are called like that."""
        return self.formula.text.replace(FORWARD.text, forward).replace(BACKWARD.text, backward)


def find_merge(
    target: ast.expr,
    lines: Iterable[tuple[ast.stmt, ast.expr]],
    evaluate: Callable[[ast.expr], Given],
    functions: Mapping[str, str],
) -> tuple[Merge | None, frozenset[str], tuple[ast.expr, ...]]:
    """What the lines behind a driver make of its results, which `target` names, None where both outputs stay as they
    are, or come to stand side by side; the names that this is given, and the values of the lines that make it."""
    reading = _Reading(target, evaluate, functions)
    for statement, value in lines:
        reading.read(statement, value)
    merge = reading.merge()
    if merge is None:
        return None, frozenset(), ()
    return (merge if merge.formula != SIDE_BY_SIDE else None), merge.names, merge.values


class _Reading:
    def __init__(self, target: ast.expr, evaluate: Callable[[ast.expr], Given], functions: Mapping[str, str]) -> None:
        self._known: dict[str, Operand] = {}
        self._states: dict[str, tuple[int | None, str]] = {}  # names of final states: of both, of a direction, a part
        self._parts: set[tuple[int, str]] = set()
        self._formulas = Formulas(self._tensor, evaluate, functions, self._axes)
        self._found: Text | None = None
        self._names: set[str] = set()
        self._values: list[ast.expr] = []
        self._read: set[str] = set()  # names that lines read
        self._picked: list[tuple[Text, str | None, ast.expr | None]] = []  # single directions that have names
        results = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        if results:
            _bind(results[0], [FORWARD, BACKWARD], self._known)
            self._pick(results[0])
        if len(results) == 2:
            self._bind_states(results[1])

    def _pick(self, outputs: ast.expr) -> None:
        """`(out_fw, _), states = …`: what is called `_` is not wanted."""
        if isinstance(outputs, ast.Tuple | ast.List) and len(outputs.elts) == 2:
            for part, direction in zip(outputs.elts, (FORWARD, BACKWARD), strict=True):
                if isinstance(part, ast.Name) and part.id != "_":
                    self._picked.append((direction, part.id, None))

    def _bind_states(self, states: ast.expr) -> None:
        match states:
            case ast.Name(id=name):
                self._states[name] = None, ""
            case ast.Tuple(elts=[forward, backward]):
                for direction, state in enumerate((forward, backward)):
                    parts = state.elts if isinstance(state, ast.Tuple) else []
                    self._states |= {each.id: (direction, f"[{k}]") for k, each in enumerate(parts) if _is_name(each)}
                    if isinstance(state, ast.Name):
                        self._states[state.id] = direction, ""
            case _:
                pass

    @staticmethod
    def _axes(text: str) -> int:
        """Final states have a batch and features, outputs also steps."""
        rest = text
        for last in LAST:
            rest = rest.replace(last.text, "")
        return OUTPUTS_AXES if "‹" in rest else 2

    def _tensor(self, node: ast.expr) -> Operand | None:
        match node:
            case ast.Name(id=name) if name in self._known:
                return self._known[name]
            case ast.Subscript(value=ast.Name(id=name), slice=place) if name in self._known:
                several = self._known[name]
                k = _number(place)
                return (
                    several[k]
                    if isinstance(several, list) and k is not None and -len(several) <= k < len(several)
                    else None
                )
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._final(ast.unparse(node).replace(" ", ""))
            case _:
                return None

    def _final(self, text: str) -> Operand | None:
        """`states[0].h`, `state_fw[1]`, `state_fw`."""
        match = re.fullmatch(r"(\w+)((?:\.\w+|\[-?\d+\])*)", text)
        if match is None or match[1] not in self._states:
            return None
        (direction, front), part = self._states[match[1]], match[2]
        if direction is None and not part:
            self._parts |= {(0, ""), (1, "")}
            return list(LAST)
        if direction is None:
            place = re.match(r"\[(-?[01])\]", part)
            if place is None:
                return None
            direction, part = int(place[1]) % 2, part[place.end() :]
        self._parts.add((direction, front + part))
        return LAST[direction]

    def read(self, statement: ast.stmt, value: ast.expr) -> None:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if targets and isinstance(value, ast.Name) and self._states.get(value.id) == (None, ""):  # `fw, bw = states`
            self._bind_states(targets[0])
            self._values.append(value)
            return
        parts, self._parts = self._parts, set()
        self._read |= {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        try:
            operand: Operand | None = self._formulas.operand(value)
        except (NotRead, DiagnosticError):
            operand = None
        for each in targets:
            _bind(each, operand, self._known)
        if isinstance(operand, Text) and operand in (FORWARD, BACKWARD):
            name = targets[0].id if targets and isinstance(targets[0], ast.Name) else None
            self._picked.append((operand, name, value))
        elif isinstance(operand, list):
            self._values.append(value)  # other names, no more
            if targets:
                self._pick(targets[0])
        elif operand is not None and FORWARD.text in operand.text and BACKWARD.text in operand.text:
            self._values.append(value)
            self._found = operand
            self._names = {each.id for each in targets if isinstance(each, ast.Name)}
            parts |= self._parts
        elif isinstance(operand, Text) and self._found is not None and operand == self._found:
            self._values.append(value)
            self._names |= {each.id for each in targets if isinstance(each, ast.Name)}
        self._parts = parts

    def merge(self) -> Merge | None:
        values = [*self._values, *(value for _, _, value in self._picked if value is not None)]
        if self._found is not None:
            return Merge(self._found, frozenset(self._names), tuple(values), frozenset(self._parts))
        one_is_read = any(name in self._read for _, name, value in self._picked if value is None)
        if one_is_read:
            self._picked = [each for each in self._picked if each[2] is not None or each[1] in self._read]
        directions = {direction for direction, _, _ in self._picked}
        if len(directions) != 1:
            return None
        names = frozenset(name for _, name, _ in self._picked if name is not None)
        return Merge(directions.pop(), names, tuple(values))


def _is_name(node: ast.expr) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name)


def _number(node: ast.expr) -> int | None:
    try:
        found = ast.literal_eval(node)
    except (ValueError, SyntaxError):
        return None
    return found if isinstance(found, int) else None


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
