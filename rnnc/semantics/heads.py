"""Parameters of definitions that have one name: told, and the first of them counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnc.diagnostics import Diagnostics, Note
from rnnc.syntax import ast


def single(parameters: Sequence[ast.Parameter], diagnostics: Diagnostics) -> tuple[ast.Parameter, ...]:
    """The parameters without those whose name another one has already, which are reported (E406)."""
    first: dict[str, ast.Parameter] = {}
    for parameter in parameters:
        if parameter.name in first:
            notes = [Note("first here", first[parameter.name].span)]
            message = f"two parameters are called `{parameter.name}`"
            diagnostics.error("E406", message, parameter.span, notes=notes, fix="rename one, or leave it out")
        first.setdefault(parameter.name, parameter)
    return tuple(first.values())


def with_single_parameters(file: ast.File, diagnostics: Diagnostics) -> ast.File:
    """A file whose definitions can be read although parameters of them have one name."""
    definitions = tuple(
        d if isinstance(d, ast.Import) else replace(d, parameters=single(d.parameters, diagnostics))
        for d in file.definitions
    )
    return replace(file, definitions=definitions) if diagnostics.has_errors else file
