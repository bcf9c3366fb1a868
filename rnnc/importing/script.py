"""The text of a call as statements: an expression, or the lines around it (`cell = …`, `tf.nn.dynamic_rnn(cell, x)`).

Names are bound when they are read, so lines that the description does not need may hold anything.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnnc.diagnostics import Source, Span
from rnnc.importing.directions import Merge, find_merge
from rnnc.importing.evaluate import Bind, Evaluator, Knows
from rnnc.importing.head import Driven, Head, called, find_head
from rnnc.importing.values import Given, Names, Reference, Thunk, problem

BOTH_DIRECTIONS = ("bidirectional_dynamic_rnn",)  # drivers that give the outputs of both apart


@dataclass(frozen=True)
class Subject:
    """What a text is about, and the product of the last step that stands behind it."""

    given: Given
    head: Head | None
    merge: Merge | None  # of the outputs of both directions
    behind: tuple[tuple[ast.expr, str], ...]  # what else stands behind it: values, and the text of their lines


@dataclass(frozen=True)
class _Line:
    """A value that a statement computes, the statement, and the names that it may read."""

    value: ast.expr
    statement: ast.stmt
    names: Names


def read_script(
    source: Source, bind: Bind, knows: Knows, drivers: frozenset[str], functions: Mapping[str, str]
) -> Subject:
    """The object that a text is about: what its driver runs, or else its last line. Behind a driver, `functions` are
    known by the library's names. Raises DiagnosticError."""
    evaluator = Evaluator(source, bind, knows)
    lines = list(_lines(_parsed(source), evaluator))
    if not lines:
        raise problem("E601", "there is no call here", Span(source, 0, len(source.text)), fix="such as LSTMCell(128)")
    at = _subject(lines, drivers, evaluator)
    head = _head(lines, at) if called(lines[at].value) in drivers else None
    merge = _merge(lines, at, evaluator, functions) if called(lines[at].value) in BOTH_DIRECTIONS else None
    used = merge.values if merge is not None else ()
    behind = [line for line in lines[at + 1 :] if not _keeps(line.value) and line.value not in used]
    texts = tuple((line.value, evaluator.span(line.statement).text) for line in behind)
    return Subject(evaluator.given(lines[at].value, lines[at].names), head, merge, texts)


def _lines(tree: ast.Module, evaluator: Evaluator) -> Iterator[_Line]:
    """The values of a text in order."""
    names: dict[str, Given | Thunk] = {}
    for statement in _statements(tree.body):
        before = dict(names)
        match statement:
            case ast.Assign(targets=targets, value=value):
                thunk = Thunk(value, before)
                for target in targets:
                    _assign(target, thunk, names)
                yield _Line(value, statement, before)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                _assign(target, Thunk(value, before), names)
                yield _Line(value, statement, before)
            case ast.FunctionDef(name=name):
                function = _as_lambda(statement)
                names[name] = Thunk(function, before) if function else Given(Reference(name), evaluator.span(statement))
            case ast.Expr(value=value):
                yield _Line(value, statement, before)
            case ast.Import() | ast.ImportFrom():
                _import(statement, evaluator, names)
            case ast.Pass():
                pass
            case _:
                fix = "pass the lines that make the cell or layer"
                raise problem("E602", "this kind of statement is not read", evaluator.span(statement), fix=fix)


def _merge(lines: list[_Line], at: int, evaluator: Evaluator, functions: Mapping[str, str]) -> Merge | None:
    """What is made of the outputs of the driver in line `at`."""
    driver = lines[at].statement
    if not isinstance(driver, ast.Assign):
        return None
    names = lines[-1].names
    rest = [(line.statement, line.value) for line in lines[at + 1 :]]
    return find_merge(driver.targets[0], rest, lambda node: evaluator.given(node, names), functions)


def _head(lines: list[_Line], at: int) -> Head | None:
    """What stands behind the driver in line `at`."""
    driven = _driven(lines[at])
    if driven is None:
        return None
    assigned = {
        part.id: line.value
        for line in lines
        if isinstance(line.statement, ast.Assign)
        for part in line.statement.targets
        if isinstance(part, ast.Name)
    }
    return find_head([line.value for line in lines[at + 1 :]], driven, assigned)


def _driven(line: _Line) -> Driven | None:
    """The names that a driver's results are given."""
    statement, driver = line.statement, line.value
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    plain = [name.id if isinstance(name, ast.Name) else None for name in names]
    if not plain or plain[0] is None or not isinstance(driver, ast.Call):
        return None
    scope = "rnn" if called(driver) in ("dynamic_rnn", "static_rnn", "static_state_saving_rnn") else ""
    lengths = any(keyword.arg == "sequence_length" for keyword in driver.keywords)
    return Driven(plain[0], plain[1] if len(plain) == 2 else None, scope, lengths or len(driver.args) > 2)


