"""Outer products: a factor goes into an operand, where it is small, can leave the loop, and is on no tape."""

from __future__ import annotations

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, Op, Program, Value, walk
from rnnc.ir.size import Size
from rnnc.ir.verifier import verify
from rnnc.passes.cse import cse
from rnnc.passes.dce import dce
from rnnc.passes.manager import PassContext
from rnnc.passes.outer import outer
from tests.autodiff.networks import Net, add
from tests.passes.pipeline import assert_same_gradients, assert_same_results, checked, codes, inside, loops, optimised
from tests.support.random_programs import assert_equal_results
from tests.support.small_programs import Small, counts, span

ONE, H, V, K = (Axis(name, Size.of(size)) for name, size in (("one", 1), ("h", 2), ("v", 3), ("k", 4)))


def _run(small: Small, context: PassContext | None = None) -> Program:
    before = small.program()
    after = outer.run(before, context or PassContext("outer"))
    verify(after)
    assert_equal_results(before, after, small.arrays)
    return after


def _product(small: Small, a: str = "hv", b: str = "hk", out: str = "hvk") -> tuple[Value, Value, Value]:
    """The outer product of two sequences whose axes have the letters, and these."""
    named = {"h": H, "v": V, "k": K}
    left, right = (
        small.port("input", name, *(named[x] for x in letters), batch=True, time=True)
        for name, letters in (("left", a), ("right", b))
    )
    made = {"h": "a", "v": "b", "k": "c"}
    a, b, out = ("".join(made[x] for x in letters) for letters in (a, b, out))
    with small.build.at(span(1)):
        return small.build.op("contract", left, right, a=a, b=b, out=out, reduce=""), left, right


def _multiplied(program: Program) -> list[tuple[int, ...]]:
    """The sizes of what multiplications give."""
    ops = [node for node in walk(program.nodes) if isinstance(node, Op) and node.name == "mul"]
    return [tuple(size.constant or 0 for size in op.out.type.shape) for op in ops]


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("factor", "taken"),
    [((H, ONE, ONE), (2, 3)), ((H, V, ONE), (2, 3)), ((H, ONE, K), (2, 4)), ((ONE, V, ONE), (2, 3)), ((), (2, 3))],
)
def test_a_factor_goes_into_the_smallest_operand_that_has_its_axes(
    factor: tuple[Axis, ...], taken: tuple[int, ...], place: int
) -> None:
    small, context = Small(), PassContext("outer")
    product, *_ = _product(small)
    gate = small.port("input", "gate", *factor, batch=True, time=True)
    with small.build.at(span(2)):
        small.output(small.build.op("mul", *((gate, product) if place == 0 else (product, gate))))
    after = _run(small, context)
    assert _multiplied(after) == [taken]
    assert [(remark.code, remark.spans) for remark in context.remarks] == [("outer-factor", span(1) | span(2))]


def test_operands_whose_axes_stand_in_another_order() -> None:
    small = Small()
    product, *_ = _product(small, "vh", "kh", "khv")
    gate = small.port("input", "gate", K, H, ONE, batch=True, time=True)
    plain = small.port("param", "plain", ONE, H, V)
    small.output(small.build.op("mul", small.build.op("mul", gate, product), plain))
    assert sorted(_multiplied(_run(small))) == [(3, 2), (4, 2)]


def test_axes_of_one_size_are_told_apart() -> None:
    """A column of the factor is no row of it, although both operands have vectors of that size."""
    small = Small()
    left, right = (small.port("input", name, K, batch=True, time=True) for name in ("left", "right"))
    product = small.build.op("contract", left, right, a="a", b="b", out="ab", reduce="")
    factor = small.port("param", "factor", K)
    small.output(small.build.op("mul", right, factor))
    for column in ((K, ONE), (ONE, K)):
        product = small.build.op("mul", product, small.build.op("reshape", factor, axes=column))
    small.output(product)
    assert _multiplied(_run(small)) == [(4,), (4,)]  # the second one is there already


def test_what_is_multiplied_already_is_multiplied_once() -> None:
    small = Small()
    product, _, key = _product(small)
    gate = small.port("input", "gate", H, batch=True, time=True)
    small.output(small.build.op("mul", key, small.build.op("reshape", gate, axes=(H, ONE))))
    small.output(small.build.op("mul", product, small.build.op("reshape", gate, axes=(H, ONE, ONE))))
    assert counts(_run(small))["mul"] == 1


