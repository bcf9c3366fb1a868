"""What statements change in place: which arrays, and under which names these are known. A view has the memory of the
array that it is a part of, and so have functions that only look at it in another way."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.python.evaluates import Evaluates, Resolves
from rnnc.importing.python.values import (
    Applied,
    Broken,
    Computed,
    Final,
    Finals,
    Given,
    Incoming,
    Instance,
    Lost,
    Made,
    Names,
    Outputs,
    Record,
    Reference,
    Tensor,
    Thunk,
    Value,
    as_tensor,
    problem,
)  # fmt: skip

# Layers that may give the very array that they are given.
GIVE_THE_SAME = ("Dropout", "Identity", "Flatten", "Reshape", "Unflatten", "Activation", "ActivityRegularization")
HARMLESS_IN_PLACE = ("requires_grad_", "share_memory_", "zero_grad_")


def in_place(ev: Evaluates, statement: ast.AST, names: Names) -> Iterator[ast.expr]:
    """The expressions for what calls in a statement change: `y` of `y.mul_(2)`, `F.relu(y, inplace=True)`,
    `self.relu(y)` of a layer that works in place, `torch.add(a, b, out=y)`."""
    for node in ast.walk(statement):
        if not isinstance(node, ast.Call):
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        first = node.args[0] if node.args else named.get("input")
        if "out" in named:
            yield named["out"]
        if _says(named.get("inplace")) and first is not None:
            yield first
        if not isinstance(node.func, ast.Attribute | ast.Name | ast.Subscript):
            continue
        word = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if (
            word.endswith("_")
            and not word.startswith("_")
            and not word.endswith("__")
            and word not in HARMLESS_IN_PLACE
        ):
            assert isinstance(node.func, ast.Attribute)
            is_function = isinstance(ev.if_known(node.func.value, names).value, Reference) and first is not None
            found = first if is_function else node.func.value
            if found is not None:
                yield found
        elif first is not None and not any(isinstance(each, ast.Call) for each in ast.walk(node.func)):
            function = ev.if_known(node.func, names).value
            if isinstance(function, Made) and works_in_place(function):
                yield first


def _says(node: ast.expr | None) -> bool:
    """Whether an argument is there, and may be true."""
    return node is not None and not (isinstance(node, ast.Constant) and not node.value)


def works_in_place(made: Made) -> bool:
    """Whether a layer changes what it is given: by itself, or by the first of its layers that does anything."""
    if "inplace" in made.passed:
        return True
    given = made.arguments.get("layers")
    items = given.value if given is not None and isinstance(given.value, list) else []
    for item in items:
        if not isinstance(item.value, Made):
            return False
        if works_in_place(item.value):
            return True
        if item.value.constructor.name not in GIVE_THE_SAME:
            return False
    return False


Memory = tuple[int, str]


def memory_of(value: Value) -> set[Memory]:
    """Where arrays are kept that a value holds, by an identity."""
    match value:
        case list():
            return {found for item in value for found in memory_of(item.value)}
        case Finals(of=of, state=state) | Final(of=of, state=state):
            return {(id(of), state)}
        case Outputs(parts=parts):
            return {found for part in parts for found in memory_of(part)}
        case Computed(shares=Tensor() as shared):
            return memory_of(shared)
        case Applied(layer=Given(value=Made() as made), inputs=inputs) if inputs and (
            made.constructor.name in GIVE_THE_SAME or works_in_place(made)
        ):
            return memory_of(inputs[0])
        case Applied(layer=Given(value=Made() as made), inputs=()) if made.constructor.name.startswith("Input"):
            return {(id(made), "")}
        case Incoming(parts=parts):
            return {(id(value), ""), *((id(part), "") for part in parts.values())}
        case Tensor():
            return {(id(value), "")}
        case Made():
            tensor = as_tensor(value)
            return memory_of(tensor) if tensor is not None else set()
        case Record(fields=fields):
            return {found for entry in fields.values() if isinstance(entry, Given) for found in memory_of(entry.value)}
        case _:
            return set()


def value_of(ev: Resolves, entry: Given | Thunk | Broken | None) -> Value:
    """The value of a name, None where it has none that is read."""
    if isinstance(entry, Given | Thunk):
        with suppress(DiagnosticError):
            return ev.entry(entry).value
    return None


def sharing(ev: Resolves, names: Mapping[str, Given | Thunk | Broken], changed: set[Memory]) -> Iterator[str]:
    """The names, and the fields of objects (`self.last`), that know an array in this memory."""
    for name, entry in names.items():
        value = value_of(ev, entry)
        if isinstance(value, Instance):
            for field, held in value.fields.items():
                if not isinstance(held, Broken) and memory_of(value_of(ev, held)) & changed:
                    yield f"{name}.{field}"
        elif memory_of(value) & changed:
            yield name


def check_changes(ev: Evaluates, changed: set[str], parameters: ast.arguments, call: ast.Call, names: Names) -> None:
    """E602: a function changes an array in place that it is given."""
    plain = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
    given = [*zip(plain, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
    for name, node in given:
        value = ev.if_known(node, names).value if name in changed and ev.models else None
        if memory_of(value) and not is_rebound(value):
            what = f"the function changes `{name}` in place, which is an array of its caller"
            fix = f"make a new array there: `{name} = {name} + …`"
            raise Lost(problem("E602", what, ev.span(call), fix=fix).diagnostics)


def is_rebound(value: Value) -> bool:
    """Whether `op=` makes a new array, as TensorFlow's do: whatever layers of Keras give, and nothing of PyTorch's."""
    match value:
        case Applied(layer=Given(value=Made() as made)):
            return made.constructor.library != "torch"
        case Computed(inputs=inputs):
            return any(is_rebound(each) for each in inputs)
        case Final(of=of) | Finals(of=of):
            return is_rebound(of)
        case _:
            return False
