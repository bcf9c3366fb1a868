"""The text of a call as statements: an expression, or the lines around it (`cell = …`, `tf.nn.dynamic_rnn(cell, x)`).

Names are bound when they are read, so lines that the description does not need may hold anything.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from rnnc.diagnostics import Source, Span
from rnnc.importing.behind.calling import Plain, is_own
from rnnc.importing.behind.driver import Driver
from rnnc.importing.behind.found import Found, find
from rnnc.importing.behind.values import key_of
from rnnc.importing.formulas.directions import Key
from rnnc.importing.python import classes
from rnnc.importing.python.values import (
    Applied,
    Blueprint,
    Computed,
    Final,
    Finals,
    Functional,
    Given,
    Instance,
    Made,
    Names,
    Outputs,
    Reference,
    Remarks,
    Tensor,
    Thunk,
    Value,
    as_tensor,
    problem,
)
from rnnc.importing.texts.arrays import UNREAD
from rnnc.importing.texts.evaluate import Bind, Evaluator, Knows
from rnnc.importing.texts.line import Line
from rnnc.importing.texts.lines import Lines
from rnnc.importing.texts.others import layers_made, other_classes, other_objects
from rnnc.importing.texts.reached import is_old, layers_in

# What trains models, feeds them, or looks at them.
OTHERS = (
    r"\boptim|losses|metrics|callbacks|datasets|(Loss|Optimizer|Session|Saver|Loader|Dataset|Tokenizer|Coordinator)$"
)


@dataclass(frozen=True)
class Subject:
    """What a text is about, and what stands behind its driver."""

    given: Given
    found: Found = field(default_factory=Found)
    behind: tuple[tuple[Key, str], ...] = ()  # the values of the lines behind it, and their texts
    line: str = ""  # the text of its own line
    remarks: tuple[str, ...] = ()
    name: str | None = None  # of the class, where the text has one
    places: Mapping[int, str] = field(default_factory=dict[int, str])  # what PyTorch calls the layers of an object
    layers: tuple[Made, ...] = ()  # these
    unknown: tuple[str, ...] = ()  # the same of what no library here knows
    made: tuple[Made, ...] = ()  # all layers that the text makes up to here


def read_script(
    source: Source,
    bind: Bind,
    knows: Knows,
    drivers: Mapping[str, tuple[str, ...]],
    functions: Mapping[str, Mapping[str, str]],
    library: Callable[[str], str],
    remarks: Remarks,
) -> Subject:
    """The object that a text is about: what its driver runs, or else its last line. `drivers` have the names of their
    parameters; behind one, `functions` are known by the library's names. Raises DiagnosticError."""
    evaluator = Evaluator(source, bind, knows)
    evaluator.functions_of = lambda path: functions[library(path)]
    evaluator.remarks = remarks
    reading = Lines(evaluator)
    evaluator.carry_out = reading.carry_out
    everything = list(reading.read(_parsed(source).body))
    lines = [line for line in everything if not line.is_more]
    at, call = _subject(lines, drivers, evaluator, knows) if lines else (None, None)
    models = [entry.value for entry in reading.names.values() if isinstance(entry, Given)]
    classes_there = [each for each in models if isinstance(each, Blueprint)]
    if classes_there and (at is None or (call is None and _is_aside(lines[at], evaluator, knows))):
        found = _of_object(classes.by_default(evaluator, classes_there[-1]), evaluator)
        found = replace(found, made=layers_made(evaluator, lines, found.layers))
        return replace(found, behind=_classes(other_classes(classes_there)), line=_class(classes_there[-1]))
    if at is None and reading.broken:
        raise reading.broken[0]
    if at is None:
        raise problem("E601", "there is no call here", Span(source, 0, len(source.text)), fix="such as LSTMCell(128)")
    subject, place = lines[at], everything.index(lines[at])
    if call is not None:
        return _driven(everything, place, call, evaluator, drivers, functions["tf"])
    given, model = _object(subject, evaluator)
    if model is not None:
        found = _of_object(model, evaluator, given)
        before = _left_out(evaluator, lines[: at + 1], found.given, model)
        made = layers_made(evaluator, lines[: at + 1], found.layers)
        return replace(found, behind=before, line=evaluator.span(subject.statement).text, made=made)
    given = evaluator.line(subject.value, subject.names)
    plain = Plain(evaluator)
    others = [line for line in everything[place + 1 :] if not _trains(line) and not _only_names(line)]
    others = [line for line in others if not _only_number(line, plain)]
    others = [*_not_reached(everything[:place], given, evaluator), *others]
    behind = tuple((key_of(line.value, line.names), evaluator.span(line.statement).text) for line in others)
    told = _remarks(subject, given, evaluator)
    before = _left_out(evaluator, lines[: at + 1], given)
    made, own = layers_made(evaluator, lines[: at + 1], [given.value]), evaluator.span(subject.statement).text
    return Subject(_first(given), behind=(*before, *behind), line=own, remarks=told, made=made)


