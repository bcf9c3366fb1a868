"""Sinking: what no later step needs leaves a loop behind it, unless more would have to be stored."""

from __future__ import annotations

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Program, Value
from rnnc.passes.dce import dce
from rnnc.passes.hoist import hoist
from rnnc.passes.sink import sink
from tests.autodiff.networks import Net, add, linear
from tests.passes.pipeline import assert_same_results, checked, codes, inside, outside


def projected(units: int, results: int, *, collected: bool, last: str = "tanh") -> Program:
    """An RNN with a projection in the loop; `collected`: its states are results, too."""
    net = Net("projected")
    x, h0, lengths = net.input("x", units), net.state("h", units), net.lengths()
    u, p = net.param("U", units, units), net.param("P", units, results)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", add(b, linear(b, carries[0], u), xs[0]))
        return [h], [b.op(last, linear(b, h, p)), *([h] if collected else [])]

    out = net.loop(step, [x], [h0], lengths=lengths)
    net.output("y", out.ys[0])
    if collected:
        net.output("h", out.ys[1])
    return net.program()


@pytest.mark.parametrize(
    ("units", "results", "collected", "leaves"),
    [(2, 3, False, True), (3, 2, False, False), (3, 2, True, True)],
)
def test_a_projection_leaves_where_that_stores_no_more(units: int, results: int, collected: bool, leaves: bool) -> None:
    program = projected(units, results, collected=collected)
    result = checked(program, [sink, dce])
    assert inside(result.program)["contract"] == (1 if leaves else 2)
    assert codes(result.remarks)["sunk-product"] == int(leaves)
    assert_same_results(program, result.program)


def test_what_is_not_finite_at_zero_stays() -> None:
    program = projected(2, 2, collected=True, last="reciprocal")
    after = checked(program, [sink]).program
    assert inside(after)["reciprocal"] == 1
    assert inside(after)["contract"] == 2
    assert_same_results(program, after)


def test_what_the_next_step_needs_stays() -> None:
    net = Net("rnn")
    x, h0 = net.input("x", 2), net.state("h", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", add(b, carries[0], xs[0]))
        return [h], [h]

    net.output("y", net.loop(step, [x], [h0]).ys[0])
    result = checked(net.program(), [sink])
    assert not result.remarks


def test_a_result_of_the_state_before_the_step_reads_collected_states() -> None:
    net = Net("before")
    x, h0, lengths, p = net.input("x", 2), net.state("h", 2), net.lengths(), net.param("P", 2, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        return [b.op("tanh", add(b, carries[0], xs[0]))], [linear(b, carries[0], p)]

    net.output("y", net.loop(step, [x], [h0], lengths=lengths, reverse=True).ys[0])
    program = net.program()
    after = checked(program, [hoist, sink, dce]).program
    assert inside(after)["contract"] == 0
    assert outside(after)["contract"] == 1
    assert_same_results(program, after)
