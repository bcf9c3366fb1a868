"""Elementwise grouping: one operation on neighbouring pieces, and behind `concat`."""

from __future__ import annotations

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Program, Value
from rnnc.ir.size import Size
from rnnc.passes.cse import cse
from rnnc.passes.dce import dce
from rnnc.passes.fuse import fuse
from rnnc.passes.group import group
from tests.autodiff.networks import Net, add, axes, linear, mul
from tests.passes.cells import CELLS
from tests.passes.pipeline import assert_same_gradients, assert_same_results, checked, codes, inside, optimised, outside


def pieces(b: Builder, value: Value, *sizes: int) -> tuple[Value, ...]:
    return b.ops("split", value, axis=0, sizes=tuple(Size.of(size) for size in sizes))


def grouped(net: Net) -> Program:
    """The program after grouping, which computes what it did."""
    program = net.program()
    after = checked(program, [group, dce]).program
    assert_same_results(program, after)
    return after


def test_gates_are_activated_together() -> None:
    result = checked(CELLS["lstm"](), [fuse, group, dce])
    assert inside(result.program)["sigmoid"] == 1
    assert inside(result.program)["tanh"] == 2  # of j, and of the new state
    assert [r.message for r in result.remarks if r.code == "grouped"] == [
        "one sigmoid serves 3 neighbouring pieces (i, f, o)"
    ]


def test_only_neighbours_are_grouped() -> None:
    net = Net("apart")
    a, b, c, d = pieces(net.b, net.input("x", 6), 1, 2, 2, 1)
    for name, value, op in (("a", a, "sin"), ("b", b, "sin"), ("c", c, "cos"), ("d", d, "sin")):
        net.output(name, net.b.op(op, value))
    assert outside(grouped(net))["sin"] == 2


def test_a_chain_of_operations_is_grouped_as_a_whole() -> None:
    """A piecewise linear sigmoid: a factor, an offset and a clip for all pieces; then a weight of its own for each."""
    net = Net("chain")
    for n, piece in enumerate(pieces(net.b, net.input("x", 6), 3, 2, 1)):
        scaled = add(net.b, mul(net.b, piece, net.b.const(0.2)), net.b.const(0.5))
        clipped = net.b.op("clip", scaled, lo=0.0, hi=1.0, through=False)
        net.output(f"y{n}", mul(net.b, clipped, net.param(f"w{n}", 3 - n)))
    program = checked(net.program(), [cse, group, dce]).program
    assert {name: outside(program)[name] for name in ("mul", "add", "clip")} == {"mul": 2, "add": 1, "clip": 1}
    assert_same_results(net.program(), program)


def test_pieces_of_pieces_and_pieces_that_others_read() -> None:
    net = Net("nested")
    front, last = pieces(net.b, net.input("x", 6), 4, 2)
    a, b = pieces(net.b, front, 1, 3)
    for name, value in (("a", a), ("b", b), ("last", last)):
        net.output(name, net.b.op("tanh", value))
    net.output("front", net.b.op("sin", front))
    net.output("b raw", b)
    after = grouped(net)
    assert outside(after)["tanh"] == 1
    assert outside(after)["sin"] == 1


def test_pieces_of_two_values_meet_in_order() -> None:
    net = Net("two")
    left, right = pieces(net.b, net.input("x", 4), 2, 2), pieces(net.b, net.input("z", 4), 2, 2)
    for n in range(2):
        net.output(f"same{n}", mul(net.b, left[n], right[n]))
        net.output(f"crossed{n}", add(net.b, left[n], right[1 - n]))
    after = grouped(net)
    assert outside(after)["mul"] == 1
    assert outside(after)["add"] == 2  # the pieces do not meet in order


def test_pieces_of_one_value_that_overlap_stay_apart() -> None:
    """Stretches that lie across one another, as where each piece meets its neighbour, are no splits."""
    net = Net("neighbours")
    parts = pieces(net.b, net.input("x", 4), 1, 1, 1, 1)
    for n in range(3):
        net.output(f"next{n}", mul(net.b, parts[n], parts[n + 1]))
        net.output(f"sine{n}", net.b.op("sin", parts[n]))
    after = grouped(net)
    assert (outside(after)["mul"], outside(after)["sin"]) == (3, 1)


