"""Hoisting: what leaves a loop, what stays, and how a loop without sequences knows its length."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rnnc.autodiff import differentiate
from rnnc.ir.operations import Builder
from rnnc.ir.program import Program, Value
from rnnc.ir.size import Size, product
from rnnc.passes.dce import dce
from rnnc.passes.fuse import fuse
from rnnc.passes.hoist import hoist
from tests.autodiff.networks import Net, add, axes, linear, mul
from tests.autodiff.zoo import ZOO
from tests.passes.cells import CELLS
from tests.passes.pipeline import (
    AFTER,
    BEFORE,
    assert_same_gradients,
    assert_same_results,
    checked,
    codes,
    inside,
    loops,
    outside,
)


def test_the_input_product_leaves_whole() -> None:
    result = checked(CELLS["lstm"](), [fuse, hoist])
    assert inside(result.program)["contract"] == 1
    assert outside(result.program)["contract"] == 1
    assert outside(result.program)["concat"] == 3  # two packed weights and a packed bias
    (loop,) = loops(result.program)
    assert [param.type.shape for _, param in loop.xs] == [(Size.of(8),)]
    assert codes(result.remarks)["hoisted-product"] == 1


@pytest.mark.parametrize("name", CELLS)
def test_nothing_that_is_constant_stays(name: str) -> None:
    again = checked(checked(CELLS[name](), [hoist]).program, [hoist])
    assert codes(again.remarks)["hoisted"] == 0


def test_a_result_that_needs_no_state_leaves_and_is_zero_past_the_length() -> None:
    net = Net("map")
    x, lengths, w = net.input("x", 3), net.lengths(), net.param("W", 3, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        return [], [b.op("cos", linear(b, xs[0], w))]

    net.output("y", net.loop(step, [x], lengths=lengths).ys[0])
    program = net.program()
    after = checked(program, [hoist]).program
    assert not loops(after)
    assert outside(after)["fill_past"] == 1
    assert_same_results(program, after)


def test_a_loop_that_lost_its_sequences_keeps_its_length() -> None:
    net = Net("generator")
    x, h0, u, w = net.input("x", 3), net.state("h", 2), net.param("U", 2, 2), net.param("W", 3, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        return [b.op("tanh", linear(b, carries[0], u))], [b.op("tanh", linear(b, xs[0], w))]

    out = net.loop(step, [x], [h0])
    net.output("y", out.ys[0])
    net.final("h", out.finals[0])
    program = net.program()
    after = checked(program, [hoist, dce]).program
    (loop,) = loops(after)
    assert (loop.xs, loop.like) == ((), x)
    assert_same_results(program, after)


def _outer(value: int) -> Program:
    """A matrix memory that is no scan (tanh): its input is an outer product of vectors of this size."""
    net = Net("outer")
    x, m0 = net.input("x", value), net.state("M", value, value)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        product = b.op("contract", xs[0], xs[0], a="i", b="j", out="ij", reduce="")
        return [b.op("tanh", add(b, carries[0], product))], []

    net.final("M", net.loop(step, [x], [m0]).finals[0])
    return net.program()


def test_what_spreads_out_stays_where_its_operands_are_smaller() -> None:
    result = checked(_outer(3), [hoist])
    assert inside(result.program)["contract"] == 1
    assert codes(result.remarks) == {"kept-inside": 1}
    assert_same_results(_outer(3), result.program)


def test_many_operations_leave_even_where_they_spread_out() -> None:
    net = Net("phases")
    time, h0, period = net.input("time"), net.state("h", 3), net.param("period", 3)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        phase = b.op("sigmoid", b.op("sin", b.op("square", mul(b, xs[0], period))))
        return [b.op("tanh", add(b, carries[0], phase))], []

    net.final("h", net.loop(step, [time], [h0]).finals[0])
    after = checked(net.program(), [hoist]).program
    assert dict(inside(after)) == {"add": 1, "tanh": 1}


def test_values_that_are_read_again_and_again_are_looked_at_once() -> None:
    """Views of views alone, which cost nothing: 2 to the power of 60 ways lead from the result to the input."""
    net = Net("views")
    x, h0 = net.input("x", 2), net.state("h", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        mixed = xs[0]
        for _ in range(60):
            whole = b.op("concat", mixed, mixed, axis=0)
            mixed = b.op("slice", whole, axis=0, start=Size.of(1), stop=Size.of(3))
        return [b.op("tanh", add(b, carries[0], mixed))], []

    net.final("h", net.loop(step, [x], [h0]).finals[0])
    after = checked(net.program(), [hoist]).program
    assert dict(inside(after)) == {"add": 1, "tanh": 1}


def test_factors_that_need_no_state_are_multiplied_outside() -> None:
    net = Net("factors")
    x, z, h0 = net.input("x", 3), net.input("z", 3), net.state("h", 3)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        return [b.op("tanh", mul(b, mul(b, carries[0], xs[0]), xs[1]))], []

    net.final("h", net.loop(step, [x, z], [h0]).finals[0])
    program = net.program()
    after = checked(program, [hoist]).program
    assert dict(inside(after)) == {"mul": 1, "tanh": 1}
    assert_same_results(program, after)


def test_a_loop_over_stretches_keeps_what_differs_from_stretch_to_stretch() -> None:
    program = ZOO["written_in_stretches"]()
    after = checked(program, [hoist]).program
    assert inside(after)["square"] == inside(program)["square"] == 1
    assert_same_results(program, after)


@pytest.mark.parametrize(("units", "stays"), [(64, True), (8, False)])
def test_what_is_large_and_made_of_the_tape_is_made_in_the_backward_loop(units: int, stays: bool) -> None:
    """A synapse between each two units: slopes of all steps at once would double what the tape holds."""
    net = Net("synapses")
    x, v0, w, mu = net.input("x", units), net.state("v", units), net.param("W", units, units), net.param("mu", 1, units)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        seen = b.op("reshape", carries[0], axes=axes(units, 1))
        synapse = mul(b, w, b.op("sigmoid", b.op("sub", seen, mu)))
        after = b.op("tanh", add(b, b.op("reduce_sum", synapse, axes=(0,), keep=False), xs[0]))
        return [after], [after]

    program = net.cell(step, x, v0, lengths=True, reverse=False)
    both = differentiate(checked(program, BEFORE).program)
    result = checked(both.backward, AFTER)
    (loop,) = loops(result.program)
    tape = {port.value for port in result.program.inputs_of("tape")}
    made = [seq for seq, _ in loop.xs if product(seq.type.shape) == Size.of(units**2) and seq not in tape]
    assert bool(made) is not stays
    assert codes(result.remarks)["kept-large"] == (1 if stays else 0)
    assert_same_gradients(program, replace(both, backward=result.program))
