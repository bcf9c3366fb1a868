"""The command line as a whole: which commands there are, and what every way of ending means.

0: done; 1: the source, the numbers or a file are wrong; 2: the command line is; 70: a bug in rnnc; 130: Ctrl-C.
Whoever reads the output may go away: that is status 1 (click's own), and not worth a message.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from importlib import import_module

import click

from rnnc.cli.messages import Failure, say, show
from rnnc.diagnostics import DiagnosticError
from rnnc.version import __version__

COMMANDS = {
    "compile": "Write the module for a cell or network.",
    "check": "Report everything that is wrong with files.",
    "fmt": "Lay files out in the standard form.",
    "explain": "Show under each line what the compiler made of it, and what stood in its way.",
    "draw": "Draw the graph of a cell or network.",
    "doc": "Write a page about a cell or network: its graph, its equations, what can be counted.",
    "verify": "Prove that the generated module computes what the description says.",
    "import": "Print the description that means what a call of another library means.",
    "weights": "Convert weights between libraries, and list what a file holds.",
    "doctor": "Tell which targets work on this machine, and what the others lack.",
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # what streams that are open already say
MODULES = {"import": "import_"}  # where a command cannot lend its module its name


class LazyCommands(click.Group):
    """Imports the module of a command when it runs; the list of commands needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"rnnc.cli.commands.{MODULES.get(cmd_name, cmd_name)}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"the commands are {', '.join(COMMANDS)}."
            raise click.UsageError(f"there is no command `{args[0]}`; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="rnnc %(version)s")
def rnnc() -> None:
    """A compiler for recurrent cells: descriptions (.rnn) to NumPy modules, forward and backward.

    FILE may be `-` for the standard input. FILE:NAME names one definition of a file; without NAME it is the one called
    like the file, or the only one (that no other is made of).
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command; every exception ends here, as an exit status and, where it helps, a message."""
    try:
        status = rnnc.main(list(arguments), prog_name="rnnc", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except DiagnosticError as error:
        show(error.diagnostics)
        return 1
    except Failure as error:
        say(str(error))
        return 1
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None and error.errno in FULL:
            say(f"cannot write: {error.strerror}")
            return 1
        if isinstance(error, MemoryError):
            say(f"this machine's memory is not enough{f': {error}' if str(error) else ''}; choose smaller sizes (-D)")
            return 1
        from rnnc.cli.crash import report

        report(error, arguments)
        return 70