def test_an_operation_that_makes_an_operand_of_its_neighbour_stays_apart() -> None:
    net = Net("circle")
    a, b = pieces(net.b, net.input("x", 4), 2, 2)
    first = mul(net.b, a, net.input("z", 2))
    whole = net.b.op("concat", net.input("u", 2), first, axis=0)
    c, d = pieces(net.b, whole, 2, 2)
    net.output("y", add(net.b, add(net.b, a, c), add(net.b, b, d)))
    grouped(net)


def test_stacked_members_are_served_together() -> None:
    net = Net("stack")
    parts = net.b.ops("split", net.input("x", 3, 2), axis=0, sizes=(Size.of(1),) * 3)
    for n, part in enumerate(parts):
        row = net.b.op("reshape", part, axes=axes(2))
        net.output(f"y{n}", net.b.op("tanh", add(net.b, row, net.param(f"b{n}", 2))))
    after = grouped(net)
    assert (outside(after)["tanh"], outside(after)["add"]) == (1, 1)


def test_operations_move_behind_concat() -> None:
    net = Net("behind")
    parts = [net.input(name, 2) for name in "xyz"]
    net.output("negated", net.b.op("concat", *(net.b.op("neg", part) for part in parts), axis=0))
    scale = net.input("s", 6)
    scaled = [mul(net.b, part, piece) for part, piece in zip(parts, pieces(net.b, scale, 2, 2, 2), strict=True)]
    net.output("scaled", net.b.op("concat", *scaled, axis=0))
    mixed = [mul(net.b, part, other) for part, other in zip(parts, parts[1:] + parts[:1], strict=True)]
    net.output("mixed", net.b.op("concat", *mixed, axis=0))
    after = grouped(net)
    assert outside(after)["neg"] == 1
    assert outside(after)["mul"] == 1 + 3  # both operands of the mixed ones would have to be put together


def test_the_backward_loop_of_an_lstm_is_short() -> None:
    program = optimised(CELLS["lstm"]()).both.backward
    assert inside(program)["concat"] == 1
    assert inside(program)["mul"] == 3  # o, f, and all gates at once
    assert codes(optimised(CELLS["lstm"]()).remarks)["grouped"] >= 1


def test_norms_of_all_gates_are_one() -> None:
    """Equal pieces that are reduced stand in a stack; what is added to one gate alone is added to its shift."""
    net = Net("norms")
    x, h0, w, lengths = net.input("x", 6), net.state("h", 3), net.param("W", 3, 6), net.lengths()
    gains, shifts = ([net.param(f"{name}{n}", 3) for n in range(2)] for name in ("gain", "shift"))

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        gates: list[Value] = []
        for n, v in enumerate(pieces(b, add(b, xs[0], linear(b, carries[0], w)), 3, 3)):
            u = b.op("sub", v, b.op("reduce_mean", v, axes=(0,), keep=False))
            variance = b.op("reduce_mean", mul(b, u, u), axes=(0,), keep=False)
            norm = b.op("div", mul(b, gains[n], u), b.op("sqrt", add(b, variance, b.const(0.1))))
            shifted = add(b, norm, shifts[n])
            gates.append(b.op("sigmoid", add(b, shifted, b.const(1.0)) if n else shifted))
        h = mul(b, gates[0], gates[1])
        return [h], [h]

    net.output("y", net.loop(step, [x], [h0], lengths=lengths).ys[0])
    program = net.program()
    result = optimised(program)
    for part in (result.forward, result.both.train):
        found = inside(part)
        assert (found["reduce_mean"], found["sub"], found["sqrt"], found["sigmoid"]) == (2, 1, 1, 1)
    assert inside(result.both.backward)["reduce_to"] == 2
    assert_same_gradients(program, result.both)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("name", ["reduce_sum", "reduce_mean", "reduce_max", "reduce_min"])
def test_reductions_of_pieces_are_one(name: str, keep: bool) -> None:
    net = Net("reductions")
    b, half = net.b, net.b.const(0.5)
    for n, piece in enumerate(pieces(b, net.input("x", 6), 2, 2, 2)):
        total = b.op(name, piece, axes=(0,), keep=keep)
        net.output(f"y{n}", mul(b, piece, b.op("tanh", add(b, total, half))))
        net.output(f"z{n}", mul(b, total, net.param(f"w{n}", *([1] if keep else []))))
    after = grouped(net)
    assert (outside(after)[name], outside(after)["tanh"]) == (1, 1)
