"""Common subexpressions are found where they may be, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Loop, Op, Program, Value
from rnnc.ir.verifier import verify
from rnnc.passes.cse import cse
from rnnc.passes.manager import PassContext
from tests.support.random_programs import assert_equal_results
from tests.support.small_programs import N, Small, carry, collected, counts, element, loop, span


def _run(small: Small, context: PassContext | None = None) -> Program:
    before = small.program()
    verify(before)
    after = cse.run(before, context or PassContext("cse"))
    verify(after)
    assert_equal_results(before, after, small.arrays)
    return after


def test_what_is_computed_twice_is_computed_once_and_keeps_both_places() -> None:
    small, context = Small(), PassContext("cse")
    x = small.sequence()
    for line in (1, 2):
        with small.build.at(span(line)):
            small.output(small.build.op("tanh", small.build.op("neg", x)))
    after = _run(small, context)
    assert counts(after) == {"neg": 1, "tanh": 1}
    assert all(node.spans == span(1) | span(2) for node in after.nodes)
    assert after.outputs[0].value is after.outputs[1].value
    assert {(r.code, r.spans) for r in context.remarks} == {("merged", span(1) | span(2))}


@pytest.mark.parametrize(("name", "once"), [("add", True), ("mul", True), ("sub", False), ("max", False)])
def test_order_matters_but_for_sums_and_products(name: str, once: bool) -> None:
    # max(a, b) and max(b, a) have different derivatives where a = b.
    small = Small()
    x, b = small.sequence(), small.vector()
    small.output(small.build.op(name, x, b), small.build.op(name, b, x))
    assert counts(_run(small))[name] == (1 if once else 2)


def test_numbers_of_different_kinds_differ() -> None:
    small = Small()
    values = [small.build.const(v) for v in (0, 0.0, -0.0, False, 1, 1.0, True)]
    small.output(*values, small.build.const(1.0))
    assert counts(_run(small)) == {"const": len(values)}


def test_attributes_tell_operations_apart() -> None:
    small = Small()
    x = small.sequence()
    slices = [small.build.op("slice", x, axis=0, start=N.size - i, stop=N.size) for i in (1, 2, 2)]
    small.output(*slices)
    assert counts(_run(small)) == {"slice": 2}


def test_random_sites_stay_distinct() -> None:
    small = Small()
    x = small.sequence()
    masks = [small.port("mask", name, N, batch=True) for name in ("a", "b")]
    small.output(*(small.build.op("dropout", x, mask, keep=0.5) for mask in (*masks, masks[0])))
    assert counts(_run(small)) == {"dropout": 2}


def test_a_body_uses_what_stands_outside_but_not_what_stands_beside() -> None:
    small = Small()
    x, b = small.sequence(), small.vector()
    outside = small.build.op("tanh", b)
    cells: list[Loop] = []
    for sign in ("add", "sub"):
        body, at = Builder(), element(x)
        sum_ = body.op(sign, at, body.op("tanh", b))
        product = body.op("mul", body.op("sigmoid", b), sum_)
        cells.append(loop([(x, at)], [], body, [(product, collected(product))]))
        small.build.emit(cells[-1])
    small.output(outside, *(cell.ys[0][1] for cell in cells))
    after = _run(small)
    assert counts(after)["tanh"] == 1
    assert counts(after)["sigmoid"] == 2  # neither loop sees into the other


def _collecting(small: Small, x: Value, h: Value, functions: tuple[str, ...]) -> Loop:
    """h' = f(h + x) for each function, every state starting alike; all collected."""
    body, ats = Builder(), [element(x) for _ in functions]
    states = [Value(h.type, name) for name in functions]
    after = [body.op(f, body.op("add", s, at)) for f, s, at in zip(functions, states, ats, strict=True)]
    cell = loop(
        [(x, at) for at in ats],
        [carry(h, s, a, before=i == 1) for i, (s, a) in enumerate(zip(states, after, strict=True))],
        body,
        [(a, collected(a)) for a in after],
    )
    small.build.emit(cell)
    small.output(*cell.outs)
    return cell


def test_inside_a_loop_sequences_states_and_results_are_merged() -> None:
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    _collecting(small, x, h, ("tanh", "tanh", "sigmoid", "tanh"))
    (cell,) = _run(small).nodes
    assert isinstance(cell, Loop)
    assert len(cell.xs) == 1
    assert len(cell.carries) == 2  # the sigmoid's differs though it starts alike
    assert [c.before is not None for c in cell.carries] == [True, False]
    assert len(cell.ys) == 2
    assert sorted(node.name for node in cell.body) == ["add", "add", "sigmoid", "tanh"]


def test_states_that_exchange_their_values_are_one() -> None:
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    body, at = Builder(), element(x)
    a, b = Value(h.type, "a"), Value(h.type, "b")
    a1, b1 = body.op("add", at, b), body.op("add", at, a)
    cell = loop([(x, at)], [carry(h, a, a1), carry(h, b, b1)], body, [])
    small.build.emit(cell)
    small.output(*cell.outs)
    (merged,) = _run(small).nodes
    assert isinstance(merged, Loop)
    assert len(merged.carries) == len(merged.body) == 1


@pytest.mark.parametrize(("functions", "loops"), [(("tanh", "tanh"), 1), (("tanh", "sigmoid"), 2)])
def test_whole_loops_that_do_the_same_are_one(functions: tuple[str, ...], loops: int) -> None:
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    for function in functions:
        _collecting(small, x, h, (function,))
    assert counts(_run(small))["loop"] == loops


@pytest.mark.parametrize("change", ["reverse", "lengths"])
def test_loops_that_run_differently_stay_two(change: str) -> None:
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    lengths = small.port("lengths", "lengths", batch=True)
    _collecting(small, x, h, ("tanh",))
    other = _collecting(small, x, h, ("tanh",))
    small.build.nodes[-1] = replace(other, reverse=True) if change == "reverse" else replace(other, lengths=lengths)
    assert counts(_run(small))["loop"] == 2


def test_merged_operations_inside_a_loop_keep_their_places() -> None:
    small = Small()
    x = small.sequence()
    body, at = Builder(), element(x)
    values: list[Value] = []
    for line in (1, 2):
        with body.at(span(line)):
            values.append(body.op("tanh", at))
    sum_ = body.op("add", *values)
    cell = loop([(x, at)], [], body, [(sum_, collected(sum_))])
    small.build.emit(cell)
    small.output(cell.ys[0][1])
    (after,) = _run(small).nodes
    assert isinstance(after, Loop)
    first = after.body[0]
    assert isinstance(first, Op)
    assert first.spans == span(1) | span(2)
