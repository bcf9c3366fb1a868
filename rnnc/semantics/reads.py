"""What the text of a body reads, equation by equation: what is computed for nothing shows without any sizes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from rnnc.semantics.files import prelude
from rnnc.semantics.functions.builtins import AXES, AXIS_OPTIONS
from rnnc.syntax import ast
from rnnc.syntax.walk import all_names_in, nodes_in, statements_in

Along = Mapping[str, range]  # functions whose operands at these places are names of axes


def along(file: ast.File) -> Along:
    """The functions that a file knows which are told axes: those of the language, and its own."""
    places = dict(AXES)
    for fn in (d for d in (*prelude().definitions, *file.definitions) if isinstance(d, ast.Fn)):
        places.pop(fn.name, None)
        for i, parameter in enumerate(fn.parameters):
            if parameter.name == "axis":
                places[fn.name] = range(i, i + 1)
    return places


@dataclass(frozen=True)
class Read:
    """The names that one statement reads; `name`: the equation that it is, where it is one, without its prime."""

    name: str | None
    names: frozenset[str]


def reads_of(body: Iterable[ast.Statement], along: Along) -> list[Read]:
    """What each statement reads. The entries of layouts are left out: they say where weights are, and compute nothing;
    layers of which they only have the scopes are those of a model that is imported whole."""
    statements = list(statements_in(body))
    labels = {part.label for part in nodes_in(tuple(statements)) if isinstance(part, ast.Axis)}
    return [Read(name, frozenset(_values(parts, labels, along))) for name, parts in map(_parts, statements)]


def _parts(s: ast.Statement) -> tuple[str | None, object]:
    match s:
        case ast.Equation():
            return s.target.name, (s.target, s.value)
        case ast.For():
            return None, s.values
        case ast.If():
            return None, s.test
        case ast.Layout():
            return None, tuple(inner.target for inner in statements_in(s.body) if isinstance(inner, ast.Scope))
        case _:
            return None, s


def _values(tree: object, labels: Collection[str | None], along: Along) -> Iterator[str]:
    """The names in a tree, without those that only mean axes."""
    calls = (part for part in nodes_in(tree) if isinstance(part, ast.Call))
    as_axes = {id(e) for call in calls for e in _named_axes(call, labels, along)}
    return (part.id for part in nodes_in(tree) if isinstance(part, ast.Name) and id(part) not in as_axes)


def _named_axes(call: ast.Call, labels: Collection[str | None], along: Along) -> Iterator[ast.Expr]:
    """`r` of `sum(h, r)` and `sum(h, axis = r)`, where an axis has that name."""
    places = along.get(call.function.id, ()) if isinstance(call.function, ast.Name) else ()
    for i, argument in enumerate(call.arguments):
        if not isinstance(argument, ast.Argument):
            continue
        # behind a label, a list of axes may be one axis from now on: `merge(h, unit: [head, d])`
        is_axis = i in places and (argument.mark is None or isinstance(argument.value, ast.List))
        if argument.name in AXIS_OPTIONS if argument.mark == "=" else is_axis:
            values = argument.value.items if isinstance(argument.value, ast.List) else (argument.value,)
            yield from (e for e in values if isinstance(e, ast.Name) and e.id in labels and not e.primed)


def is_read(name: str, reads: Iterable[Read]) -> bool:
    """Does anything but its own equations read it?"""
    return any(name in read.names for read in reads if read.name != name)


def dead_ends(reads: list[Read], outside: Collection[str]) -> set[str]:
    """Equations and states of which nothing is made that is given to anyone. What only others of them read is not
    named: what reads it is. `outside`: what is read elsewhere."""
    equations: dict[str, set[str]] = {}
    live = set(outside)
    for read in reads:
        if read.name is None:
            live |= read.names
        else:
            equations.setdefault(read.name, set()).update(read.names)
    live = _reached(live, equations)
    dead = {name: names - {name} for name, names in equations.items() if name not in live}
    ends = {name for name in dead if not any(name in names for names in dead.values())}
    covered = _reached(ends, dead)
    for name in dead:  # in a circle, the first one
        if name not in covered:
            ends.add(name)
            covered |= _reached({name}, dead)
    return ends


def _reached(names: Iterable[str], equations: dict[str, set[str]]) -> set[str]:
    found, new = set[str](), list(names)
    while new:
        name = new.pop()
        if name not in found:
            found.add(name)
            new += equations.get(name, ())
    return found


def read_by_variants(file: ast.File) -> set[str]:
    """What the variants in a file read of what they change."""
    variants = tuple(e for e in nodes_in(file) if isinstance(e, ast.With | ast.Variant))
    return set(all_names_in(variants))


def read_by_users(file: ast.File) -> set[str]:
    """What is read of cells, `f.h`, or given to them by name, as far as it stands in a file."""
    parts = list(nodes_in(file))
    read = {e.name for e in parts if isinstance(e, ast.Attribute)}
    return read | {e.name for e in parts if isinstance(e, ast.Argument) and e.name is not None}
