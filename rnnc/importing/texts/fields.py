"""Fields that statements set: of objects of the text, of constants, and of layers, whose weights and options are no
names of the text's."""

from __future__ import annotations

import ast

from rnnc.diagnostics import DiagnosticError, Span
from rnnc.importing.python.signature import WIDTHS
from rnnc.importing.python.values import Given, Made, Names, Record, Reference, Remarks, Thunk, Value, problem
from rnnc.importing.texts.reads import Reads

# What may be set of a layer without a change of what it computes.
HARMLESS = ("trainable", "requires_grad", "name", "training", "_name", "grad")
WEIGHTS = ("weight", "bias", "kernel", "recurrent_kernel")
INITIAL = "initial values do not belong to a description"


def of_layer(
    made: Made, target: ast.Attribute, value: ast.expr, span: Span, remarks: Remarks
) -> DiagnosticError | None:
    """What is wrong with a field of a layer that is set: weights that it shares with another, an option of it."""
    parts = _path(target)
    if parts[-1] in HARMLESS:
        return None
    name = made.constructor.name
    if any(part.startswith(WEIGHTS) for part in parts):
        words = [each.attr for each in ast.walk(value) if isinstance(each, ast.Attribute)]
        is_shared = any(word.startswith(WEIGHTS) for word in words) and not {"clone", "copy", "numpy"} & {*words}
        if is_shared:
            fix = "use one layer in both places, or write the network by hand, with `weights = …` where it shares some"
            return problem(
                "E606", f"{name} shares weights with another layer, which is not said by this", span, fix=fix
            )
        remarks.add(f"`{' '.join(span.text.split())}` is left out: {INITIAL}")
        return None
    fix = "give it to the layer where it is made"
    return problem("E602", f"`{parts[-1]}` of {name} is set behind the call that makes it", span, fix=fix)


TOLD = ("hidden_size", "num_layers", "bidirectional", "batch_first", "proj_size", "units", "num_embeddings",
        "embedding_dim", *WIDTHS)  # fmt: skip


def told(made: Made, name: str) -> Value:
    """What a layer was made with, under the name of a field; None where that is not known."""
    if name not in TOLD or name not in made.constructor.parameters:
        return None
    if name in made.arguments:
        return made.arguments[name].value
    default = made.constructor.parameters[name].default
    return default if isinstance(default, int) else None


def ordered(given: Given) -> Record:
    """`OrderedDict([("a", one), ("b", another)])`. E602: of something else."""
    items = given.value if isinstance(given.value, list) else []
    pairs = [item.value for item in items if isinstance(item.value, list) and len(item.value) == 2]
    fields = {pair[0].value: pair[1] for pair in pairs if isinstance(pair[0].value, str)}
    if isinstance(given.value, Record):
        return given.value
    if len(fields) < len(items) or not items:
        raise problem("E602", "an OrderedDict of pairs is read, whose first parts are strings", given.span)
    return Record(fields)


def _path(target: ast.expr) -> list[str]:
    """The names of fields from the outermost object on: `weight`, `data` of `self.fc.weight.data`."""
    return [*_path(target.value), target.attr] if isinstance(target, ast.Attribute) else []


def builds(ev: Reads, statement: ast.ClassDef, *names: str) -> DiagnosticError | None:
    """The error of a class that has neither `forward` nor `call` and makes cells or layers in its methods, or in those
    of these names; fields that `__init__` sets are read."""
    for method in statement.body:
        if not isinstance(method, ast.FunctionDef) or (names and method.name not in names):
            continue
        lines = [each for each in method.body if method.name != "__init__" or not _is_field(each)]
        calls = [node for line in lines for node in ast.walk(line) if isinstance(node, ast.Call)]
        made = next((each for each in calls if ev.knows(Reference(ast.unparse(each.func).rpartition(".")[2]))), None)
        if made is not None:
            what = f"what `{method.name}` of the class `{statement.name}` builds is not read"
            fix = f"pass the lines of `{method.name}` alone, with values for what they read: `size = 200`"
            return problem("E602", what, ev.span(made.func), fix=fix)
    return None


def _is_field(statement: ast.stmt) -> bool:
    """`self.cell = …`."""
    match statement:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"))]):
            return True
        case _:
            return False


def constants(statement: ast.ClassDef, before: Names) -> dict[str, Given | Thunk]:
    """The fields of a class of constants (`class Config: units = 4`), or of one whose `__init__` only sets some."""
    fields: dict[str, Given | Thunk] = {}
    for inner in statement.body:
        match inner:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                fields[name] = Thunk(value, {**before, **fields}, before)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                fields[name] = Thunk(value, {**before, **fields}, before)
            case ast.FunctionDef(name="__init__", body=body):
                for each in body:
                    match each:
                        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                            fields[name] = Thunk(value, before, before)
                        case _:
                            pass
            case _:
                pass
    return fields
