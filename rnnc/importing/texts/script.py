"""The text of a call as statements: an expression, or the lines around it (`cell = …`, `tf.nn.dynamic_rnn(cell, x)`).

Names are bound when they are read, so lines that the description does not need may hold anything.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from rnnc.diagnostics import Source, Span
from rnnc.importing.formulas.directions import Merge, find_merge
from rnnc.importing.pieces.head import Driven, Head, called, find_head
from rnnc.importing.python import classes
from rnnc.importing.python.values import (
    Blueprint,
    Final,
    Finals,
    Given,
    Instance,
    Names,
    Outputs,
    Reference,
    Remarks,
    Tensor,
    Thunk,
    as_tensor,
    problem,
)
from rnnc.importing.texts.evaluate import Bind, Evaluator, Knows
from rnnc.importing.texts.lines import Line, Lines

# What trains models, feeds them, or looks at them.
OTHERS = (
    r"\boptim|losses|metrics|callbacks|datasets|(Loss|Optimizer|Session|Saver|Loader|Dataset|Tokenizer|Coordinator)$"
)
BOTH_DIRECTIONS = ("bidirectional_dynamic_rnn",)  # drivers that give the outputs of both apart


@dataclass(frozen=True)
class Subject:
    """What a text is about, and the product of the last step that stands behind it."""

    given: Given
    head: Head | None
    merge: Merge | None  # of the outputs of both directions
    behind: tuple[tuple[ast.expr, str], ...]  # what else stands behind it: values, and the text of their lines
    name: str | None = None  # of the class, where the text has one
    places: Mapping[int, str] = field(default_factory=dict[int, str])  # what PyTorch calls the layers of an object


def read_script(
    source: Source,
    bind: Bind,
    knows: Knows,
    drivers: frozenset[str],
    functions: Mapping[str, Mapping[str, str]],
    library: Callable[[str], str],
    remarks: Remarks,
) -> Subject:
    """The object that a text is about: what its driver runs, or else its last line. Behind a driver, `functions` are
    known by the library's names. Raises DiagnosticError."""
    evaluator = Evaluator(source, bind, knows)
    evaluator.functions_of = lambda path: functions[library(path)]
    evaluator.remarks = remarks
    reading = Lines(evaluator)
    evaluator.carry_out = reading.carry_out
    lines = list(reading.read(_parsed(source).body))
    at = _subject(lines, drivers, evaluator, knows) if lines else None
    models = [entry.value for entry in reading.names.values() if isinstance(entry, Given)]
    classes_there = [each for each in models if isinstance(each, Blueprint)]
    if classes_there and (at is None or _is_of_others(lines[at].value, lines[at].names, knows)):
        return _of_object(classes.by_default(evaluator, classes_there[-1]), evaluator)
    if at is None and reading.broken:
        raise reading.broken[0]
    if at is None:
        raise problem("E601", "there is no call here", Span(source, 0, len(source.text)), fix="such as LSTMCell(128)")
    driver = called(lines[at].value)
    if driver not in drivers:
        given, model = _object(lines[at], evaluator)
        if model is not None:
            return _of_object(model, evaluator, given)
    plain = functions["tf"]
    merge, names, made = _merge(lines, at, evaluator, plain) if driver in BOTH_DIRECTIONS else (None, None, ())
    head = _head(lines, at, names, made, plain) if driver in drivers else None
    used = merge.values if merge is not None else ()
    others = [line for line in lines[at + 1 :] if not _keeps(line.value) and line.value not in used]
    behind = [line for line in others if not _trains(line)]
    texts = tuple((line.value, evaluator.span(line.statement).text) for line in behind)
    given = evaluator.line(lines[at].value, lines[at].names)
    return Subject(_first(given), head, merge, texts)


def _object(line: Line, evaluator: Evaluator) -> tuple[Given | None, Instance | None]:
    """The object of a class of the text that a line makes, or calls, and then what that gives."""
    value = line.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute):
        function = evaluator.if_known(value.func, line.names).value
        if isinstance(function, Instance):
            return evaluator.line(value, line.names), function
        if not isinstance(function, Blueprint | None):
            return None, None
    made = evaluator.line(value, line.names)
    return None, made.value if isinstance(made.value, Instance) else None


def _of_object(model: Instance, evaluator: Evaluator, given: Given | None = None) -> Subject:
    """What an object of a class of the text gives."""
    given = given if given is not None else classes.result_of(evaluator, model)
    return Subject(_outputs(given), None, None, (), model.blueprint.node.name, classes.places(evaluator, model))


def _outputs(given: Given) -> Given:
    """All outputs of a model; final states are among what a module gives anyway."""
    if isinstance(given.value, Finals) and (tensor := as_tensor(given.value)) is not None:
        return Given(tensor, given.span)
    items = given.value if isinstance(given.value, list) else []
    several = [item.value for item in items if isinstance(item.value, Tensor) and not isinstance(item.value, Final)]
    return Given(Outputs(tuple(several)), given.span) if len(several) > 1 else _first(given)


