"""Dead code elimination removes what no output depends on, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from rnnc.ir.operations import Builder
from rnnc.ir.program import Loop, Program, Value
from rnnc.ir.verifier import verify
from rnnc.passes.dce import dce
from rnnc.passes.manager import PassContext
from tests.support.random_programs import assert_equal_results
from tests.support.small_programs import N, Small, carry, collected, counts, element, loop


def _run(small: Small) -> Program:
    before = small.program()
    verify(before)
    after = dce.run(before, PassContext("dce"))
    verify(after)
    assert_equal_results(before, after, small.arrays)
    return after


def _loop(program: Program) -> Loop:
    (found,) = (node for node in program.nodes if isinstance(node, Loop))
    return found


def test_operations_that_nothing_reads_go_in_chains() -> None:
    small = Small()
    x = small.sequence()
    small.build.op("tanh", small.build.op("sigmoid", x))
    small.output(small.build.op("neg", x))
    after = _run(small)
    assert counts(after) == {"neg": 1}
    assert [p.name for p in after.inputs] == ["x"]


def test_ports_stay_though_nothing_reads_them() -> None:
    small = Small()
    small.vector("unread")
    small.output(small.sequence())
    assert [p.name for p in _run(small).inputs] == ["unread", "x"]


def test_a_split_stays_for_one_of_its_parts() -> None:
    small = Small()
    first, _ = small.build.ops("split", small.sequence(), axis=0, sizes=(N.size - 1, N.size - 3))
    small.output(first)
    assert counts(_run(small)) == {"split": 1}


def _two_states() -> tuple[Small, Loop]:
    """`a` reads x; `b` and `c` read each other; each is collected, and so is b's past."""
    small = Small()
    x, y = small.sequence("x"), small.sequence("y")
    h = small.port("state", "h", N, batch=True)
    body, x1, y1 = Builder(), element(x), element(y)
    a, b, c = (Value(h.type, name) for name in "abc")
    a1, b1, c1 = body.op("add", a, x1), body.op("add", c, y1), body.op("tanh", b)
    carries = [carry(h, a, a1), carry(h, b, b1, before=True), carry(h, c, c1)]
    cell = loop([(x, x1), (y, y1)], carries, body, [(a1, collected(a1)), (c1, collected(c1))])
    small.build.emit(cell)
    return small, cell


def test_carries_that_only_feed_each_other_go_with_their_sequences() -> None:
    small, cell = _two_states()
    small.output(cell.ys[0][1])
    slim = _loop(_run(small))
    assert [c.param.name for c in slim.carries] == ["a"]
    assert [seq.name for seq, _ in slim.xs] == ["x"]
    assert len(slim.ys) == 1
    assert len(slim.body) == 1


def test_a_carry_that_another_reads_stays() -> None:
    small, cell = _two_states()
    small.output(cell.carries[2].final)
    slim = _loop(_run(small))
    assert [c.param.name for c in slim.carries] == ["b", "c"]
    assert slim.ys == ()
    assert all(c.before is None for c in slim.carries)


def test_a_collected_past_keeps_its_carry() -> None:
    small, cell = _two_states()
    before = cell.carries[1].before
    assert before is not None
    small.output(before)
    slim = _loop(_run(small))
    assert [c.before is before for c in slim.carries] == [True, False]


def test_a_loop_that_nothing_reads_goes() -> None:
    small, _ = _two_states()
    small.output(small.inputs[0].value)
    assert counts(_run(small)) == {}


def test_a_loop_without_sequences_still_knows_how_long_it_runs() -> None:
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    body, state = Builder(), Value(h.type, "h")
    after = body.op("mul", state, body.const(0.5))
    dead = element(x)
    body.op("tanh", dead)
    cell = loop([(x, dead)], [carry(h, state, after)], body, [])
    small.build.emit(cell)
    small.output(cell.carries[0].final)
    slim = _loop(_run(small))
    assert slim.xs == ()
    assert slim.like is x


def test_lengths_stay_where_validity_is_not_read() -> None:
    small, cell = _two_states()
    lengths = small.port("lengths", "lengths", batch=True)
    small.build.nodes = [replace(cell, lengths=lengths)]
    small.output(cell.ys[0][1])
    assert _loop(_run(small)).lengths is lengths
