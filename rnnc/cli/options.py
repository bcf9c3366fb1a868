"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from rnnc.cli.files import FileName, split_name
from rnnc.compiler import TARGETS

Command = TypeVar("Command", bound=Callable[..., Any])


class FileNameType(click.ParamType):
    """FILE[:NAME]."""

    name = "FILE[:NAME]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> FileName:
        return value if isinstance(value, FileName) else split_name(value)


class DefinitionType(click.ParamType):
    """NAME=VALUE."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not equals or not name.strip() or not text.strip():
            self.fail(f"{value!r} should read NAME=VALUE, such as units=128", param, ctx)
        return name.strip(), text.strip()


def once(ctx: click.Context, param: click.Parameter, pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The definitions as a dictionary; a name that is given two values is a slip."""
    found: dict[str, str] = {}
    for name, text in pairs:
        if found.setdefault(name, text) != text:
            raise click.BadParameter(f"{name} is given twice: {found[name]} and {text}", ctx, param)
    return found


def define(command: Command) -> Command:
    """`-D NAME=VALUE`, any number of times, as `options: dict[str, str]`."""
    return click.option(
        "-D", "--define", "options", multiple=True, type=DefinitionType(), callback=once,
        help="Bind a compile-time parameter, in the language's own words: -D units=128 -D 'inner=LSTM(units = 4)'.",
    )(command)  # fmt: skip


def target(command: Command) -> Command:
    """`--target`."""
    return click.option(
        "-t",
        "--target",
        type=click.Choice(TARGETS),
        default=TARGETS[0],
        show_default=True,
        help="What to write code for.",
    )(command)


def file_name(command: Command) -> Command:
    """The argument FILE[:NAME], as `file: FileName`."""
    return click.argument("file", type=FileNameType(), metavar="FILE[:NAME]")(command)


def files(command: Command) -> Command:
    """The arguments FILE…, as `paths: tuple[str, ...]`."""
    return click.argument("paths", metavar="FILE...", nargs=-1, required=True)(command)
