"""What the command line says to people, all of it on the standard error stream."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

import click

from rnnc.diagnostics import Diagnostic
from rnnc.render import Paint, Style, plain, render, screen

COLOURS: dict[Style, dict[str, str | bool]] = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "note": {"fg": "cyan", "bold": True},
    "help": {"fg": "green", "bold": True},
    "message": {"bold": True},
    "gutter": {"fg": "blue"},
}


class Failure(Exception):
    """The command cannot go on, and the source is not to blame: a file that cannot be written, a check that failed."""


def say(message: str) -> None:
    """One message, with the program's name in front."""
    click.echo(f"rnnc: {screen(message)}", err=True)


def show(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics with their source lines, a blank line after each."""
    paint = painter(sys.stderr)
    for diagnostic in diagnostics:
        click.echo(f"{render(diagnostic, paint)}\n", err=True, color=True)


def painter(stream: TextIO | None) -> Paint:
    """Colours where the stream is a terminal that takes them and the user has not said no."""
    return _painted if uses_colour(stream) else plain


def uses_colour(stream: TextIO | None) -> bool:
    """NO_COLOR (not empty) and TERM=dumb switch colours off; a pipe or a file never gets any."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and stream is not None and stream.isatty()


def _painted(text: str, style: Style) -> str:
    colours = COLOURS[style]
    return click.style(text, fg=colours.get("fg"), bold=bool(colours.get("bold")) or None)
