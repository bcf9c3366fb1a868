"""What is right and yet a slip more often than not, so that `rnnc check` warns of it: equations, inputs and states that
nothing reads, outputs that have no prime, axes of batch and time."""

from __future__ import annotations

from rnnc.diagnostics import Diagnostics, Span
from rnnc.syntax import ast
from rnnc.syntax.walk import names_in, nodes_in, statements_in


def warn_of_unread_declarations(file: ast.File, diagnostics: Diagnostics) -> None:
    """A warning for each input that nothing reads, and each state that is written only. Who uses a cell may read its
    states, by their names or all of them."""
    parts = list(nodes_in(file))
    outside = {name for d in file.definitions if isinstance(d, ast.Variant) for name in names_in(d)}
    outside |= {e.name for e in parts if isinstance(e, ast.Attribute)}
    outside |= {e.name for e in parts if isinstance(e, ast.Argument) and e.name is not None}
    for definition in file.definitions:
        if not isinstance(definition, ast.Cell | ast.Network):
            continue
        read = set(names_in(definition.body))
        declared = [s for s in statements_in(definition.body) if isinstance(s, ast.Declaration)]
        for kind, item in ((s.kind, item) for s in declared for item in s.items):
            if item.name in read | outside:
                continue
            if kind == "input":
                fix = "read it, or leave it out: whoever runs this must give it"
            elif kind == "state" and "states" not in outside:
                fix = f"read it, `{item.name}` or `{item.name}'`, or leave it out with its equation"
            else:
                continue
            diagnostics.warning("E424", f"nothing reads the {kind} `{item.name}`", item.span, fix=fix)


def warn_of_unread(file: ast.File, diagnostics: Diagnostics) -> None:
    """A warning for each equation, or layer, whose name neither its definition nor a variant in the file reads."""
    elsewhere = {name for d in file.definitions if isinstance(d, ast.Variant) for name in names_in(d)}
    for definition in file.definitions:
        if not isinstance(definition, ast.Cell | ast.Network | ast.Fn):
            continue
        read = elsewhere | set(names_in(definition.body))
        steps = {s.target.name for s in statements_in(definition.body) if isinstance(s, ast.Use)}
        told: set[str] = set()
        for s in statements_in(definition.body):
            if isinstance(s, ast.Use) and isinstance(definition, ast.Network) and s.target.name not in read | told:
                told.add(s.target.name)
                fix = f"`y = {s.target.name}(x)` runs it; a layer that is not wanted is left out"
                diagnostics.warning("E420", f"nothing runs the layer `{s.target.name}`", s.target.span, fix=fix)
            if not isinstance(s, ast.Equation) or s.target.primed or s.target.name in read | told:
                continue
            if steps & set(names_in(s.value)):
                continue  # it steps an inner cell, whose states may be all that is wanted
            told.add(s.target.name)
            fix = "read it, or leave it out: no module computes it, or has its weights"
            diagnostics.warning("E420", f"nothing reads `{s.target.name}`", s.target.span, fix=fix)


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
