"""Folding of loops: states that never change, and what folding leaves as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Loop, Op, Type, Value
from rnnc.ir.verifier import verify
from rnnc.passes.fold import fold
from rnnc.passes.manager import PassContext
from tests.passes.folding import folded
from tests.support.small_programs import N, Small, carry, collected, counts, element, loop, span


def _state_loop(step: Callable[[Builder, Value, Value], Value], before: bool = False, lengths: bool = False) -> Small:
    """y = x + s, with a state s that starts as h."""
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    body, at, state = Builder(), element(x), Value(h.type, "s")
    y = body.op("add", at, state)
    cell = loop([(x, at)], [carry(h, state, step(body, state, h), before)], body, [(y, collected(y))])
    cell = replace(cell, lengths=small.port("lengths", "lengths", batch=True) if lengths else None, spans=span(1))
    small.build.emit(cell)
    small.output(*cell.outs)
    return small


@pytest.mark.parametrize("lengths", [False, True], ids=["whole", "lengths"])
@pytest.mark.parametrize(
    "step",
    [
        lambda b, s, h: s,
        lambda b, s, h: h,
        lambda b, s, h: b.op("mul", s, b.const(1.0)),
        lambda b, s, h: b.op("neg", b.op("neg", h)),
    ],
    ids=["kept", "initial again", "kept by algebra", "initial by algebra"],
)
def test_a_state_that_never_changes_is_no_state(step: Callable[[Builder, Value, Value], Value], lengths: bool) -> None:
    small = _state_loop(step, lengths=lengths)
    context = PassContext("fold")
    fold.run(small.program(), context)
    assert [(r.code, r.message, r.spans) for r in context.remarks] == [
        ("constant-state", "state `s` never changes", span(1))
    ]
    (cell,) = folded(small).nodes
    assert isinstance(cell, Loop)
    assert cell.carries == ()


def test_states_that_become_constant_one_after_the_other() -> None:
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    body, at = Builder(), element(x)
    a, b = Value(h.type, "a"), Value(h.type, "b")
    # b steps to a, which is always h, and b starts as h too.
    y = body.op("add", at, b)
    cell = loop([(x, at)], [carry(h, b, a), carry(h, a, a)], body, [(y, collected(y))])
    small.build.emit(cell)
    small.output(*cell.outs)
    (after,) = folded(small).nodes
    assert isinstance(after, Loop)
    assert after.carries == ()


@pytest.mark.parametrize(
    "small",
    [
        _state_loop(lambda b, s, h: s, before=True),
        _state_loop(lambda b, s, h: b.op("neg", s)),
    ],
    ids=["collected", "changing"],
)
def test_other_states_stay(small: Small) -> None:
    (cell,) = (n for n in folded(small).nodes if isinstance(n, Loop))
    assert len(cell.carries) == 1


def test_a_body_does_not_look_into_sequences_outside() -> None:
    small = Small()
    x = small.sequence()
    build = small.build
    summed = build.op("reduce_to", x, axes=(N,), batch=True, time=False)
    body, at = Builder(), element(x)
    inner = body.op("reduce_to", summed, axes=(N,), batch=False, time=False)
    y = body.op("add", at, inner)
    cell = loop([(x, at)], [], body, [(y, collected(y))])
    build.emit(cell)
    small.output(cell.ys[0][1])
    assert counts(folded(small))["reduce_to"] == 2


def test_what_is_folded_keeps_its_name_and_place() -> None:
    small = Small()
    x, y = small.sequence("x"), small.sequence("y")
    with small.build.at(span(3)):
        small.output(small.build.op("add", x, small.build.op("neg", y), hint="difference"))
    (op,) = folded(small).nodes
    assert isinstance(op, Op)
    assert (op.name, op.out.name, op.spans) == ("sub", "difference", span(3))


def test_types_of_values_stay() -> None:
    """Labels aside: the same axes, dtype and leads at every output."""
    small = Small()
    small.output(small.build.op("mul", small.sequence(), small.build.const(1.0)))
    assert [p.value.type for p in folded(small).outputs] == [Type((N,), batch=True, time=True)]
    verify(small.program())
