"""Options that several commands share."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import click

from rnnc.compiler import TARGETS, BadRequest, names_in
from rnnc.syntax.source import FileName, split_name

Command = TypeVar("Command", bound=Callable[..., Any])


class FileCommand(click.Command):
    """A command that takes `-:NAME`, a definition of the standard input, for the argument that it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = [] if "--" in args else [argument for argument in args if argument.startswith("-:")]
        rest = [argument for argument in args if argument not in named]
        return super().parse_args(ctx, [*rest, "--", *named] if named else rest)

    def invoke(self, ctx: click.Context) -> object:
        """What no source could satisfy is a wrong command line."""
        try:
            return super().invoke(ctx)
        except BadRequest as error:
            raise click.UsageError(str(error), ctx) from error


def file_name(command: Command) -> Command:
    """The argument FILE[:NAME], as `file: FileName`."""
    return click.argument("file", metavar="FILE[:NAME]", callback=_split)(command)


def files(command: Command) -> Command:
    """The arguments FILE…, as `paths: tuple[str, ...]`."""
    return click.argument("paths", metavar="FILE...", nargs=-1, required=True)(command)


def define(command: Command) -> Command:
    """`-D NAME=VALUE`, any number of times, as `options: dict[str, str]`."""
    return click.option(
        "-D", "--define", "options", multiple=True, metavar="NAME=VALUE", callback=_definitions,
        help="Bind a compile-time parameter, in the language's own words: -D units=128 -D 'inner=LSTM(units = 4)'.",
    )(command)  # fmt: skip


def target(command: Command) -> Command:
    """`--target`."""
    return click.option(
        "-t",
        "--target",
        type=click.Choice(list(TARGETS)),
        default="numpy",
        show_default=True,
        help="What to write for.",
    )(command)


def comma_separated(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """`--expose i,f --expose c` as ("i", "f", "c")."""
    return tuple(name for value in values for name in names_in(value))


def _split(ctx: click.Context, param: click.Parameter, argument: str) -> FileName:
    return split_name(argument)


def _definitions(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Take every NAME=VALUE apart; a name that is given two values is a slip."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise click.BadParameter(f"{text!r} should read NAME=VALUE, such as units=128", ctx, param)
        if (several := _several(name, value)) is not None:
            raise click.BadParameter(f"{text!r} is more than one NAME=VALUE: {several}", ctx, param)
        if found.setdefault(name, value) != value:
            raise click.BadParameter(f"{name} is given twice: {found[name]} and {value}", ctx, param)
    return found


def _several(name: str, value: str) -> str | None:
    """What to write instead of several definitions, or values, in one. Commas in brackets and strings are a value's."""
    plain = _masked(value)
    starts = [found.end() for found in re.finditer(r"[,;\s]\s*(?=[A-Za-z_]\w*\s*=(?!=))", plain)]
    if starts:
        pieces = [value[a:b].strip(" ,;") for a, b in zip([0, *starts], [*starts, len(value)], strict=True)]
        pieces[0] = f"{name}={pieces[0]}"
        return "write " + " ".join(f"-D {shlex.quote(piece)}" for piece in pieces)
    if "," in plain:
        return f"several values are a list, -D {shlex.quote(f'{name}=[{value}]')}"
    return None


def _masked(value: str) -> str:
    """The text with all that stands in brackets and strings taken out, at the same places."""
    depth, quoted, plain = 0, False, ""
    for before, character in zip(" " + value, value, strict=False):
        if character == '"' and before != "\\":
            quoted = not quoted
        inside = quoted or depth > 0
        if not quoted:
            depth += (character in "([{") - (character in ")]}")
        plain += "_" if inside else character
    return plain
