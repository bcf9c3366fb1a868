"""Factoring: what two products in a sum have in common is multiplied once, where that saves a product."""

from __future__ import annotations

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, Program, Value
from rnnc.ir.size import Size
from rnnc.ir.verifier import verify
from rnnc.passes.factor import factor
from rnnc.passes.manager import PassContext
from tests.autodiff.networks import Net, add, linear
from tests.passes.pipeline import assert_same_gradients, assert_same_results, checked, codes, inside, optimised
from tests.support.random_programs import assert_equal_results
from tests.support.small_programs import N, Small, counts, span


def _run(small: Small, context: PassContext | None = None) -> Program:
    before = small.program()
    after = factor.run(before, context or PassContext("factor"))
    verify(after)
    assert_equal_results(before, after, small.arrays)
    return after


@pytest.mark.parametrize("name", ["add", "sub"])
@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("right", [0, 1])
def test_a_shared_factor_is_multiplied_once_wherever_it_stands(name: str, left: int, right: int) -> None:
    small, context = Small(), PassContext("factor")
    d, a, b = (small.sequence(n) for n in "dab")
    products: list[Value] = []
    for line, (place, other) in enumerate(((left, a), (right, b)), start=1):
        with small.build.at(span(line)):
            products.append(small.build.op("mul", *((d, other) if place == 0 else (other, d))))
    small.output(small.build.op(name, *products))
    after = _run(small, context)
    assert counts(after) == {name: 1, "mul": 1}
    assert [(remark.code, remark.spans) for remark in context.remarks] == [("factored", span(1) | span(2))]


def test_a_square_shares_its_factor() -> None:
    small = Small()
    d, b = small.sequence("d"), small.sequence("b")
    small.output(small.build.op("sub", small.build.op("mul", d, d), small.build.op("mul", b, d)))
    assert counts(_run(small)) == {"sub": 1, "mul": 1}


def test_factors_of_other_shapes() -> None:
    small = Small()
    d, b, scale = small.sequence("d"), small.vector("b"), small.port("param", "scale")
    small.output(small.build.op("add", small.build.op("mul", d, b), small.build.op("mul", scale, d)))
    assert counts(_run(small)) == {"add": 1, "mul": 1}
    small = Small()
    row, b = small.port("param", "row", Axis("one", Size.of(1)), N), small.port("param", "matrix", N, N)
    small.output(small.build.op("add", small.build.op("mul", row, b), small.build.op("mul", row, row)))
    assert counts(_run(small)) == {"add": 1, "mul": 1}


@pytest.mark.parametrize("kept", ["result", "read twice", "same product"])
def test_products_that_are_needed_anyway_stay(kept: str) -> None:
    small = Small()
    d, a, b = (small.sequence(n) for n in "dab")
    left = small.build.op("mul", d, a)
    right = left if kept == "same product" else small.build.op("mul", d, b)
    total = small.build.op("add", left, right)
    small.output(total, *([left] if kept == "result" else []))
    if kept == "read twice":
        small.output(small.build.op("tanh", right))
    assert counts(_run(small))["mul"] == (1 if kept == "same product" else 2)


def _loop(free: bool) -> Program:
    """A state h' = tanh(w * x_t + w * h) or tanh(x_t * h + h * h)."""
    net = Net("net")
    x, w, h0, lengths = net.input("x", 3), net.param("w", 3), net.state("h", 3), net.lengths()

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        shared = w if free else h
        h = b.op("tanh", add(b, b.op("mul", shared, xs[0]), b.op("mul", shared, h)))
        return [h], [h]

    net.output("y", net.loop(step, [x], [h0], lengths=lengths).ys[0])
    return net.program()


@pytest.mark.parametrize(("free", "left"), [(False, 1), (True, 2)])
def test_a_product_that_can_leave_the_loop_alone_stays_apart(free: bool, left: int) -> None:
    program = _loop(free)
    after = checked(program, [factor])
    assert inside(after.program)["mul"] == left
    assert codes(after.remarks)["factored"] == 2 - left
    assert_same_results(program, after.program)


def test_the_gate_of_a_mixture_has_one_product_in_the_backward_step() -> None:
    """h' = u * h + (1 - u) * n: the cotangent of u is d * (h - n), and h - n needs no loop."""
    net = Net("gru")
    x, h0, lengths = net.input("x", 3), net.state("h", 3), net.lengths()
    gate, new = net.param("U", 3, 3), net.param("N", 3, 3)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        u = b.op("sigmoid", add(b, xs[0], linear(b, h, gate)))
        n = b.op("tanh", add(b, xs[0], linear(b, h, new)))
        h = add(b, b.op("mul", u, h), b.op("mul", b.op("sub", b.const(1.0), u), n))
        return [h], [h]

    net.output("y", net.loop(step, [x], [h0], lengths=lengths).ys[0])
    program = net.program()
    result = optimised(program)
    assert codes(result.remarks)["factored"] == 1
    assert inside(result.both.backward)["sub"] == 0
    assert_same_gradients(program, result.both)
