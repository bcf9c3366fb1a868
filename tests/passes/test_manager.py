"""Running passes: order, remarks, timings, dumps, turning off, and catching a pass that breaks a program."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rnnc.ir.program import Program
from rnnc.ir.text import print_program
from rnnc.ir.verifier import InvalidProgram
from rnnc.passes import AFTER, BEFORE
from rnnc.passes.manager import (
    FunctionPass,
    PassContext,
    Remark,
    UnknownPass,
    check_names,
    compiler_pass,
    pass_names,
    run_passes,
)
from tests.support.small_programs import Small, span


@compiler_pass
def rename(program: Program, context: PassContext) -> Program:
    """Says that it was here.

    And more, which is not shown in lists.
    """
    for _ in range(2):
        context.remark("renamed", f"after {program.name}", span(1))
    return replace(program, name=program.name + "'")


@compiler_pass
def breaks(program: Program, context: PassContext) -> Program:
    """Forgets everything but the outputs."""
    context.remark("nothing", "no idea why", kind="missed")
    return replace(program, nodes=())


def _program() -> Program:
    small = Small()
    small.output(small.build.op("tanh", small.sequence()))
    return small.program()


def test_passes_run_in_order_and_every_remark_is_kept_once() -> None:
    result = run_passes(_program(), (rename, breaks, rename))
    assert result.program.name == "small''"
    assert result.remarks == (
        Remark("rename", "renamed", "done", "after small", span(1)),
        Remark("breaks", "nothing", "missed", "no idea why"),
        Remark("rename", "renamed", "done", "after small'", span(1)),
    )
    assert [t.pass_name for t in result.timings] == ["rename", "breaks", "rename"]
    assert all(t.seconds >= 0 for t in result.timings)


def test_a_disabled_pass_never_runs() -> None:
    result = run_passes(_program(), (rename, breaks, rename), disabled={"rename"})
    assert result.program.name == "small"
    assert [t.pass_name for t in result.timings] == ["breaks"]


def test_the_program_is_dumped_after_every_run_of_a_pass() -> None:
    result = run_passes(_program(), (rename, breaks, rename), dump_after={"rename"})
    assert [d.pass_name for d in result.dumps] == ["rename", "rename"]
    assert result.dumps[0].text == print_program(replace(_program(), name="small'"))
    assert "tanh" not in result.dumps[1].text


def test_a_pass_that_breaks_the_program_is_named() -> None:
    with pytest.raises(InvalidProgram, match="after pass breaks: output 'y0' reads"):
        run_passes(_program(), (rename, breaks), verify_each=True)
    with pytest.raises(InvalidProgram, match="before the passes: output"):
        run_passes(replace(_program(), nodes=()), (), verify_each=True)


def test_a_pass_is_named_and_described_by_its_function() -> None:
    assert (rename.name, rename.doc) == ("rename", "Says that it was here.")
    with pytest.raises(ValueError, match="no docstring"):
        compiler_pass(lambda program, context: program)


def test_unknown_names_list_the_known_ones() -> None:
    check_names(["rename"], ("rename", "breaks"))
    with pytest.raises(UnknownPass, match=r"no pass 'renam'; did you mean 'rename'\? the passes are rename, breaks$"):
        check_names(["renam"], ("rename", "breaks"))
    with pytest.raises(UnknownPass, match=r"no pass 'xyz'; the passes are rename, breaks$"):
        check_names(["xyz"], ("rename", "breaks"))


def test_the_table_of_contents_is_readable() -> None:
    for step in (*BEFORE, *AFTER):
        assert isinstance(step, FunctionPass)
        assert step.doc.endswith(".")
        assert "\n" not in step.doc
    same = {step.name: step for step in (*BEFORE, *AFTER)}
    assert all(same[step.name] is step for step in (*BEFORE, *AFTER))  # one name, one pass
    assert pass_names((rename, breaks, rename)) == ("rename", "breaks")
