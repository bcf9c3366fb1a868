"""Tables on the standard output: aligned columns, in colour on a terminal, whole lines everywhere else."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnc.cli.files import standard_output
from rnnc.cli.messages import uses_colour
from rnnc.render import screen

GOOD, BAD = "green", "bold red"


def print_table(title: str, headings: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Print rows (style of the first cell, cells) under a title and headings, where there are any."""
    written = io.StringIO()
    console = _console(written)
    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        show_header=any(headings),
    )
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for style, (first, *rest) in rows:
        table.add_row(Text(screen(first), style), *(Text(screen(cell)) for cell in rest))
    console.print(table)
    with standard_output():
        for line in written.getvalue().splitlines():
            click.echo(line.rstrip(), color=True)


def _console(file: TextIO) -> Console:
    """Colours as everywhere in the command line; no line is broken where nobody looks at a terminal."""
    terminal = uses_colour(sys.stdout)
    width = None if sys.stdout is not None and sys.stdout.isatty() else 10_000
    return Console(
        file=file, no_color=not terminal, force_terminal=terminal, width=width, highlight=False, markup=False
    )
