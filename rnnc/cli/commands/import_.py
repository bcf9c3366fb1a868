"""`rnnc import CALL`: a call of another library as a description."""

from __future__ import annotations

import re
from pathlib import Path

import click

from rnnc.cli.files import STDIN, read, refuse_to_lose, write_product
from rnnc.cli.messages import say
from rnnc.diagnostics import Source
from rnnc.syntax.source import source_from_text

NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def identifier(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A name that a definition may have beside those of the library."""
    from rnnc.importing.pieces.library import defines
    from rnnc.syntax.tables import tables

    if value is not None and not NAME.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no name: letters, digits and `_`", ctx, param)
    if value is not None and (value in tables().reserved or defines(value)):
        what = "a word of the language" if value in tables().reserved else "a definition of the library"
        raise click.BadParameter(f"`{value}` is {what}", ctx, param)
    return value


@click.command("import")
@click.argument("call", metavar="CALL")
@click.option("-o", "--output", default=STDIN, metavar="OUT", help="Where to write; `-`, the default: standard output.")
@click.option("--name", metavar="NAME", callback=identifier, help="What to call the cell or network.")
@click.option("--inline", is_flag=True, help="Write out RNN, GRU and LSTM too, which every file knows.")
def command(call: str, output: str, name: str | None, inline: bool) -> None:
    """Print the description that means what a call of TensorFlow, Keras or PyTorch means.

    \b
      rnnc import 'LSTMCell(128, use_peepholes=True, num_proj=64)' -o cell.rnn
      rnnc import 'tf.keras.layers.Bidirectional(tf.keras.layers.LSTM(64))'

    CALL is the Python text: a call, or the lines that make cells and run them. `-` reads it from the standard input,
    the name of a file from the file. It is read, never executed.
    """
    from rnnc.importing.calls import import_call

    found = import_call(_source(call, output), name=name, inline=inline)
    for remark in found.remarks:
        say(remark)
    write_product(found.text, output)


def _source(call: str, output: str) -> Source:
    """The text: of a file that exists, of the standard input, or the argument itself."""
    if call == STDIN or _is_file(call):
        refuse_to_lose(call, output, "the text that is read")
        return read(call)
    return source_from_text("<call>", call)


def _is_file(call: str) -> bool:
    try:
        return Path(call).is_file()
    except (OSError, ValueError):  # text that no file can be called
        return False
