"""Recurrences by component: which loops disappear, what they become, and why the others stay."""

from __future__ import annotations

import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.ir.operations import Builder
from rnnc.ir.program import Value
from rnnc.passes.analysis.windows import PARTS
from rnnc.passes.fold import fold
from rnnc.passes.hoist import hoist
from rnnc.passes.manager import PassResult
from rnnc.passes.recurrences import BUDGET, GROWTH, recurrences
from tests.autodiff.networks import Net, add, linear, mul
from tests.passes.cells import CELLS
from tests.passes.pipeline import assert_same_results, checked, codes, inside, loops, outside


def result_of(name: str) -> PassResult:
    return checked(CELLS[name](), [hoist, recurrences, hoist])


@pytest.mark.parametrize(
    ("name", "affine", "maxplus"),
    [("sru", 1, 0), ("min_gru", 1, 0), ("qrnn", 1, 0), ("taps", 1, 0), ("stabilised", 2, 1)],
)
def test_the_loop_disappears(name: str, affine: int, maxplus: int) -> None:
    program = result_of(name).program
    assert not loops(program)
    assert outside(program)["scan_affine"] == affine
    assert outside(program)["scan_maxplus"] == maxplus


def test_a_delay_is_a_shift() -> None:
    assert codes(result_of("qrnn").remarks)["delay"] == 1


WINDOWS = """
cell Windows(units, n = 4) {
  input x[input]
  state w[lag: n, input]
  past = %s
  w'   = %s
  output linear(w', out = units) as y
}
"""
MOVES = {
    "the newest last": ("concat(w, expand(x, lag), axis = lag)", "past[lag = 1:]", 4),
    "the newest first": ("concat(expand(x, lag), w, axis = lag)", "past[lag = :n]", 4),
    "put together again": ("w[lag = 1:]", "concat(past, expand(x, lag), axis = lag)", 4),
    "two at a time": ("stack_axis(x, 2 * x, axis = lag)", "concat(w, past, axis = lag)[lag = 2:]", 4),
    "three of a pair": ("stack_axis(x, 2 * x, -x, axis = lag)", "concat(past, w, axis = lag)[lag = 1:n + 1]", 4),
    "with a place that stays": (
        "concat(w[lag = :1], w[lag = 2:], axis = lag)",
        "concat(past, expand(x, lag), axis = lag)",
        0,
    ),
    "going round": ("w[lag = :1]", "concat(w[lag = 1:], past, axis = lag)", 0),
    "of what it made": ("expand(tanh(sum(w, lag)), lag)", "concat(w[lag = 1:], past, axis = lag)", 0),
    "with a number": ("expand(zeros(input), lag)", "concat(w[lag = 1:], past, axis = lag)", 0),
}


@pytest.mark.parametrize(("past", "after", "parts"), MOVES.values(), ids=MOVES)
def test_the_last_inputs_are_delays_in_a_row(past: str, after: str, parts: int) -> None:
    program = model_of(Source("windows", WINDOWS % (past, after))).forward
    result = checked(program, [fold, recurrences, hoist])
    assert len(loops(result.program)) == (0 if parts else 1)
    assert outside(result.program)["shift"] == parts
    assert codes(result.remarks)["window"] == (1 if parts else 0)


def test_the_step_counter_gets_a_loop_of_its_own_and_frees_what_it_steers() -> None:
    result = result_of("clockwork")
    (counter,) = loops(result.program)
    assert dict(inside(result.program)) == {"add": 1}
    assert counter.xs == ()
    assert outside(result.program)["scan_affine"] == 2


def test_a_memory_of_outer_products_stays() -> None:
    result = result_of("matrix_memory")
    assert codes(result.remarks)["scan-too-large"] == 1
    assert len(loops(result.program)) == 1


@pytest.mark.parametrize(("size", "stays"), [(BUDGET, False), (BUDGET + 1, True)])
def test_a_state_over_the_budget_stays(size: int, stays: bool) -> None:
    net = Net("large")
    x, s0, decay = net.input("x", size), net.state("s", size), net.param("a", size)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        return [add(b, mul(b, carries[0], decay), xs[0])], []

    net.final("s", net.loop(step, [x], [s0]).finals[0])
    assert bool(loops(checked(net.program(), [recurrences]).program)) is stays


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lstm", "the states c, h depend on one another through the product with i.h"),
        ("gru_reset_before", "the state h depends on itself through the product with z.h"),
    ],
)
def test_a_recurrence_that_stays_says_why_and_where(name: str, why: str) -> None:
    (remark,) = [r for r in result_of(name).remarks if r.code == "sequential"]
    assert remark.message == f"{why}: this recurrence runs step by step"
    assert remark.kind == "missed"
    assert remark.spans


