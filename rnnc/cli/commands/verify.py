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


LIVE = ("tf", "keras", "torch", "onnx")  # what --against takes beside files: `./tf` is a file of that name


@click.command("verify", cls=shared.FileCommand)
@shared.file_name
@shared.define
@shared.target
@click.option(
    "--against",
    metavar="FILE.npz|tf|keras|torch|onnx",
    help="Arrays that a reference recorded, or the live cell of a library that the layout names.",
)
@click.option("--layout", metavar="NAME", help="Which of the cell's weight layouts the reference has.")
def command(file: FileName, options: dict[str, str], target: str, against: str | None, layout: str | None) -> int:
    """Prove that the generated module computes what the description says.

    Without a reference: against the interpreter in float64, with and without passes, with lengths, in both orders
    of time and batch, one step at a time; gradients against finite differences. With --against: outputs, states and
    gradients against recorded arrays; or, with --against tf (keras, torch, onnx), against the cell of that library
    which makes the same, as a `reference` in the layout says.
    """
    from rnnc.verify.commands import verify_against, verify_live, verify_source

    if against is not None and against not in LIVE and not Path(against).suffix and not Path(against).exists():
        raise click.UsageError(f"--against takes a recording (.npz) or {', '.join(LIVE)}; there is no file {against}")
    if layout is not None and against is None:
        raise click.UsageError("--layout says how the reference's weights lie, and there is none: --against names it")
    source = read(file.path)
    try:
        if against is None:
            report = verify_source(source, file.name, options, target=target)
        elif against in LIVE:
            report = verify_live(source, against, file.name, options, target=target, layout=layout)
        else:
            report = verify_against(source, Path(against), file.name, options, target=target, layout=layout)
    except ImportError as error:  # the module says which library it needs
        raise Failure(str(error)) from error
    _print(report)
    for note in report.notes:
        say(note)
    if not report.passed:
        say(f"{len(report.failures)} of {len(report.rows)} checks failed")
        if against is not None and against not in LIVE and len(report.failures) == len(report.rows):
            say("nothing fits: the recording is of another cell, or of other options (activations, biases, limits; -D)")
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
