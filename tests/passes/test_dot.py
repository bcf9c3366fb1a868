"""Sums of products that are larger than what is multiplied are contractions, and so are their derivatives."""

from __future__ import annotations

import pytest

from rnnc.autodiff import differentiate
from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, Program, Value
from rnnc.ir.size import Size
from rnnc.ir.verifier import verify
from rnnc.passes.dce import dce
from rnnc.passes.dot import dot
from rnnc.passes.manager import PassContext
from tests.autodiff.networks import Net, add
from tests.passes.pipeline import assert_same_gradients, assert_same_results, checked, codes, inside, optimised
from tests.support.random_programs import assert_equal_results
from tests.support.small_programs import Small, counts, span

ONE, H, V, K = (Axis(name, Size.of(size)) for name, size in (("one", 1), ("h", 2), ("v", 3), ("k", 4)))


def _run(small: Small, context: PassContext | None = None) -> Program:
    before = small.program()
    after = checked(dot.run(before, context or PassContext("dot")), [dce]).program
    verify(after)
    assert_equal_results(before, after, small.arrays)
    return after


def _pair(small: Small, a: tuple[Axis, ...], b: tuple[Axis, ...]) -> tuple[Value, Value]:
    number = len(small.inputs)
    left, right = (small.port("input", f"{n}{number}", *of, batch=True, time=True) for n, of in (("a", a), ("b", b)))
    return left, right


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("a", "b", "summed"),
    [
        ((H, V, K), (H, ONE, K), (2,)),
        ((ONE, V, K), (H, V, K), (1, 2)),
        ((H, V, ONE), (H, V, K), (0, 1)),
        ((V, ONE, K), (ONE, ONE, K), (1, 2)),
        ((V, K, ONE), (ONE, K, H), (1,)),
    ],
)
def test_a_sum_over_axes_of_both_is_a_contraction(
    a: tuple[Axis, ...], b: tuple[Axis, ...], summed: tuple[int, ...], keep: bool
) -> None:
    small, context = Small(), PassContext("dot")
    with small.build.at(span(1)):
        product = small.build.op("mul", *_pair(small, a, b))
    with small.build.at(span(2)):
        small.output(small.build.op("reduce_sum", product, axes=summed, keep=keep))
    after = counts(_run(small, context))
    assert after["contract"] == 1
    assert (after["mul"], after["reduce_sum"]) == (0, 0)
    assert [(remark.code, remark.spans) for remark in context.remarks] == [("contracted", span(1) | span(2))]


def test_sums_down_to_a_type() -> None:
    """What elementwise operations leave in derivatives: of features, and of rows and steps."""
    small = Small()
    whole, stretched = _pair(small, (H, V, K), (H, V, ONE))
    small.output(
        small.build.op("reduce_to", small.build.op("mul", whole, stretched), axes=(ONE, ONE, K), batch=True, time=True)
    )
    left, right = small.sequence("a"), small.sequence("b")
    left = small.build.op("reshape", left, axes=(K, ONE))
    right = small.build.op("reshape", right, axes=(ONE, K))
    small.output(small.build.op("reduce_to", small.build.op("mul", left, right), axes=(K, K), batch=False, time=False))
    after = counts(_run(small))
    assert (after["contract"], after["mul"], after["reduce_to"]) == (2, 0, 0)


def test_what_was_stretched_before_it_is_multiplied() -> None:
    small = Small()
    matrix, row = _pair(small, (V, K), (ONE, K))
    stretched = small.build.op("broadcast", row, axes=(V, K))
    small.output(small.build.op("reduce_sum", small.build.op("mul", matrix, stretched), axes=(1,), keep=False))
    assert counts(_run(small))["contract"] == 1


@pytest.mark.parametrize("why", ["same size", "axis of one", "read twice", "no smaller", "whole numbers", "both wide"])
def test_sums_that_stay(why: str) -> None:
    small = Small()
    build = small.build
    left, right = _pair(small, (V, K), (V, K) if why == "same size" else (V, ONE) if why == "axis of one" else (ONE, K))
    if why == "whole numbers":
        left, right = (build.op("cast", value, dtype="int") for value in (left, right))
    if why == "both wide":  # each stretched along the sum
        left, right = (build.op("broadcast", row, axes=(V, K)) for row in _pair(small, (V, ONE), (V, ONE)))
    product = build.op("mul", left, right)
    axes = (0,) if why == "no smaller" else (1,)
    small.output(build.op("reduce_sum", product, axes=axes, keep=False))
    if why == "read twice":
        small.output(build.op("tanh", product))
    before = counts(small.program())
    assert counts(_run(small)) == before


def _readout() -> Program:
    """A memory that is read by a query: y = sum(S' * q, key)."""
    net = Net("readout")
    v, k, q, lengths = net.input("v", 3), net.input("k", 4), net.input("q", 4), net.lengths()
    s0 = net.state("S", 3, 4)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (s,), (v, k, q) = carries, xs
        decayed = b.op("tanh", s)
        s = add(b, decayed, b.op("contract", v, k, a="a", b="b", out="ab", reduce=""))
        read = b.op("mul", s, b.op("reshape", q, axes=(ONE, K)))
        return [s], [b.op("reduce_sum", read, axes=(1,), keep=False)]

    out = net.loop(step, [v, k, q], [s0], lengths=lengths)
    net.output("y", out.ys[0])
    net.final("S", out.finals[0])
    return net.program()


def test_a_matrix_that_is_read_is_one_product_there_and_back() -> None:
    program = _readout()
    after = checked(program, [dot, dce])
    assert codes(after.remarks)["contracted"] == 1
    assert (inside(after.program)["mul"], inside(after.program)["reduce_sum"]) == (0, 0)
    assert_same_results(program, after.program)
    backward = differentiate(after.program).backward
    assert inside(backward)["broadcast"] == 0  # the cotangent of the matrix is an outer product
    assert_same_gradients(program, optimised(program).both)
