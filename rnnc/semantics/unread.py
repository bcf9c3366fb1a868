"""What is right and yet a slip more often than not, so that `rnnc check` warns of it: equations, inputs and states that
nothing reads, outputs that have no prime, axes of batch and time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from rnnc.diagnostics import Diagnostics, Span
from rnnc.semantics.reads import along, dead_ends, is_read, read_by_users, read_by_variants, reads_of
from rnnc.syntax import ast
from rnnc.syntax.walk import all_names_in, names_in, statements_in


def warn_of_unread_declarations(file: ast.File, diagnostics: Diagnostics) -> None:
    """A warning for each input, parameter and fixed array that nothing reads, and each state that is written only, or
    read for its own next value. Who uses a cell may read its states, by their names or all of them."""
    outside, places = read_by_variants(file) | read_by_users(file), along(file)
    for definition in file.definitions:
        if not isinstance(definition, ast.Cell | ast.Network | ast.Fn):
            continue
        reads = reads_of(definition.body, places)
        ends = dead_ends(reads, outside)
        for kind, item in _declared(definition.body):
            if item.name in outside or (is_read(item.name, reads) and item.name not in ends):
                continue
            if kind == "state" and "states" in outside:
                continue
            itself = any(item.name == r.name and item.name in r.names for r in reads)
            diagnostics.warning("E424", _nothing_reads(kind, item, itself), item.span, fix=_for_unread(kind, item))


def _declared(body: tuple[ast.Statement, ...]) -> Iterator[tuple[str, ast.Declared]]:
    return ((s.kind, item) for s in statements_in(body) if isinstance(s, ast.Declaration) for item in s.items)


def _nothing_reads(kind: str, item: ast.Declared, itself: bool) -> str:
    by = "only its own equation" if itself else "nothing"
    return f"{by} reads the {called(kind)} `{item.name}`"


def called(kind: str) -> str:
    """What people call that which a declaration of this kind declares."""
    return {"param": "weight", "fixed": "fixed array"}.get(kind, kind)


def _for_unread(kind: str, item: ast.Declared) -> str:
    match kind:
        case "input":
            return "read it, or leave it out: whoever runs this must give it"
        case "state":
            return f"read it, `{item.name}` or `{item.name}'`, or leave it out with its equation"
        case _:
            return "read it, or leave it out: no module has it"


def warn_of_unread(file: ast.File, diagnostics: Diagnostics) -> None:
    """A warning for each equation, or layer, whose name neither its definition nor a variant in the file reads, and for
    each parameter of a head."""
    elsewhere = read_by_variants(file)
    outside, places = elsewhere | read_by_users(file), along(file)
    for definition in file.definitions:
        if not isinstance(definition, ast.Cell | ast.Network | ast.Fn):
            continue
        reads = reads_of(definition.body, places)
        ends = dead_ends(reads, outside)
        read = elsewhere | {name for r in reads for name in r.names}
        anywhere = elsewhere | set(all_names_in(definition.body))  # a compile-time value may be read in a layout
        steps = {s.target.name for s in statements_in(definition.body) if isinstance(s, ast.Use)}
        told = {item.name for _, item in _declared(definition.body)}
        for s in statements_in(definition.body):
            if isinstance(s, ast.Use) and isinstance(definition, ast.Network) and s.target.name not in read | told:
                told.add(s.target.name)
                fix = f"`y = {s.target.name}(x)` runs it; a layer that is not wanted is left out"
                diagnostics.warning("E420", f"nothing runs the layer `{s.target.name}`", s.target.span, fix=fix)
            if not isinstance(s, ast.Equation) or s.target.primed or s.target.name in told:
                continue
            name = s.target.name
            if name in (anywhere if s.kind == "let" else elsewhere) or (name in read and name not in ends):
                continue
            if steps & set(names_in(s.value)):
                continue  # it steps an inner cell, whose states may be all that is wanted
            told.add(name)
            fix = "read it, or leave it out: no module computes it, or has its weights"
            diagnostics.warning("E420", f"nothing reads `{name}`", s.target.span, fix=fix)
        axis = "axis" if isinstance(definition, ast.Fn) else None  # it picks the axis of a pattern
        parameters = [p for p in definition.parameters if p.name != axis]
        defaults = names_in(tuple(p.default for p in definition.parameters))
        warn_of_parameters(parameters, anywhere | set(defaults), diagnostics)


def warn_of_parameters(parameters: Iterable[ast.Parameter], read: Collection[str], diagnostics: Diagnostics) -> None:
    """A warning for each parameter that is not read: whatever is given for it changes nothing."""
    for p in parameters:
        if p.name not in read:
            fix = "read it, or leave it out: whatever is given for it changes nothing"
            diagnostics.warning("E425", f"nothing reads the parameter `{p.name}`", p.span, fix=fix)


def warn_of_old_outputs(file: ast.File, diagnostics: Diagnostics) -> None:
    """A warning for each output without a name that is a state before the step, `h` instead of `h'`."""
    for definition in file.definitions:
        if not isinstance(definition, ast.Cell):
            continue
        statements = list(statements_in(definition.body))
        states = {
            item.name for s in statements if isinstance(s, ast.Declaration) and s.kind == "state" for item in s.items
        }
        for item in (item for s in statements if isinstance(s, ast.Output) for item in s.items):
            whole = item.value
            name = whole.base if isinstance(whole, ast.Subscript) else whole
            if item.name is not None or not isinstance(name, ast.Name) or name.primed or name.id not in states:
                continue
            text, primed = whole.span.text, whole.span.text.replace(name.id, name.id + "'", 1)
            fix = f"write `{primed}`; if the value before the step is wanted, name it: `output old: {text}`"
            message = f"the output `{text}` is the state before the step"
            diagnostics.warning("E421", message, whole.span, fix=fix)


_LEADS = frozenset({"batch", "batch_size", "time", "timesteps", "seq_len", "sequence_length"})


def warn_of_leads(file: ast.File, diagnostics: Diagnostics) -> list[Span]:
    """A warning for each open size of an input that is called as the axes are which every array has anyway. The
    definitions that have such an axis `time`: what is over it is not over the steps, which need not be told again."""
    found: list[Span] = []
    for definition in file.definitions:
        if not isinstance(definition, ast.Cell | ast.Network):
            continue
        given = {parameter.name for parameter in definition.parameters}
        for s in statements_in(definition.body):
            if not isinstance(s, ast.Declaration) or s.kind != "input":
                continue
            for axis in (axis for item in s.items for axis in item.axes):
                if axis.label is None and isinstance(axis.size, ast.Name) and axis.size.id in _LEADS - given:
                    fix = (
                        f"leave it out: rnnc adds batch and time; if it is meant, give it a label, `n: {axis.size.id}`"
                    )
                    message = f"`{axis.size.id}` is one more axis, beside those of batch and time"
                    diagnostics.warning("E422", message, axis.span, fix=fix)
                    if axis.size.id == "time":
                        found.append(definition.span)
    return found