def _first(given: Given) -> Given:
    """The outputs, of what gives states with them."""
    return given.value[0] if isinstance(given.value, list) and given.value else given


def _merge(
    lines: list[Line], at: int, evaluator: Evaluator, functions: Mapping[str, str]
) -> tuple[Merge | None, frozenset[str], tuple[ast.expr, ...]]:
    """What is made of the outputs of the driver in line `at`, what it is called, and the values that make it."""
    driver = lines[at].statement
    if not isinstance(driver, ast.Assign):
        return None, frozenset(), ()
    names = lines[-1].names
    rest = [(line.statement, line.value) for line in lines[at + 1 :]]
    return find_merge(driver.targets[0], rest, lambda node: evaluator.given(node, names), functions)


def _head(
    lines: list[Line], at: int, names: frozenset[str] | None, made: tuple[ast.expr, ...], functions: Mapping[str, str]
) -> Head | None:
    """What stands behind the driver in line `at`; `names` are those of outputs that are made of both directions'."""
    driven = _driven(lines[at])
    if driven is None:
        return None
    if names is not None:
        driven = replace(driven, outputs=names, state=None)
    assigned = {
        part.id: line.value
        for line in lines
        if isinstance(line.statement, ast.Assign)
        for part in line.statement.targets
        if isinstance(part, ast.Name)
    }

    def activation(node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant) and node.value is None:
            return "identity"
        return functions.get(ast.unparse(node).rpartition(".")[2].strip("'"))

    rest = [(line.statement, line.value) for line in lines[at + 1 :] if line.value not in made]
    return find_head(rest, driven, assigned, activation)


def _driven(line: Line) -> Driven | None:
    """The names that a driver's results are given."""
    statement, driver = line.statement, line.value
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    plain = [name.id if isinstance(name, ast.Name) else None for name in names]
    if not plain or not isinstance(driver, ast.Call):
        return None
    scope = "rnn" if called(driver) in ("dynamic_rnn", "static_rnn", "static_state_saving_rnn") else ""
    lengths = any(keyword.arg == "sequence_length" for keyword in driver.keywords)
    first = (called(driver) or "").startswith("static") or any(
        k.arg == "time_major" and ast.unparse(k.value) == "True" for k in driver.keywords
    )
    outputs = frozenset([plain[0]] if plain[0] is not None else [])
    state = plain[1] if len(plain) == 2 else None
    parts: dict[str, str] = {}
    if (
        len(names) == 2 and isinstance(pair := names[1], ast.Tuple | ast.List) and len(pair.elts) == 2
    ):  # `_, (c, h) = …`
        state = "‹state›"
        parts = {part.id: f"[{k}]" for k, part in enumerate(pair.elts) if isinstance(part, ast.Name)}
    return Driven(outputs, state, scope, lengths or len(driver.args) > 2, first, parts)


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


def _subject(lines: list[Line], drivers: frozenset[str], evaluator: Evaluator, knows: Knows) -> int:
    """Which line is imported: the one with the driver; the last one that makes something where there is none."""
    driven = [k for k, line in enumerate(lines) if called(line.value) in drivers]
    if len(driven) > 1:
        span = evaluator.span(lines[driven[1]].value)
        raise problem("E602", "a second network in one text", span, fix="import them one at a time")
    if driven:
        return driven[0]
    last = len(lines) - 1
    while last > 0 and _asks_object(lines[last]):
        last -= 1
    makes = [
        k
        for k in range(last, -1, -1)
        if not _asks_object(lines[k]) and not _is_of_others(lines[k].value, lines[k].names, knows)
    ]
    return makes[0] if makes else last


def _is_of_others(value: ast.expr, names: Names, knows: Knows) -> bool:
    """`print(…)`, `loss = tf.reduce_mean(…)`, `optimizer = optim.Adam(…)`, `loss = criterion(…)`: a call of what is
    none of the text's, nor a cell or layer."""
    if not isinstance(value, ast.Call):
        return False
    if isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Call):  # `Net(4).to(device)`
        return _is_of_others(value.func.value, names, knows)
    path = ast.unparse(value.func)
    entry = names.get(path) if isinstance(value.func, ast.Name) else None
    if isinstance(entry, Given) and isinstance(entry.value, Reference) and entry.value.path != path:
        path = entry.value.path  # `from torch.optim import Adam`
    elif entry is not None:
        return isinstance(entry, Thunk) and _is_of_others(entry.node, entry.names, knows)
    name = path.rpartition(".")[2]
    is_known = knows(Reference(name))
    return not is_known and (name[:1].islower() or re.search(OTHERS, path) is not None)


def _asks_object(line: Line) -> bool:
    """`cell.zero_state(…)`: a method of what another line makes, which makes no cell."""
    match line.value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
            return isinstance(line.names.get(name), Thunk)
        case _:
            return False


def _trains(line: Line) -> bool:
    """What is done with a model of Keras, and what is printed."""
    name = called(line.value)
    return name == "print" or (name in ("build", "compile", "fit", "summary", "evaluate") and _asks_object(line))


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
