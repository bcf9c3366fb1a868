"""Cells of a notebook that hold a description: `%load_ext rnnc`, then `%%rnnc`."""

from __future__ import annotations

import shlex
import sys
from keyword import iskeyword
from typing import Any, Protocol

import click

from rnnc.api import compile as compile_module
from rnnc.api import describe
from rnnc.cli import options as shared
from rnnc.cli.messages import show
from rnnc.compiler import BadRequest, compile_source, split_strategy
from rnnc.diagnostics import DiagnosticError
from rnnc.pictures.description import Description
from rnnc.syntax.source import source_from_text


class Shell(Protocol):
    """What is used of IPython."""

    user_ns: dict[str, Any]

    def register_magic_function(self, func: Any, magic_kind: str, magic_name: str) -> None:
        """Make a function known as `%%magic_name`."""


def load_ipython_extension(shell: Shell) -> None:
    """`%load_ext rnnc` makes `%%rnnc` known."""

    def rnnc(line: str, cell: str) -> Description | None:
        """%%rnnc [NAME] [-t TARGET] [-D NAME=VALUE …] [--save …] [as VARIABLE]: compile this cell's text."""
        return run_cell(shell, line, cell)

    shell.register_magic_function(rnnc, "cell", "rnnc")


@click.command("%%rnnc", add_help_option=False)
@click.argument("words", nargs=-1)
@shared.define
@shared.target
@click.option("--save", default="all")
def _line(words: tuple[str, ...], options: dict[str, str], target: str, save: str) -> None:
    """What stands behind `%%rnnc`; parsed only."""


def run_cell(shell: Shell, line: str, text: str) -> Description | None:
    """Compile a description. `as NAME` binds the module; the drawing and the equations are the cell's result.

    What is wrong is said as on the command line, without a traceback: then nothing is bound and nothing returned.
    """
    try:
        given = _line.make_context("%%rnnc", shlex.split(line)).params
        name, variable = _names(given["words"])
        options, target, save = given["options"], given["target"], given["save"]
        own, _ = split_strategy(options, target)
        described = describe(text + "\n", name=name, options=own)
        if variable is None:  # what is wrong with it is said all the same, and nothing wants the target's library
            compile_source(source_from_text("<text>", text + "\n"), name, options, target=target, save=save)
        else:
            module = compile_module(text + "\n", target, name=name, options=options, save=save)
            shell.user_ns[variable] = module
    except DiagnosticError as error:
        show(error.diagnostics)
    except (click.ClickException, BadRequest, ValueError, ImportError) as error:  # the target's library is not there
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        print(f"%%rnnc: {message}", file=sys.stderr)
    else:
        return described
    return None


def _is_variable(word: str) -> bool:
    """Whether a word can be the name of a variable in Python."""
    return word.isidentifier() and not iskeyword(word)


def _names(words: tuple[str, ...]) -> tuple[str | None, str | None]:
    """`NAME as VARIABLE`, each of which may be left out. Raises UsageError."""
    rest = list(words)
    variable = None
    if "as" in rest:
        at = rest.index("as")
        if len(rest) != at + 2 or not _is_variable(rest[at + 1]):
            raise click.UsageError("behind `as` stands one name, the module's: `%%rnnc as lstm`")
        variable, rest = rest[at + 1], rest[:at]
    if len(rest) > 1:
        raise click.UsageError(f"at most one definition is named, not {' '.join(rest)}")
    return (rest[0] if rest else None), variable
