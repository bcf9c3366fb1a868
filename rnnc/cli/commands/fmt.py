"""`rnnc fmt FILE…`: the standard layout of a description."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from rnnc.cli import options
from rnnc.cli.files import STDIN, read, write_atomically, write_product
from rnnc.cli.messages import say, show
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.render import screen
from rnnc.syntax.printing.format import format_source


@click.command("fmt")
@options.files
@click.option("--check", is_flag=True, help="Write nothing; name the files that are not in the standard form, exit 1.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
def command(paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Lay files out in the standard form, in place (`-`: from standard input to output).

    A file with errors is reported and left as it is; the others are still done.
    """
    failed = changed = False
    for path in paths:
        try:
            source = read(path)
            formatted = format_source(source)
        except DiagnosticError as error:
            show(error.diagnostics)
            failed = True
            continue
        if formatted != source.text:
            changed = True
            if check:
                say(f"{path} is not in the standard form")
            if diff:
                write_product(_difference(source, formatted))
        if not check and not diff:
            _write(path, formatted, changed=formatted != source.text)
    return 1 if failed or (check and changed) else 0


def _difference(source: Source, formatted: str) -> str:
    before, after = source.text.splitlines(keepends=True), formatted.splitlines(keepends=True)
    lines = difflib.unified_diff(before, after, source.name, f"{source.name} (standard form)")
    return screen("".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines))


def _write(path: str, formatted: str, *, changed: bool) -> None:
    """In place, with the file's own kind of line ends."""
    if path == STDIN:
        write_product(formatted)
    elif changed:
        windows = b"\r\n" in Path(path).read_bytes()
        write_atomically(Path(path), (formatted.replace("\n", "\r\n") if windows else formatted).encode())
