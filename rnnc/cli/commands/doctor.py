"""`rnnc doctor`: which targets work on this machine, and what the others lack."""

from __future__ import annotations

import click

from rnnc.cli.files import standard_output
from rnnc.cli.machine import Finding, Target, findings, targets
from rnnc.cli.tables import BAD, GOOD, print_table


@click.command("doctor")
def command() -> int:
    """Tell what is installed here, which targets' modules can run, and what would make the others run.

    Writing code needs none of it: every target can be compiled for on every machine.
    """
    found = findings()
    print_table("", ("", "", ""), [_finding(finding) for finding in found])
    with standard_output():
        click.echo()
    judged = targets(found)
    print_table("", ("target", "", ""), [_target(target) for target in judged])
    return 0 if judged[0].works else 1


def _finding(finding: Finding) -> tuple[str, tuple[str, ...]]:
    return (GOOD if finding.present else BAD), (finding.name, "yes" if finding.present else "no", finding.detail)


def _target(target: Target) -> tuple[str, tuple[str, ...]]:
    detail = "" if target.works else "; ".join(filter(None, (target.lacks, target.remedy, target.note)))
    return (GOOD if target.works else BAD), (target.name, "works" if target.works else "does not run here", detail)
