"""`rnnc verify FILE[:NAME]`: does the module compute what the description says, and what a reference computed?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnc.cli import options as shared
from rnnc.cli.files import read
from rnnc.cli.messages import Failure, say
from rnnc.syntax.source import FileName

if TYPE_CHECKING:
    from rnnc.verify.report import Report


@click.command("verify", cls=shared.FileCommand)
@shared.file_name
@shared.define
@shared.target
@click.option(
    "--against", metavar="FILE.npz", type=click.Path(path_type=Path), help="Arrays that a reference recorded."
)
@click.option("--layout", metavar="NAME", help="Which of the cell's weight layouts the recorded arrays have.")
def command(file: FileName, options: dict[str, str], target: str, against: Path | None, layout: str | None) -> int:
    """Prove that the generated module computes what the description says.

    Without a reference: against the interpreter in float64, with and without passes, with lengths, in both orders
    of time and batch, one step at a time; gradients against finite differences. With --against: outputs, states and
    gradients against recorded arrays.
    """
    from rnnc.verify.commands import verify_against, verify_source

    source = read(file.path)
    try:
        if against is None:
            report = verify_source(source, file.name, options, target=target)
        else:
            report = verify_against(source, against, file.name, options, target=target, layout=layout)
    except ImportError as error:  # the module says which library it needs
        raise Failure(str(error)) from error
    _print(report)
    for note in report.notes:
        say(note)
    if not report.passed:
        say(f"{len(report.failures)} of {len(report.rows)} checks failed")
    return 0 if report.passed else 1


def _print(report: Report) -> None:
    """The table: what was checked, how large the error is and may be."""
    from rnnc.cli.tables import BAD, GOOD, print_table

    rows = (
        (
            GOOD if row.passed else BAD,
            ("ok" if row.passed else "FAILED", row.name, f"{row.error:.1e}", f"{row.tolerance:.0e}", row.detail),
        )
        for row in report.rows
    )
    print_table(report.title, ("", "check", "error", "tolerance", ""), rows)
