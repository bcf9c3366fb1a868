"""`rnnc check FILE…`: everything that is wrong with files, at once."""

from __future__ import annotations

import click

from rnnc.cli import options
from rnnc.cli.files import read, standard_output
from rnnc.cli.messages import say, show
from rnnc.compiler import check
from rnnc.diagnostics import Diagnostic, DiagnosticError
from rnnc.render import to_json


@click.command("check")
@options.files
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, on the standard output.")
def command(paths: tuple[str, ...], as_json: bool) -> int:
    """Report everything that is wrong with files: errors and warnings of all of them, sorted by place."""
    found = [diagnostic for path in paths for diagnostic in _check(path)]
    errors = sum(diagnostic.severity == "error" for diagnostic in found)
    if as_json:
        with standard_output():
            for diagnostic in found:
                click.echo(to_json(diagnostic))
    else:
        show(found)
        say(_summary(len(paths), errors, len(found) - errors))
    return 1 if errors else 0


def _check(path: str) -> list[Diagnostic]:
    try:
        return list(check(read(path)))
    except DiagnosticError as error:
        return list(error.diagnostics)


def _summary(files: int, errors: int, warnings: int) -> str:
    return f"{_count(files, 'file')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
