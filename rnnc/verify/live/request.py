"""What a layout declares as its counterpart, as a call that the recording process can make: checked, sizes put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from rnnc.diagnostics import Diagnostic, DiagnosticError, Span
from rnnc.ir.layout import Counterpart, CounterpartArgument, FunctionName, InnerCounterpart, WeightLayout
from rnnc.ir.model import Model
from rnnc.ir.size import Size
from rnnc.verify.errors import VerifyError, near_misses
from rnnc.verify.live import constructors as known
from rnnc.verify.live.constructors import Constructor

Tree = dict[str, Any]  # as JSON: {"call": name, "arguments": {…}}, an inner one with its "key"


def declared(model: Model, layout: WeightLayout, library: str) -> Counterpart:
    """The counterpart of a layout, one of the library's. E806: none is declared, or one of another library."""
    counterpart = layout.reference
    if counterpart is None:
        raise VerifyError(
            "E806",
            f"the layout {layout.name!r} of {model.name} names no counterpart to compare with",
            notes=[f"known are {', '.join(known.LIBRARIES[library].constructors)}"],
            fix=f"say which call makes the same: `layout {layout.name}"
            f"(reference = {known.LIBRARIES[library].example})`",
        )
    found = known.library_of(counterpart.function)
    if found is not None and found != library:
        _wrong(counterpart.span, f"{counterpart.function} is of {found}, not of {library}", f"--against {found}")
    return counterpart


def drivers(counterpart: Counterpart, library: str) -> tuple[str, ...]:
    """The names of what runs a counterpart."""
    return _constructor(counterpart, library).drivers


def tree_of(counterpart: Counterpart, library: str, sizes: Mapping[str, int]) -> Tree:
    """A counterpart as a call with numbers. E806: a function, an argument or a value that the table does not have."""
    constructor = _constructor(counterpart, library)
    names = list(constructor.parameters)
    arguments: dict[str, Any] = {}
    for position, (given, value) in enumerate(counterpart.arguments):
        if not given and position >= constructor.required:
            _wrong(counterpart.span, f"{counterpart.function} takes the rest of its arguments by name: {names}")
        name = given or names[position]
        if name not in constructor.parameters:
            close = near_misses(name, names)
            _wrong(counterpart.span, f"{counterpart.function} has no argument {name!r}{close}", f"it has {names}")
        if name in arguments:
            _wrong(counterpart.span, f"{counterpart.function} is given {name!r} twice")
        arguments[name] = _value(name, constructor.parameters[name], value, counterpart, library, sizes)
    missing = [name for name in names[: constructor.required] if arguments.get(name) is None]
    if missing:
        _wrong(counterpart.span, f"{counterpart.function} is not given {' and '.join(map(repr, missing))}")
    found = {name: value for name, value in arguments.items() if value is not None}
    _check_alike(counterpart, constructor, found)
    return {"call": counterpart.function, "arguments": found}


def limits(counterpart: Counterpart, library: str) -> Iterator[tuple[Size, Size]]:
    """Pairs of sizes of which the library wants the first to be smaller, of all calls in this one."""
    constructor = _constructor(counterpart, library)
    names = list(constructor.parameters)
    by_name = {given or names[k]: value for k, (given, value) in enumerate(counterpart.arguments) if given or names[k:]}
    if constructor.below is not None:
        small, large = (by_name.get(name) for name in constructor.below)
        if isinstance(small, Size) and isinstance(large, Size):
            numbers = small.constant, large.constant
            if numbers[0] is not None and numbers[1] is not None and numbers[0] >= numbers[1]:
                what = " and ".join(f"{name} = {size}" for name, size in zip(constructor.below, numbers, strict=True))
                _wrong(counterpart.span, f"{counterpart.function} is given {what}, and the first has to be smaller")
            yield small, large
    for value in by_name.values():
        for each in value if isinstance(value, tuple) else (value,):
            inner = each.counterpart if isinstance(each, InnerCounterpart) else each
            if isinstance(inner, Counterpart):
                yield from limits(inner, library)