def _parsed(source: Source) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings, which are not ours
            return ast.parse(source.text)
    except SyntaxError as error:
        line = min(max(error.lineno or 1, 1), source.text.count("\n") + 1)
        before = sum(len(text) + 1 for text in source.text.split("\n")[: line - 1])
        start = min(before + max((error.offset or 1) - 1, 0), len(source.text))
        raise problem("E601", f"this is no Python: {error.msg}", Span(source, start, start)) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise problem("E601", "this is no Python that can be read", Span(source, 0, 0)) from error


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements in order, those in blocks that only say where variables stand (`with tf.variable_scope(…):`)."""
    for statement in body:
        if isinstance(statement, ast.With):
            yield from _statements(statement.body)
        else:
            yield statement


def _as_lambda(function: ast.FunctionDef) -> ast.Lambda | None:
    """A function that only decides what to return, as an expression; None for any other."""
    body = function.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]  # its documentation
    value = _returned(body)
    return ast.copy_location(ast.Lambda(args=function.args, body=value), value) if value is not None else None


def _returned(body: Sequence[ast.stmt]) -> ast.expr | None:
    match list(body):
        case [ast.Return(value=ast.expr() as value), *_]:
            return value
        case [ast.If(test=test, body=inner, orelse=orelse), *rest]:
            yes, no = _returned(inner), _returned([*orelse, *rest])
            whole = ast.IfExp(test=test, body=yes, orelse=no) if yes is not None and no is not None else None
            return ast.copy_location(whole, test) if whole is not None else None
        case _:
            return None


def _assign(target: ast.expr, thunk: Thunk, names: dict[str, Given | Thunk]) -> None:
    """A plain name holds the value, one of several its own (`a, b = GRUCell(4), GRUCell(3)`). Of what a call gives
    (`outputs, state = …`) the first are the outputs, and the others are tensors, which nobody reads."""
    if isinstance(target, ast.Tuple | ast.List) and target.elts:
        values = thunk.node.elts if isinstance(thunk.node, ast.Tuple | ast.List) else []
        if len(values) == len(target.elts):
            for part, value in zip(target.elts, values, strict=True):
                _assign(part, Thunk(value, thunk.names), names)
            return
        target, *others = target.elts
        for part in others:
            if isinstance(part, ast.Name):
                names.pop(part.id, None)
    if isinstance(target, ast.Name):
        names[target.id] = thunk


def _import(statement: ast.Import | ast.ImportFrom, evaluator: Evaluator, names: dict[str, Given | Thunk]) -> None:
    span = evaluator.span(statement)
    front = f"{statement.module}." if isinstance(statement, ast.ImportFrom) and statement.module else ""
    for alias in statement.names:
        path = front + alias.name
        if alias.asname is None and not front:
            names.pop(alias.name.partition(".")[0], None)  # `import a.b` binds `a`, which stands for itself
        else:
            names[alias.asname or alias.name] = Given(Reference(path), span)


def _subject(lines: list[_Line], drivers: frozenset[str], evaluator: Evaluator) -> int:
    """Which line is imported: the one with the driver; the last one where there is none."""
    driven = [k for k, line in enumerate(lines) if called(line.value) in drivers]
    if len(driven) > 1:
        span = evaluator.span(lines[driven[1]].value)
        raise problem("E602", "a second network in one text", span, fix="import them one at a time")
    if driven:
        return driven[0]
    last = len(lines) - 1
    while last > 0 and _asks_object(lines[last]):
        last -= 1
    return last


def _asks_object(line: _Line) -> bool:
    """`cell.zero_state(…)`: a method of what another line makes, which makes no cell."""
    match line.value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
            return isinstance(line.names.get(name), Thunk)
        case _:
            return False


def _keeps(value: ast.expr) -> bool:
    """Whether a line after the driver only rearranges results as descriptions have them: outputs of both directions
    side by side, steps in one array, states in one tuple."""
    match value:
        case ast.Tuple() | ast.Name():
            return True
        case ast.Call(args=[_, axis]) if called(value) == "concat":
            return ast.unparse(axis) in ("2", "-1")
        case ast.Call():
            return called(value) == "stack" or (
                called(value) == "concat" and any(ast.unparse(k.value) in ("2", "-1") for k in value.keywords)
            )
        case _:
            return False
