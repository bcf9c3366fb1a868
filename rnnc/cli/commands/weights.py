"""`rnnc weights convert` and `rnnc weights list`: other libraries' weights, through the layouts of cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnc.cli import options as shared
from rnnc.cli.files import is_same_file, read, write_atomically
from rnnc.cli.messages import say
from rnnc.syntax.source import FileName, split_name

if TYPE_CHECKING:
    from rnnc.weights.cell import Cell

KINDS = "tf, keras, torch, onnx, another layout of the cell, or rnnc: parameters under their own names"


@click.group("weights")
def command() -> None:
    """Convert weights between libraries, and list what a file holds."""


only = click.option("--only", multiple=True, metavar="GLOB", help="Take the arrays of IN whose names fit. Repeatable.")
without = click.option("--without", multiple=True, metavar="GLOB", help="Leave out those that fit. Repeatable.")
source = click.argument("source", metavar="IN", type=click.Path(path_type=Path))


@command.command("convert")
@source
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--from", "from_", required=True, metavar="KIND", help=f"Whose names and order IN has: {KINDS}.")
@click.option("--to", required=True, metavar="KIND", help="Whose names and order OUT gets.")
@click.option(
    "--cell", metavar="FILE[:NAME]", help="What the weights belong to. Default: the RNN, GRU or LSTM that fits."
)
@shared.define
@only
@without
@click.option("--zeros", multiple=True, metavar="GLOB", help="Arrays that a file lacks because they are zero: *bias*.")
@click.option("--into", type=click.Path(path_type=Path), metavar="FILE", help="OUT is this file with other numbers.")
@click.option("--at", multiple=True, metavar="GLOB", help="The arrays of the --into file to replace. Repeatable.")
@click.option("--prefix", default="", metavar="TEXT", help="Put in front of every name in OUT, such as rnn/.")
@click.option("--dtype", type=click.Choice(["float16", "float32", "float64"]), help="Default: that of IN.")
def convert(
    source: Path,
    output: Path,
    from_: str,
    to: str,
    cell: str | None,
    options: dict[str, str],
    only: tuple[str, ...],
    without: tuple[str, ...],
    zeros: tuple[str, ...],
    into: Path | None,
    at: tuple[str, ...],
    prefix: str,
    dtype: str | None,
) -> None:
    """Write the weights in IN as another library keeps them.

    What kind of file IN is says its content, what OUT becomes its ending. Nothing is written where the numbers would
    mean something else.

    \b
      rnnc weights convert model.safetensors lstm.npz --from torch --to tf --only 'encoder.*'
      rnnc weights convert model.keras gru.safetensors --from keras --to rnnc --cell gru.rnn -D reset=after
    """
    if into is None and at:
        raise click.UsageError("--at says which arrays of the --into file are meant, and there is none")
    if into is not None and (prefix or dtype is not None):
        raise click.UsageError("names and types are those of the --into file: no --prefix, no --dtype")
    if is_same_file(str(source), str(output)):
        raise click.UsageError(f"OUT is IN, {output}, whose weights would be lost")
    from rnnc.weights import containers
    from rnnc.weights.convert import convert as converted
    from rnnc.weights.convert import seen_as
    from rnnc.weights.opaque import without_opaque

    if into is None:
        containers.check_writable(output)
    table = without_opaque(containers.read(source).only(only, without))
    seen = seen_as(from_, table, None if cell is None else _cell(split_name(cell), options), options, zeros)
    place = None if into is None else containers.read(into).only(at, ())
    result = converted(table, seen, to, place, dtype, zeros)
    if into is None:
        arrays = {prefix + name: array for name, array in result.arrays.items()}
        files = containers.write(output, arrays)
    else:
        files = containers.patch(into, result.arrays)
    for suffix, data in files.items():
        write_atomically(Path(f"{output}{suffix}"), data)
    for note in dict.fromkeys((f"the cell is {seen.cell.spelled}", *result.notes)):
        say(note)


@command.command("list")
@source
@only
@without
def names(source: Path, only: tuple[str, ...], without: tuple[str, ...]) -> None:
    """Show the names, shapes and types of the arrays in a file.

    \b
      rnnc weights list model.keras
    """
    from rnnc.cli.tables import print_table
    from rnnc.weights import containers

    table = containers.read(source).only(only, without)
    has_others = any(name in table.others for name in table.arrays)  # which a class of Keras has for its layers
    rows = (
        (
            "",
            (
                name,
                "×".join(map(str, array.shape)) or "one number",
                str(array.dtype),
                *([table.others.get(name, name)] if has_others else []),
            ),
        )
        for name, array in table.arrays.items()
    )
    print_table("", ("name", "shape", "type", *(["by attributes"] if has_others else [])), rows)
    for note in table.notes:
        say(note)


def _cell(file: FileName, options: dict[str, str]) -> Cell:
    from rnnc.weights.cell import Cell

    return Cell(read(file.path), file.name, options)
