"""`rnnc compile FILE[:NAME]`: the module of a cell or network."""

from __future__ import annotations

import click

from rnnc.backends.unit import Unit
from rnnc.cli import options as shared
from rnnc.cli.files import STDIN, read_for, write_product
from rnnc.cli.messages import say
from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.syntax.source import FileName

EMIT = ("source", "ast", "graph", "program")


@click.command("compile", cls=shared.FileCommand)
@shared.file_name
@shared.define
@shared.target
@click.option("-o", "--output", default=STDIN, metavar="OUT", help="Where to write; `-`, the default: standard output.")
@click.option("--emit", type=click.Choice(EMIT), default="source", help="Print another stage instead of the module.")
@click.option("--dump-after", metavar="PASS", help="Also print, on standard error, the program after a pass.")
@click.option("--no-pass", "no_passes", metavar="PASS", multiple=True, help="Leave a pass out.")
@click.option("--save", default="all", metavar="all|states|every=K", help="What the forward pass keeps for gradients.")
@click.option(
    "--expose", multiple=True, metavar="NAME,…", callback=shared.comma_separated, help="Make equations outputs too."
)
def command(
    file: FileName,
    options: dict[str, str],
    target: str,
    output: str,
    emit: str,
    dump_after: str | None,
    no_passes: tuple[str, ...],
    save: str,
    expose: tuple[str, ...],
) -> None:
    """Write the module for a cell or network.

    \b
      rnnc compile lstm.rnn -D units=128 -o lstm.py
      rnnc compile cells.rnn:GRU -D reset=before --save states --expose r,u
    """
    source = read_for(file.path, output)
    if emit == "ast":
        write_product(syntax_tree(source), output)
        return
    compiled = compile_source(
        source,
        file.name,
        options,
        target=target,
        save=save,
        no_passes=frozenset(no_passes),
        expose=expose,
        dump_after=dump_after,
    )
    for dump in compiled.dumps:
        click.echo(f"# after {dump.pass_name}\n{dump.text}", err=True)
    for note in compiled.notes:
        say(note)
    write_product(compiled.text if emit == "source" else stage(compiled.unit, emit), output)


def syntax_tree(source: Source) -> str:
    """The text form of the syntax tree."""
    from rnnc.syntax.parse import parse
    from rnnc.syntax.printing.dump import print_ast

    return print_ast(parse(source))


def stage(unit: Unit, emit: str) -> str:
    """The cell graph (one step; of what cannot stream, whole sequences), or every program after the passes."""
    from rnnc.ir.text import print_program

    model = unit.model
    programs = (
        [model.step or model.forward] if emit == "graph" else [unit.forward, unit.step, unit.train, unit.backward]
    )
    return "\n".join(print_program(program) for program in programs if program is not None)
