"""When rnnc itself fails: a report that can be sent, instead of a traceback across the screen."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import metadata

import click

from rnnc.cli.messages import say
from rnnc.version import __version__

DEPENDENCIES = ("numpy", "lark", "jinja2", "click", "rich")


def report(error: Exception, arguments: Sequence[str]) -> None:
    """Write the report beside the other temporary files and say where; without a place for it, print it."""
    text = describe(error, arguments)
    say(f"internal error: {type(error).__name__}: {error}")
    try:
        handle, path = tempfile.mkstemp(prefix="rnnc-crash-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        say("this is a bug in rnnc, not in your description. Please report it with this text:")
        click.echo(text, err=True)
    else:
        say("this is a bug in rnnc, not in your description. Please report it with the file")
        click.echo(f"  {path}", err=True)
        say("and the description that brought it about (the file holds the command line and this machine's versions).")


def describe(error: Exception, arguments: Sequence[str]) -> str:
    """Versions, the command line and the traceback."""
    versions = "".join(f"{name}: {_version(name)}\n" for name in DEPENDENCIES)
    return (
        f"rnnc: {__version__}\npython: {sys.version}\nplatform: {platform.platform()}\n{versions}"
        f"\ncommand line: rnnc {shlex.join(arguments)}\n\n"
        + "".join(traceback.format_exception(type(error), error, error.__traceback__))
    )


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
