"""Sinking: what no later step needs leaves a loop behind it, unless more would have to be stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnc.autodiff import differentiate
from rnnc.ir.operations import Builder
from rnnc.ir.operations.elementwise import JUMPS
from rnnc.ir.program import DType, Op, Program, Value
from rnnc.ir.rewrite import definitions
from rnnc.passes import BEFORE
from rnnc.passes.dce import dce
from rnnc.passes.hoist import hoist
from rnnc.passes.sink import DELICATE, STAY, sink
from tests.autodiff.networks import Net, add, linear
from tests.passes.cells import CELLS
from tests.passes.pipeline import assert_same_gradients, assert_same_results, checked, codes, inside, outside


def tanh(b: Builder, y: Value) -> Value:
    return b.op("tanh", y)


def projected(units: int, results: int, *, collected: bool, last: Callable[[Builder, Value], Value] = tanh) -> Program:
    """An RNN with a projection in the loop; `collected`: its states are results, too."""
    net = Net("projected")
    x, h0, lengths = net.input("x", units), net.state("h", units), net.lengths()
    u, p = net.param("U", units, units), net.param("P", units, results)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", add(b, linear(b, carries[0], u), xs[0]))
        return [h], [last(b, linear(b, h, p)), *([h] if collected else [])]

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


@pytest.mark.parametrize("last", sorted(DELICATE))
def test_what_is_not_finite_at_zero_is_another_number_past_the_lengths(last: str) -> None:
    which, number = DELICATE[last]

    def result(b: Builder, y: Value) -> Value:
        large = add(b, b.op("square", y), b.op("abs", y))
        return b.op(last, *((large, y) if which == 0 else (y, large))[: 2 if last in ("div", "pow") else 1])

    program = projected(2, 2, collected=True, last=result)
    after = checked(program, [sink, dce]).program
    assert inside(after)[last] == 0
    assert inside(after)["contract"] == 1
    assert_same_results(program, after)
    assert_same_gradients(program, differentiate(after))
    sequence = next(node for node in after.nodes if isinstance(node, Op) and node.name == last)
    filled = definitions(after)[sequence.args[which]]
    assert isinstance(filled, Op)
    assert filled.name == "fill_past"
    assert filled.attr("value") == number


@pytest.mark.parametrize("last", sorted(DELICATE))
@pytest.mark.parametrize("kept", [False, True], ids=["what began", "a state that is kept"])
def test_what_decides_may_be_the_same_at_every_step(last: str, kept: bool) -> None:
    net = Net("same")
    x, h0, k0, lengths = net.input("x", 2), net.state("h", 2), net.state("k", 2), net.lengths()
    which, _ = DELICATE[last]

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", add(b, carries[0], xs[0]))
        same = add(b, b.op("square", carries[1] if kept else k0), b.const(1.5))
        positive = add(b, b.op("square", h), b.const(1.5))
        y = b.op(last, *((same, positive) if which == 0 else (positive, same))[: 2 if last in ("div", "pow") else 1])
        return [h, *carries[1:]], [b.op("mul", y, h)]

    net.output("y", net.loop(step, [x], [h0, *([k0] if kept else [])], lengths=lengths).ys[0])
    program = net.program()
    after = checked(program, BEFORE).program
    assert_same_results(program, after)
    assert_same_gradients(program, differentiate(after))


def test_a_norm_leaves_whole_with_what_it_is_made_of() -> None:
    result = checked(CELLS["normed"](), [sink, dce])
    assert dict(inside(result.program)) == {"contract": 1, "add": 1, "tanh": 1}
    assert outside(result.program)["div"] == 2


def test_a_norm_that_would_store_more_stays() -> None:
    """Of two states, each as large as the quotient."""
    net = Net("quotient")
    x, a0, b0 = net.input("x", 2), net.state("a", 2), net.state("b", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        first, second = (b.op("tanh", add(b, carry, xs[0])) for carry in carries)
        return [first, second], [b.op("div", first, add(b, b.op("square", second), b.const(1.0)))]

    net.output("y", net.loop(step, [x], [a0, b0]).ys[0])
    assert not checked(net.program(), [sink]).remarks


@pytest.mark.parametrize("last", sorted(JUMPS | STAY))
def test_what_jumps_stays(last: str) -> None:
    def result(b: Builder, y: Value) -> Value:
        jumped = b.op(last, *([y, b.const(0.25)] if last in STAY or len(last) == 2 else [y]))
        return jumped if jumped.type.dtype is DType.FLOAT else b.op("where", jumped, y, b.const(0.0))

    program = projected(2, 2, collected=True, last=result)
    after = checked(program, [sink, dce]).program
    assert inside(after)[last] == 1
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