def test_an_activation_of_the_state_is_named() -> None:
    net = Net("saturating")
    x, s0 = net.input("x", 2), net.state("s", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        return [b.op("tanh", add(b, carries[0], xs[0]))], []

    net.final("s", net.loop(step, [x], [s0]).finals[0])
    (remark,) = checked(net.program(), [recurrences]).remarks
    assert remark.message == "the state s depends on itself through tanh: this recurrence runs step by step"


def test_what_depends_on_a_scan_alone_is_a_scan_too() -> None:
    """Three states in a row, the last of which is no scan: it keeps a loop, over the others' sequences."""
    net = Net("row")
    x, states, lengths, u = net.input("x", 2), [net.state(s, 2) for s in "abc"], net.lengths(), net.param("U", 2, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        first, second, third = carries
        new_first = add(b, mul(b, b.const(0.5), first), xs[0])
        new_second = b.op("sub", b.op("neg", mul(b, b.op("sigmoid", first), second)), new_first)
        new_third = b.op("tanh", add(b, linear(b, third, u), new_second))
        return [new_first, new_second, new_third], [new_third]

    out = net.loop(step, [x], states, lengths=lengths)
    net.output("y", out.ys[0])
    for name, final in zip("abc", out.finals, strict=True):
        net.final(name, final)
    program = net.program()
    after = checked(program, [recurrences, hoist]).program
    (loop,) = loops(after)
    assert len(loop.carries) == 1
    assert dict(inside(after)) == {"contract": 1, "add": 1, "tanh": 1}
    assert_same_results(program, after)


def test_a_state_that_never_changes_is_its_initial_value() -> None:
    net = Net("constant")
    x, h0, k0, lengths = net.input("x", 2), net.state("h", 2), net.state("k", 2), net.lengths()

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h, k = carries
        return [b.op("tanh", add(b, mul(b, h, k), xs[0])), k], []

    out = net.loop(step, [x], [h0, k0], lengths=lengths)
    net.final("h", out.finals[0])
    net.final("k", out.finals[1])
    program = net.program()
    after = checked(program, [recurrences]).program
    assert [len(loop.carries) for loop in loops(after)] == [1]
    assert_same_results(program, after)


FOLLOWERS = """
cell Followers(units) {
  input x[input]
  state h[units], s[units], m[units], a[units], b[units], c[units]
  h' = tanh(linear(x, h))
  s' = 0.9 * s + h'
  m' = max(m + s', h)
  a' = a * b
  b' = a + b
  c' = 0.5 * c + a
  output h', s', m', a', c'
}
"""


def test_linear_states_of_what_runs_step_by_step_say_so() -> None:
    source = Source("followers", FOLLOWERS)
    result = checked(model_of(source).forward, [hoist, recurrences, hoist])
    (loop,) = loops(result.program)
    assert {carry.param.name for carry in loop.carries} == {"h", "s", "m", "a", "b", "c"}
    stays = "step by step: it stays in that loop"
    coupled = "operations that are elementwise, but not of one state alone"
    assert {r.message for r in result.remarks if r.code == "sequential"} == {
        "the state h depends on itself through the product with h.h: this recurrence runs step by step",
        f"the state s is of the form a * s + b, but made of the state h, which runs {stays}",
        f"the state m is of the form max(s + a, b), but made of the states h, s, which run {stays}",
        f"the states a, b depend on one another through {coupled}: this recurrence runs step by step",
        f"the state c is of the form a * s + b, but made of the state a, which runs {stays}",
    }


@pytest.mark.parametrize(
    ("taps", "size", "stays"),
    [(GROWTH + 1, BUDGET, False), (GROWTH + 2, BUDGET, True), (PARTS + 1, 1, False), (PARTS + 2, 1, True)],
)
def test_a_window_of_too_much_stays(taps: int, size: int, stays: bool) -> None:
    source = Source("windows", WINDOWS % ("concat(w, expand(x, lag), axis = lag)", "past[lag = 1:]"))
    program = model_of(source, options={"n": taps - 1, "input": size}).forward
    result = checked(program, [recurrences, hoist])
    assert bool(loops(result.program)) is stays
    assert codes(result.remarks)["window-too-large"] == int(stays)