def _check_alike(counterpart: Counterpart, constructor: Constructor, arguments: Mapping[str, Any]) -> None:
    """E806: cells that are one object in the library differ, or there is one direction for some layers only."""
    if constructor.alike is None:
        return
    rows: list[list[Tree]] = [arguments[name] for name in constructor.parameters if arguments.get(name)]
    if len({len(row) for row in rows}) != 1:
        counts = " and ".join(str(len(row)) for row in rows) or "no"
        _wrong(counterpart.span, f"{counterpart.function} is given {counts} cells", "as many in every direction")
    groups = list(zip(*rows, strict=True))
    if constructor.alike == "all":
        groups = [tuple(tree for group in groups for tree in group)]
    for first, *others in groups:
        for other in others:
            if _essence(other) != _essence(first):
                _wrong(
                    counterpart.span,
                    f"{counterpart.function} is one object for cells that are alike, and is given "
                    f"{_spelled(first)} and {_spelled(other)}",
                )


def _essence(tree: Tree) -> tuple[str, Mapping[str, Any]]:
    return tree["call"], {name: value for name, value in tree["arguments"].items() if name != "input_size"}


def _spelled(tree: Tree) -> str:
    call, arguments = _essence(tree)
    return f"{call}({', '.join(f'{name} = {value}' for name, value in arguments.items())})"


def _constructor(counterpart: Counterpart, library: str) -> Constructor:
    table = known.LIBRARIES[library].constructors
    if counterpart.function not in table:
        close = near_misses(counterpart.function, table)
        _wrong(
            counterpart.span,
            f"{counterpart.function} is no function that can be built to compare with{close}",
            f"known are {', '.join(table)}; recordings of others are compared by --against FILE.npz",
        )
    return table[counterpart.function]


def _value(
    name: str, kind: str, value: CounterpartArgument, of: Counterpart, library: str, sizes: Mapping[str, int]
) -> Any:
    match kind, value:
        case _, None:
            return None
        case known.SIZE, Size():
            return value.evaluate(sizes)
        case known.NUMBER, Size():
            return float(value.evaluate(sizes))
        case (known.NUMBER, float()) | (known.FLAG, bool()) | (known.WORD, str()):
            return value
        case known.ACTIVATION, FunctionName():
            return _activation(name, value, of, library)
        case known.WORDS, tuple():
            return [item for item in value if isinstance(item, str)]
        case known.SIZES, tuple():
            numbers = [item.evaluate(sizes) for item in value if isinstance(item, Size)]
            if len(numbers) != len(value):
                _wrong(of.span, f"{of.function} wants a {kind} for {name!r}")
            return numbers
        case known.LIST_OF_ACTIVATIONS, tuple():
            functions = [item for item in value if isinstance(item, FunctionName)]
            if len(functions) != len(value):
                _wrong(of.span, f"{of.function} wants a {kind} for {name!r}")
            return [_activation(name, item, of, library) for item in functions]
        case known.CELL, Counterpart() | InnerCounterpart():
            return _cell(value, of, library, sizes)
        case known.CELLS, tuple():
            return [_cell(item, of, library, sizes) for item in value]
        case _:
            _wrong(of.span, f"{of.function} wants a {kind} for {name!r}")


def _activation(name: str, function: FunctionName, of: Counterpart, library: str) -> str:
    """What the library calls a function; one of the text's own is compared like any other."""
    there = known.LIBRARIES[library].activations
    if function.name not in there:
        fix = f"there are {', '.join(there)}"
        _wrong(of.span, f"the function `{function.name}` ({name!r} of {of.function}) has no counterpart", fix)
    return there[function.name]


def _cell(value: CounterpartArgument, of: Counterpart, library: str, sizes: Mapping[str, int]) -> Tree:
    match value:
        case Counterpart():
            return tree_of(value, library, sizes)
        case InnerCounterpart(key, Counterpart() as counterpart):
            return {**tree_of(counterpart, library, sizes), "key": key}
        case InnerCounterpart(key, None):
            fix = "give the cell that stands there a layout of this name with a reference"
            _wrong(of.span, f"nothing is declared as the counterpart of `{key}`, which {of.function} is given", fix)
        case _:
            _wrong(of.span, f"{of.function} wants cells: other calls, or inner cells by their names")


def _wrong(span: Span, message: str, fix: str | None = None) -> NoReturn:
    raise DiagnosticError([Diagnostic("E806", message, span, (), fix)])
