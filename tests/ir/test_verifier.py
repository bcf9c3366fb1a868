"""The verifier accepts what is well formed and says what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, DType, Loop, Op, Port, Program, Type, Value
from rnnc.ir.size import Size
from rnnc.ir.verifier import InvalidProgram, verify
from tests.support.random_programs import random_program
from tests.support.small_programs import N, Small, carry, collected, element, loop

M = Axis("m", Size.of(2))


def _small() -> tuple[Small, Loop]:
    """A cell over a sequence, with lengths; the loop stands in the program already."""
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    lengths = small.port("lengths", "lengths", batch=True)
    small.port("mask", "mask", N, batch=True)
    body, at, state = Builder(), element(x), Value(h.type, "h")
    after = body.op("add", at, state)
    cell = loop([(x, at)], [carry(h, state, after, before=True)], body, [(after, collected(after))])
    cell = replace(cell, lengths=lengths, valid=Value(Type((), DType.BOOL, batch=True), "valid"))
    small.build.emit(cell)
    small.output(cell.ys[0][1], cell.carries[0].final)
    return small, cell


def _with_loop(change: Callable[[Loop], Loop]) -> Program:
    small, cell = _small()
    small.build.nodes = [change(cell)]
    return small.program()


def _with_op(op: Callable[[Small, Loop], Op]) -> Program:
    small, cell = _small()
    small.build.emit(op(small, cell))
    return small.program()


def _in_body(op: Callable[[Loop, Small], Op]) -> Program:
    small, cell = _small()
    small.build.nodes = [replace(cell, body=(*cell.body, op(cell, small)))]
    return small.program()


def _with_ports(*ports: Port) -> Program:
    small, _ = _small()
    return replace(small.program(), inputs=(*small.inputs, *ports))


def _tanh(arg: Value, out: Type | None = None) -> Op:
    return Op("tanh", (arg,), (Value(out or arg.type, "new"),))


SEQUENCE = Type((N,), batch=True, time=True)
ROW = Type((N,), batch=True)
WRONG = Type((M,), batch=True)


def _param(small: Small, *axes: Axis) -> Value:
    return small.port("param", "W", *axes)


def _valid(cell: Loop) -> Value:
    assert cell.valid is not None
    return cell.valid


def _reading_itself(small: Small, cell: Loop) -> Op:
    out = Value(ROW, "self")
    return Op("tanh", (out,), (out,))


INVALID: dict[str, tuple[Program, str]] = {
    "defined twice": (_with_op(lambda s, c: Op("tanh", (c.outs[-1],), (c.outs[-1],))), "again, after loop"),
    "read before": (_with_op(_reading_itself), "reads %self.*nothing before it defines"),
    "out of the body": (_with_op(lambda s, c: _tanh(c.body[0].outs[0])), "out of its sight"),
    "unknown operation": (_with_op(lambda s, c: Op("thanh", (), (Value(ROW),))), "no such operation"),
    "operand types": (
        _with_op(lambda s, c: Op("add", (c.outs[0], _param(s, M)), (Value(ROW),))),
        "add of .*do not fit",
    ),
    "recorded type": (_with_op(lambda s, c: _tanh(c.outs[0], WRONG)), "should be float<B>"),
    "unsorted attributes": (
        _with_op(lambda s, c: Op("clip", (c.outs[0],), (Value(ROW),), (("lo", 0.0), ("hi", 1.0), ("through", True)))),
        "not sorted",
    ),
    "time in a step": (_in_body(lambda c, s: Op("tanh", (c.xs[0][0],), (Value(SEQUENCE),))), "from outside its loop"),
    "coupling in a step": (
        _in_body(lambda c, s: Op("where_empty", (c.xs[0][1], s.inputs[2].value), (Value(ROW),))),
        "couples steps",
    ),
    "loop in a step": (_with_loop(lambda c: replace(c, body=(*c.body, c))), "no time to loop over"),
    "absent mask": (_with_op(lambda s, c: _tanh(s.inputs[3].value)), "cannot do without %mask"),
    "absent validity": (
        _in_body(lambda c, s: Op("logical_not", (_valid(c),), (Value(_valid(c).type),))),
        "cannot do without %valid",
    ),
    "element type": (_with_loop(lambda c: replace(c, xs=((c.xs[0][0], Value(WRONG, "x")),))), "element of %x"),
    "no steps": (_with_loop(lambda c: replace(c, xs=())), "nothing says how long"),
    "carry type": (
        _with_loop(lambda c: replace(c, carries=(replace(c.carries[0], final=Value(WRONG)),))),
        "final value of carry %h",
    ),
    "initial batch": (
        _with_loop(lambda c: replace(c, carries=(replace(c.carries[0], param=Value(ROW.with_(batch=False), "h")),))),
        "no batch, but its initial value has",
    ),
    "before without time": (
        _with_loop(lambda c: replace(c, carries=(replace(c.carries[0], before=Value(ROW)),))),
        "collected carry",
    ),
    "y without time": (_with_loop(lambda c: replace(c, ys=((c.ys[0][0], Value(ROW)),))), "sequence of"),
    "unknown next": (
        _with_loop(lambda c: replace(c, carries=(replace(c.carries[0], next=Value(ROW, "lost")),))),
        "next of %h.*reads %lost",
    ),
    "validity without lengths": (_with_loop(lambda c: replace(c, lengths=None)), "`valid` without lengths"),
    "empty stretches": (_with_loop(lambda c: replace(c, chunk=0)), "stretches of 0 steps"),
    "validity of stretches": (
        _with_loop(lambda c: replace(c, chunk=2, like=c.xs[0][0])),
        r"valid: bool<B>\[\], should be int<B>\[\]",
    ),
    "port twice": (_with_ports(Port("input", "x", Value(SEQUENCE))), "input 'x' stands twice"),
    "wrong side": (_with_ports(Port("output", "x", Value(SEQUENCE))), "wrong side"),
    "parameter with batch": (_with_ports(Port("param", "W", Value(ROW))), "has a batch axis"),
    "state with time": (_with_ports(Port("state", "s", Value(SEQUENCE))), "has time"),
    "float lengths": (_with_ports(Port("lengths", "l", Value(Type((), batch=True)))), "should be int<B>"),
    "undefined output": (
        Program("p", (), (), (Port("output", "y", Value(ROW, "y")),)),
        "output 'y' reads %y.*nothing before it defines",
    ),
}


@pytest.mark.parametrize(("program", "message"), INVALID.values(), ids=INVALID)
def test_what_is_wrong_is_said(program: Program, message: str) -> None:
    with pytest.raises(InvalidProgram, match=message):
        verify(program)


def test_the_untouched_program_is_valid() -> None:
    verify(_small()[0].program())


def test_labels_of_axes_do_not_matter() -> None:
    small = Small()
    x = small.sequence()
    relabelled = Type((Axis("other", N.size),), batch=True, time=True)
    small.build.emit(_tanh(x, relabelled))
    verify(small.program())


@pytest.mark.parametrize("seed", range(20))
def test_random_programs_are_valid(seed: int) -> None:
    verify(random_program(seed)[0])
