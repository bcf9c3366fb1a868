"""`rnnc doc FILE[:NAME]`: a page about a cell or network."""

from __future__ import annotations

import click

from rnnc.cli import options as shared
from rnnc.cli.files import STDIN, read_for, write_product
from rnnc.syntax.source import FileName


@click.command("doc", cls=shared.FileCommand)
@shared.file_name
@shared.define
@click.option(
    "-o", "--output", default=STDIN, metavar="OUT.html", help="Where to write; `-`, the default: standard output."
)
@click.option("--latex", is_flag=True, help="Write the equations alone, as LaTeX.")
def command(file: FileName, options: dict[str, str], output: str, latex: bool) -> None:
    """Write a page about a cell or network: its graph, its equations, what can be counted, its source.

    \b
      rnnc doc lstm.rnn -D peepholes=true -o lstm.html
      rnnc doc lstm.rnn --latex

    The page needs no network: equations are MathML, drawings stand in it.
    """
    from rnnc.pictures.description import Description

    description = Description(read_for(file.path, output), file.name, options)
    write_product(description.latex() + "\n" if latex else description.html(), output)
