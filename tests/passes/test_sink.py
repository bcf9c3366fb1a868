"""Sinking: what no later step needs leaves a loop behind it, unless more would have to be stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from rnnc.autodiff import Save, differentiate
from rnnc.ir.operations import Builder
from rnnc.ir.operations.elementwise import JUMPS
from rnnc.ir.program import DType, Program, Value
from rnnc.passes import BEFORE
from rnnc.passes.dce import dce
from rnnc.passes.hoist import hoist
from rnnc.passes.sink import STAY, sink
from tests.autodiff.harness import Array, case, run
from tests.autodiff.networks import Net, add, linear, mul
from tests.passes.cells import CELLS
from tests.passes.pipeline import assert_close, assert_same_results, checked, codes, inside, optimised, outside


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


# What is not finite everywhere or has a derivative that is not, by the operand that decides it.
DELICATE = {
    "div": 1,
    "pow": 0,
    "log": 0,
    "log1p": 0,
    "sqrt": 0,
    "rsqrt": 0,
    "reciprocal": 0,
    "acosh": 0,
    "atanh": 0,
    "asin": 0,
    "acos": 0,
}
DECIDING = ["state", "sequence", "per row", "weight", "kept state"]


def deciding(last: str, where: str) -> Program:
    """An RNN with a result by an operation whose deciding operand comes from somewhere, times a weight."""
    net = Net("deciding")
    x, c, lengths = net.input("x", 2), net.per_row("c", 2), net.lengths()
    h0, k0, w = net.state("h", 2), net.state("k", 2), net.param("w", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", add(b, carries[0], xs[0]))
        sources = {"state": h, "sequence": xs[0], "per row": c, "weight": w, "kept state": carries[1]}
        decides = b.op("square", mul(b, sources[where], w))
        if last in ("log1p", "atanh", "asin", "acos"):  # their pole is at -1 or 1: what is zero past a length meets it
            decides = b.op("sub", b.const(1.0), b.op("tanh", decides))
            decides = b.op("neg", decides) if last == "log1p" else decides
        if last == "acosh":
            decides = add(b, decides, b.const(1.0))
        other = add(b, b.op("square", h), w)
        args = (decides, other) if DELICATE[last] == 0 else (other, decides)
        y = b.op(last, *args[: 2 if last in ("div", "pow") else 1])
        return [h, carries[1]], [mul(b, mul(b, y, h), w)]

    net.output("y", net.loop(step, [x], [h0, k0], lengths=lengths).ys[0])
    return net.program()


@pytest.mark.parametrize("where", DECIDING)
@pytest.mark.parametrize("last", sorted(DELICATE))
def test_poles_past_the_lengths_spoil_nothing(last: str, where: str) -> None:
    """What decides is zero in rows without steps, or no number; what is collected of the state is zero there."""
    program = deciding(last, where)
    after = checked(program, BEFORE)
    lengths = (5, 0, 3, 1)
    usual = case(program, lengths=lengths)
    saves: tuple[Save, ...] = ("all", 2)
    derivatives = [optimised(program, save).both for save in saves]
    expected = usual.gradients(differentiate(program)), run(program, usual.arrays)
    assert all(np.isfinite(array).all() for found in expected for array in found.values())
    for filler in (0.0, np.nan):
        given = {key: filled(key[1], array, lengths, filler) for key, array in usual.arrays.items()}
        subject = replace(usual, arrays=given)
        for both in derivatives:
            assert_close(expected[0], subject.gradients(both))
        assert_close(expected[1], run(after.program, given))


def filled(name: str, array: Array | None, lengths: Sequence[int], filler: float) -> Array | None:
    """Inputs with something else past the lengths. The kept state is zero where there are no steps: it is a result."""
    if array is None or name not in ("x", "c", "k"):
        return array
    changed = np.array(array)
    for row, length in enumerate(lengths):
        if name == "x":
            changed[length:, row] = filler
        elif length == 0:
            changed[row] = filler if name == "c" else 0.0
    return changed


@pytest.mark.parametrize("last", sorted(DELICATE))
def test_what_is_not_finite_everywhere_leaves(last: str) -> None:
    after = checked(deciding(last, "state"), [sink, dce]).program
    assert inside(after)[last] == 0
    assert outside(after)[last] == 1


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