def _remarks(line: Line, given: Given, evaluator: Evaluator) -> tuple[str, ...]:
    """What a layer of TensorFlow 1 is called on, where that is made of something."""
    value, layer = line.value, given.value
    made = layer.layer.value if isinstance(layer, Applied) and not layer.inputs else None
    if not isinstance(made, Made) or not is_old(made) or not isinstance(value, ast.Call):
        return ()
    if not value.args or not isinstance(value.func, ast.Name):
        return ()
    return Driver(value, line.names, value.func.id, {"inputs": value.args[0]}, Plain(evaluator)).remarks()


def _left_out(evaluator: Evaluator, lines: list[Line], given: Given, *more: Instance) -> tuple[tuple[Key, str], ...]:
    """What lines in front of the last one make that is no part of it."""
    found = other_objects(evaluator, lines, [given.value, *more])
    return tuple((key_of(line.value, line.names), evaluator.span(line.statement).text) for line in found)


def _classes(blueprints: Iterable[Blueprint]) -> tuple[tuple[Key, str], ...]:
    return tuple((key_of(each.node, each.names), _class(each)) for each in blueprints)


def _class(blueprint: Blueprint) -> str:
    return f"class {blueprint.node.name}"


def _driven(
    lines: list[Line],
    place: int,
    call: ast.Call,
    evaluator: Evaluator,
    drivers: Mapping[str, tuple[str, ...]],
    activations: Mapping[str, str],
) -> Subject:
    """What a driver runs, and what stands behind it."""
    line, name = lines[place], called(call) or ""
    driver = Driver.of(call, line.names, name, drivers[name], Plain(evaluator))
    is_alone = line.value is call
    target = line.statement.targets[0] if is_alone and isinstance(line.statement, ast.Assign) else None
    outputs = target.elts[0] if isinstance(target, ast.Tuple | ast.List) and target.elts else None
    behind = lines[place + 1 if is_alone else place :]
    found = find(driver, lines[: place + 1 if is_alone else place], behind, outputs, activations)
    others = [each for each in behind if not _trains(each) and not _only_number(each, driver.plain)]
    told = [each for each in others if key_of(each.value, each.names) not in found.renamed]
    texts = tuple((key_of(each.value, each.names), evaluator.span(each.statement).text) for each in told)
    given = _first(evaluator.line(call, line.names))
    own = evaluator.span(line.statement if is_alone else call).text
    return Subject(given, found, texts, own, driver.remarks())


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
    held = classes.places(evaluator, model)
    places, layers = {id(made): path for made, path in held}, tuple(made for made, _ in held)
    unknown = tuple(classes.unknown(evaluator, model))
    return Subject(_outputs(given), name=model.blueprint.node.name, places=places, layers=layers, unknown=unknown)


def _outputs(given: Given) -> Given:
    """All outputs of a model; final states are among what a module gives anyway."""
    if isinstance(given.value, Finals) and (tensor := as_tensor(given.value)) is not None:
        return Given(tensor, given.span)
    items = given.value if isinstance(given.value, list) else []
    several = [item.value for item in items if isinstance(item.value, Tensor) and not isinstance(item.value, Final)]
    return Given(Outputs(tuple(several)), given.span) if len(several) > 1 else _first(given)


def _first(given: Given) -> Given:
    """The outputs, of what gives states with them."""
    if isinstance(given.value, Functional):
        outputs = given.value.outputs
        parts = outputs.parts if isinstance(outputs, Outputs) else ()
        return Given(parts[0] if len(parts) == 1 else outputs, given.span)
    return given.value[0] if isinstance(given.value, list) and given.value else given


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


