"""`rnnc draw FILE[:NAME]`: the graph of a cell or network as a drawing."""

from __future__ import annotations

import click

from rnnc.cli import options as shared
from rnnc.cli.files import STDIN, read_for, write_product
from rnnc.syntax.source import FileName


@click.command("draw", cls=shared.FileCommand)
@shared.file_name
@shared.define
@click.option(
    "-o", "--output", default=STDIN, metavar="OUT.svg", help="Where to write; `-`, the default: standard output."
)
@click.option("--inner", metavar="NAME", help="Draw a cell inside of it, or a layer, instead: `f`, `y.forward`.")
def command(file: FileName, options: dict[str, str], output: str, inner: str | None) -> None:
    """Draw the graph of a cell or network, as SVG.

    \b
      rnnc draw lstm.rnn -D peepholes=true -o lstm.svg
      rnnc draw tagger.rnn --inner y.forward -o layer.svg

    States enter at the left and leave at the right. Products that the compiler makes one stand in one frame.
    """
    from rnnc.pictures.description import Description

    description = Description(read_for(file.path, output), file.name, options)
    names = description.inner()
    if inner is not None and inner not in names:
        there = f"there are {', '.join(names)}" if names else "it has none"
        raise click.UsageError(f"{description.name} has no inner cell or layer {inner!r}; {there}")
    write_product(description.svg(inner or ""), output)