@pytest.mark.parametrize("why", ["read twice", "result", "large", "sums", "stretched", "more leads", "whole numbers"])
def test_products_that_stay(why: str) -> None:
    small = Small()
    letters = ("hv", "hk", "hv") if why == "sums" else ("v", "k", "vk") if why == "stretched" else ("hv", "hk", "hvk")
    product, *_ = _product(small, *letters)
    build = small.build
    if why == "more leads":
        left, right = small.port("param", "a", V), small.port("param", "b", K)
        product = build.op("contract", left, right, a="a", b="b", out="ab", reduce="")
    gate = {
        "sums": lambda: small.port("input", "gate", H, ONE, batch=True, time=True),
        "large": lambda: small.port("input", "gate", ONE, V, K, batch=True, time=True),
        "stretched": lambda: small.port("input", "gate", V, ONE, batch=True, time=True),
        "more leads": lambda: small.port("input", "gate", batch=True),
        "whole numbers": lambda: build.op("cast", small.port("input", "gate", batch=True), dtype="int"),
    }.get(why, lambda: small.port("input", "gate", batch=True))()
    if why == "stretched":  # the product is stretched by the factor
        product = build.op("reshape", product, axes=(V, K))
        whole = small.port("param", "whole", ONE, ONE)
        product = build.op("contract", whole, product, a="ab", b="cd", out="abcd", reduce="")
        gate = small.port("input", "other", H, V, ONE, ONE, batch=True)
    small.output(build.op("mul", gate, product), *([product] if why == "result" else []))
    if why == "read twice":
        small.output(build.op("tanh", product))
    before = counts(small.program())
    assert counts(_run(small)) == before


def _memory(gate_of_state: bool) -> Program:
    """A memory C' = f C + i outer(v, k), which a query reads; the gate is of the input, or of the state."""
    net = Net("memory")
    v, k, lengths = net.input("v", 3), net.input("k", 4), net.lengths()
    gates = net.input("gates", 2)
    c0 = net.state("C", 3, 4)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (c,), (v, k, gates) = carries, xs
        f, i = b.ops("split", b.op("sigmoid", gates), axis=0, sizes=(Size.of(1), Size.of(1)))
        if gate_of_state:
            i = b.op("mul", i, b.op("reshape", b.op("reduce_sum", c, axes=(0, 1), keep=True), axes=(ONE,)))
        f, i = (b.op("reshape", gate, axes=(ONE, ONE)) for gate in (f, i))
        product = b.op("contract", v, k, a="a", b="b", out="ab", reduce="")
        c = add(b, b.op("mul", f, c), b.op("mul", i, product))
        return [c], [b.op("contract", c, k, a="ab", b="b", out="a", reduce="")]

    out = net.loop(step, [v, k, gates], [c0], lengths=lengths)
    net.output("y", out.ys[0])
    net.final("C", out.finals[0])
    return net.program()


@pytest.mark.parametrize("gate_of_state", [False, True])
def test_a_gate_of_an_outer_product_costs_no_pass_over_the_matrix(gate_of_state: bool) -> None:
    program = _memory(gate_of_state)
    after = checked(program, [cse, outer, dce])
    assert codes(after.remarks)["outer-factor"] == 1
    assert [s for s in _multiplied(after.program) if len(s) == 2] == [(3, 4)]  # by the state alone
    assert_same_results(program, after.program)
    result = optimised(program)
    assert_same_gradients(program, result.both)
    assert inside(result.both.train)["mul"] <= 1 + 2 * gate_of_state


@pytest.mark.parametrize("gate_of_state", [False, True])
def test_the_tape_holds_the_memory_and_no_outer_product(gate_of_state: bool) -> None:
    """The derivative by the gate asks for what the gate multiplies: a vector."""
    train = optimised(_memory(gate_of_state)).both.train
    states = {value for loop in loops(train) for c in loop.carries for value in (c.before, c.next) if value is not None}
    states |= {seq for loop in loops(train) for value, seq in loop.ys if value in states}
    kept = [port.value for port in train.outputs if port.role == "tape" and port.value.type.time]
    assert [value for value in kept if value.type.rank == 2 and value not in states] == []