def _subject(
    lines: list[Line], drivers: Mapping[str, tuple[str, ...]], evaluator: Evaluator, knows: Knows
) -> tuple[int, ast.Call | None]:
    """Which line is imported: the one with the driver, and its call; the last one that makes something where there is
    none."""
    driven = [(k, node) for k, line in enumerate(lines) for node in _driver_calls(line, drivers)]
    if len(driven) > 1:
        span = evaluator.span(driven[1][1])
        raise problem("E602", "a second network in one text", span, fix="import them one at a time")
    if driven:
        return driven[0]
    last = len(lines) - 1
    while last > 0 and _asks_object(lines[last]):
        last -= 1
    for k in range(last, -1, -1):
        line = lines[k]
        is_aside = _is_aside(line, evaluator, knows) and not _joins(line, evaluator)
        if not (_asks_object(line) or is_aside or _only_states(line, evaluator)):
            return k, None
    return last, None


def _joins(line: Line, evaluator: Evaluator) -> bool:
    """`outputs = tf.concat([forward, backward], 2)` of what layers of TensorFlow 1 give."""
    found = evaluator.if_known(line.value, line.names).value if called(line.value) == "concat" else None
    return isinstance(found, Computed) and any(is_old(made) for made in layers_in([found]))


def _only_states(line: Line, evaluator: Evaluator) -> bool:
    """`final_state = (state_fw, state_bw)`: states that layers leave, which a module gives anyway."""
    kinds = (ast.Name, ast.Tuple, ast.List)
    return isinstance(line.value, kinds) and _are_states(evaluator.if_known(line.value, line.names).value)


def _are_states(value: Value) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_are_states(item.value) for item in value)
    return isinstance(value, Reference) and value.path.startswith(UNREAD)


def _not_reached(lines: Iterable[Line], given: Given, evaluator: Evaluator) -> list[Line]:
    """The lines in front of the one that is imported which call layers of TensorFlow 1 that it does not read."""
    reached = {made.span for made in layers_in([given.value])}
    found: list[Line] = []
    for line in lines:
        function = line.value.func if line.is_read and isinstance(line.value, ast.Call) else None
        made = evaluator.if_known(function, line.names).value if function is not None else None
        if isinstance(made, Made) and is_old(made) and made.span not in reached:
            found.append(line)
    return found


def _driver_calls(line: Line, drivers: Iterable[str]) -> list[ast.Call]:
    """The calls of drivers in a line."""
    calls = [node for node in ast.walk(line.value) if isinstance(node, ast.Call)]
    return [node for node in calls if (called(node) or "") in drivers and not is_own(node, line.names)]


def called(value: ast.expr) -> str | None:
    """The last word of what an expression calls."""
    function = value.func if isinstance(value, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


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
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
            entry = line.names.get(name)
            is_module = isinstance(entry, Thunk) and isinstance(entry.node, ast.Attribute) and method[:1].isupper()
            return isinstance(entry, Thunk) and not is_module  # `layers = tf.keras.layers`
        case _:
            return False


def _trains(line: Line) -> bool:
    """What is done with a model of Keras, and what is printed."""
    name = called(line.value)
    return name == "print" or (name in ("build", "compile", "fit", "summary", "evaluate") and _asks_object(line))


def _only_number(line: Line, plain: Plain) -> bool:
    """Whether a line gives a number a name."""
    targets = line.statement.targets if isinstance(line.statement, ast.Assign) else []
    return all(isinstance(each, ast.Name) for each in targets) and plain.is_number(line.value, line.names)


def _is_aside(line: Line, evaluator: Evaluator, knows: Knows) -> bool:
    """Whether a line makes nothing of the text's, nor a cell or layer: it calls what others have, or is a constant."""
    is_foreign = _is_of_others(line.value, line.names, knows)
    return is_foreign or _only_number(line, Plain(evaluator)) or _lists_others(line, knows)


def _lists_others(line: Line, knows: Knows) -> bool:
    """`callbacks = [keras.callbacks.EarlyStopping()]`, `config = {'lr': 0.1}`: nothing of the text's, nor layers."""
    nodes = line.value.elts if isinstance(line.value, ast.List | ast.Tuple) else []
    nodes = line.value.values if isinstance(line.value, ast.Dict) else nodes
    are_others = [isinstance(each, ast.Constant) or _is_of_others(each, line.names, knows) for each in nodes]
    return bool(nodes) and all(are_others)


def _only_names(line: Line) -> bool:
    """Whether a line gives what there is other names, and computes nothing."""
    kinds = ast.Name | ast.Tuple | ast.List | ast.expr_context
    return line.is_read and all(isinstance(each, kinds) for each in ast.walk(line.value))
