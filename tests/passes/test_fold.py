"""Folding: every rule fires where it should, on numbers that tell, and nowhere else."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rnnc.ir.builder import Builder
from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Axis, Loop, Op, Program, Type, Value
from rnnc.ir.size import Size
from rnnc.ir.verifier import verify
from rnnc.passes.dce import dce
from rnnc.passes.fold import fold
from rnnc.passes.folding.algebra import ALGEBRA
from rnnc.passes.folding.constants import BINARY, UNARY
from rnnc.passes.folding.patterns import Pattern
from rnnc.passes.manager import PassContext, run_passes
from tests.support.random_programs import assert_equal_results
from tests.support.small_programs import N, Small, carry, collected, counts, element, loop, span

LOGIC = ("logical_and", "logical_or", "logical_not")


def _run(small: Small) -> Program:
    """Fold, and drop what is dead after it."""
    before = small.program()
    after = run_passes(before, (fold, dce), verify_each=True).program
    assert_equal_results(before, after, small.arrays)
    return after


# --- the table of patterns -----------------------------------------------------------------------------------------


def _instance(small: Small, tree: ast.expr, letters: dict[str, Value], truth: bool = False) -> Value:
    """The left side of a rule as operations on inputs."""
    build = small.build
    match tree:
        case ast.Call(func=ast.Name(id=name), args=args):
            flags = [name in LOGIC or (name == "where" and i == 0) for i in range(len(args))]
            return build.op(name, *(_instance(small, a, letters, t) for a, t in zip(args, flags, strict=True)))
        case ast.Name(id="ZERO"):
            return build.op("zeros_like", small.sequence("zeros"))
        case ast.Name(id=name) if name.isupper():
            return letters.setdefault(name, build.const({"C": 0.25, "D": 3.0}[name]))
        case ast.Name(id=name):
            if name not in letters:
                value = small.sequence(name)
                letters[name] = build.op("gt", value, build.const(0.1)) if truth else value
            return letters[name]
        case _:
            number = ast.literal_eval(tree)
            return build.const(number if isinstance(number, bool) else float(number))


@pytest.mark.parametrize("rule", ALGEBRA, ids=lambda rule: rule.text)
def test_a_pattern_fires_and_is_true(rule: Pattern) -> None:
    small = Small()
    small.output(_instance(small, rule.left, {}))
    after = _run(small)
    left = small.program().nodes[-1]
    assert isinstance(left, Op)
    if isinstance(rule.right, ast.Call):
        last = after.nodes[-1]
        assert isinstance(last, Op)
        assert last.name == rule.right.func.id  # type: ignore[attr-defined]
        assert len(after.nodes) < len(small.program().nodes) or last.name != left.name
    else:
        assert left.name not in counts(after)


@pytest.mark.parametrize("rule", [r for r in ALGEBRA if r.text.startswith(("add(x, 0)", "mul(x, 1)"))], ids=str)
def test_sums_and_products_match_in_either_order(rule: Pattern) -> None:
    small = Small()
    left = rule.left
    small.output(_instance(small, ast.Call(left.func, left.args[::-1], []), {}))
    assert counts(_run(small)) == {}


@pytest.mark.parametrize(
    "text", ["add(x, 1) -> x", "sub(x, x) -> neg(x)"], ids=["a number that is not there", "two values for one letter"]
)
def test_patterns_do_not_match_what_they_do_not_say(text: str) -> None:
    small = Small()
    x, y = small.sequence("x"), small.sequence("y")
    values = [small.build.op("add", x, small.build.const(2.0)), small.build.op("sub", x, y)]
    rule = Pattern(text)
    ops = {n.out: n for n in small.build.nodes if isinstance(n, Op)}

    class Site:
        def definition(self, value: Value, *names: str) -> Op | None:
            op = ops.get(value)
            return op if op is not None and (not names or op.name in names) else None

        def ops(self, name: str, *args: Value, **attrs: object) -> tuple[Value, ...]:
            raise AssertionError(f"built {name}")

    assert [rule(Site(), ops[value]) for value in values] == [None, None]


def test_a_zero_that_is_a_number_multiplies_like_one() -> None:
    small = Small()
    x = small.sequence()
    small.arrays["input", "x"] = np.full((3, 3, 4), np.inf)
    small.output(small.build.op("mul", x, small.build.const(0.0)))
    assert np.isnan(evaluate(_run(small), small.arrays)["output", "y0"]).all()


@pytest.mark.parametrize(("divisor", "folded"), [(4.0, True), (-0.5, True), (3.0, False), (1e300, False)])
def test_a_division_becomes_a_product_only_where_that_is_exact(divisor: float, folded: bool) -> None:
    small = Small()
    small.output(small.build.op("div", small.sequence(), small.build.const(divisor)))
    assert ("mul" in counts(_run(small))) == folded


def test_constants_that_would_overflow_stay_apart() -> None:
    small = Small()
    x = small.sequence()
    for left, right in ((1e200, 1e200), (1e-200, 1e-200)):
        small.output(small.build.op("mul", small.build.op("mul", x, small.build.const(left)), small.build.const(right)))
    assert counts(_run(small))["mul"] == 4


def test_large_summands_of_two_signs_stay_apart() -> None:
    small = Small()
    up = small.build.op("add", small.sequence(), small.build.const(1e20))
    small.output(small.build.op("add", up, small.build.const(-1e20)))
    assert counts(_run(small))["add"] == 2


def test_a_replacement_of_another_type_is_refused() -> None:
    small = Small()
    b = small.vector()
    small.output(
        small.build.op("add", small.build.op("zeros_like", small.sequence()), b),  # a broadcast over time and batch
        small.build.op("mul", small.build.const(2), small.build.const(1.0)),  # 2 is an int, 2.0 is none
    )
    after = _run(small)
    assert counts(after)["add"] == 1
    (two,) = (n for n in after.nodes if isinstance(n, Op) and n.name == "const")
    assert repr(Attrs(two).scalar("value")) == "2.0"


# --- numbers -------------------------------------------------------------------------------------------------------

NUMBERS = (-2.5, -1.0, -0.5, 0.0, 0.3, 0.5, 1.0, 2.5, 800.0, math.inf)


@pytest.mark.parametrize("name", sorted(UNARY))
def test_functions_of_numbers_are_what_the_table_says(name: str) -> None:
    small = Small()
    attrs = {"dtype": "int"} if name == "cast" else {}
    numbers = (True, False) if name == "logical_not" else (*NUMBERS, -3, 0, 5)
    for number in numbers:
        small.output(small.build.op(name, small.build.const(number), **attrs))
    if name == "cast":  # NumPy makes some int of infinity, with a warning
        small.outputs = [p for i, p in enumerate(small.outputs) if math.isfinite(numbers[i])]
    after = _run(small)
    left = [n for n in after.nodes if isinstance(n, Op) and n.name == name]
    assert len(left) <= len(small.outputs) // 2
    assert {"const"} | {n.name for n in left} == set(counts(after))


@pytest.mark.parametrize("name", sorted(BINARY))
def test_functions_of_two_numbers_are_what_the_table_says(name: str) -> None:
    small = Small()
    numbers = (True, False) if name in LOGIC else (-2.5, 0.0, 0.5, 3.0, -3, 2)
    for a in numbers:
        for b in numbers:
            if not (name == "pow" and isinstance(a, int) and isinstance(b, int) and b < 0):
                small.output(small.build.op(name, small.build.const(a), small.build.const(b)))
    after = _run(small)
    assert sum(1 for n in after.nodes if isinstance(n, Op) and n.name == name) <= len(small.outputs) // 2


def test_ints_do_not_wrap() -> None:
    small = Small()
    large = small.build.const(2**30)
    small.output(small.build.op("mul", large, large))
    before = small.program()
    after = run_passes(before, (fold,), verify_each=True).program
    assert counts(after)["mul"] == 1


def test_known_sizes_are_numbers_and_open_ones_are_not() -> None:
    small = Small()
    for size in (Size.of(3), Size.of("open")):
        small.output(small.build.op("extent", size=size, dtype="float"))
    after = run_passes(small.program(), (fold,), verify_each=True).program
    assert counts(after) == {"const": 1, "extent": 1}


def test_views_and_reductions_of_one_number_are_that_number() -> None:
    small = Small()
    build = small.build
    full = build.op("full", value=0.5, axes=(N, Axis("m", Size.of(2))))
    sum_ = build.op("reduce_sum", full, axes=(0,), keep=False)
    mean = build.op("reduce_mean", full, axes=(1,), keep=True)
    small.output(sum_, mean, build.op("transpose", full, perm=(1, 0)), build.op("tanh", full))
    assert counts(_run(small)) == {"full": 4}


def test_zeros_do_not_keep_what_they_are_like_alive() -> None:
    small = Small()
    x = small.sequence()
    long = small.build.op("tanh", small.build.op("exp", small.build.op("add", x, small.vector())))
    small.output(small.build.op("zeros_like", long))
    assert counts(_run(small)) == {"zeros_like": 1}


# --- views and others: (name, what builds it, what is left) --------------------------------------------------------

Make = Callable[[Builder, Value, Value, Value], Value]
M = Axis("m", Size.of(6))


def _split(build: Builder, x: Value, first: int) -> tuple[Value, ...]:
    return build.ops("split", x, axis=0, sizes=(Size.of(first), x.type.shape[0] - first))


def _clip(build: Builder, x: Value, through: bool = False) -> Value:
    return build.op("clip", x, lo=-0.1, hi=0.1, through=through)


def _zeros(build: Builder, x: Value) -> Value:
    return build.op("cumsum", build.op("zeros_like", x), axis=0, reverse=False, exclusive=False)


def _slice(build: Builder, x: Value, start: int, stop: int, axis: int = 0) -> Value:
    return build.op("slice", x, axis=axis, start=Size.of(start), stop=Size.of(stop))


def _pad(build: Builder, x: Value, before: int, after: int) -> Value:
    return build.op("pad", x, axis=0, before=Size.of(before), after=Size.of(after))


def _three_pads(build: Builder, x: Value, y: Value) -> Value:
    """The gradient of an array that was used in three slices, the middle one last."""
    low, middle, high = _slice(build, x, 0, 1), _slice(build, y, 1, 3), _slice(build, x, 3, 4)
    first = build.op("add", _pad(build, low, 0, 3), _pad(build, middle, 1, 1))
    return build.op("add", _pad(build, high, 3, 0), first)


LEFT: dict[str, tuple[Make, dict[str, int]]] = {
    "reshape to itself": (lambda b, x, y, w: b.op("reshape", x, axes=(N,)), {}),
    "reshape twice": (
        lambda b, x, y, w: b.op("reshape", b.op("reshape", w, axes=(Axis("nm", N.size * 6),)), axes=(M, N)),
        {"reshape": 1},
    ),
    "transpose by nothing": (lambda b, x, y, w: b.op("transpose", w, perm=(0, 1)), {}),
    "transpose twice": (lambda b, x, y, w: b.op("transpose", b.op("transpose", w, perm=(1, 0)), perm=(1, 0)), {}),
    "contract a transposed operand": (
        lambda b, x, y, w: b.op("contract", x, b.op("transpose", w, perm=(1, 0)), a="i", b="ji", out="j", reduce=""),
        {"contract": 1},
    ),
    "broadcast twice": (
        lambda b, x, y, w: b.op("broadcast", b.op("broadcast", b.const(0.5), axes=(N,)), axes=(N,)),
        {"full": 1},
    ),
    "sum down to itself": (lambda b, x, y, w: b.op("reduce_to", x, axes=(N,), batch=True, time=True), {}),
    "sum down twice": (
        lambda b, x, y, w: b.op(
            "reduce_to", b.op("reduce_to", x, axes=(N,), batch=True, time=False), axes=(), batch=False, time=False
        ),
        {"reduce_to": 1},
    ),
    "flip twice": (lambda b, x, y, w: b.op("flip", b.op("flip", w, axis=0), axis=0), {}),
    "flip two axes": (lambda b, x, y, w: b.op("flip", b.op("flip", w, axis=0), axis=1), {"flip": 2}),
    "slice of all": (lambda b, x, y, w: _slice(b, x, 0, 4), {}),
    "slice of slice": (lambda b, x, y, w: _slice(b, _slice(b, x, 1, 4), 1, 2), {"slice": 1}),
    "slices of two axes": (lambda b, x, y, w: _slice(b, _slice(b, w, 1, 4), 1, 2, axis=1), {"slice": 2}),
    "slice of the second part": (lambda b, x, y, w: _slice(b, b.op("concat", x, y, axis=0), 4, 8), {}),
    "slice of two of three parts": (
        lambda b, x, y, w: _slice(b, b.op("concat", x, y, x, axis=0), 4, 12),
        {"concat": 1},
    ),
    "slice across parts": (
        lambda b, x, y, w: _slice(b, b.op("concat", x, y, axis=0), 3, 5),
        {"concat": 1, "slice": 1},
    ),
    "slice of what was padded": (lambda b, x, y, w: _slice(b, _pad(b, x, 2, 1), 2, 6), {}),
    "slice with padding": (lambda b, x, y, w: _slice(b, _pad(b, x, 2, 1), 1, 6), {"pad": 1, "slice": 1}),
    "concat of split": (lambda b, x, y, w: b.op("concat", *_split(b, x, 1), axis=0), {}),
    "concat of split the other way round": (
        lambda b, x, y, w: b.op("concat", *_split(b, x, 1)[::-1], axis=0),
        {"split": 1, "concat": 1},
    ),
    "split of concat": (lambda b, x, y, w: _split(b, b.op("concat", x, y, axis=0), 4)[1], {}),
    "split elsewhere": (lambda b, x, y, w: _split(b, b.op("concat", x, y, axis=0), 1)[1], {"concat": 1, "split": 1}),
    "concat of concat": (
        lambda b, x, y, w: b.op("concat", b.op("concat", x, y, axis=0), x, axis=0),
        {"concat": 1},
    ),
    "concat of neighbours": (
        lambda b, x, y, w: b.op("concat", _slice(b, x, 0, 1), _slice(b, x, 1, 2), _slice(b, x, 2, 4), axis=0),
        {},
    ),
    "concat of strangers": (
        lambda b, x, y, w: b.op("concat", _slice(b, x, 0, 1), _slice(b, y, 1, 2), axis=0),
        {"slice": 2, "concat": 1},
    ),
    "pad with nothing": (lambda b, x, y, w: _pad(b, x, 0, 0), {}),
    "pad twice": (lambda b, x, y, w: _pad(b, _pad(b, x, 1, 0), 2, 1), {"pad": 1}),
    "sum of neighbouring pads": (lambda b, x, y, w: b.op("add", _pad(b, x, 0, 4), _pad(b, y, 4, 0)), {"concat": 1}),
    "sum of three pads": (lambda b, x, y, w: _three_pads(b, x, y), {"slice": 3, "concat": 1}),
    "sum of overlapping pads": (
        lambda b, x, y, w: b.op("add", _pad(b, x, 0, 2), _pad(b, y, 2, 0)),
        {"pad": 2, "add": 1},
    ),
    "cast to itself": (lambda b, x, y, w: b.op("cast", x, dtype="float"), {}),
    "clip of nothing": (lambda b, x, y, w: b.op("clip", x, lo=-math.inf, hi=math.inf, through=False), {}),
    "clip twice": (lambda b, x, y, w: _clip(b, _clip(b, x)), {"clip": 1}),
    "clip with other gradients": (lambda b, x, y, w: _clip(b, _clip(b, x, through=True)), {"clip": 2}),
    "views of zeros": (lambda b, x, y, w: b.op("add", y, b.op("flip", _zeros(b, x), axis=0)), {}),
}


@pytest.mark.parametrize(("make", "left"), LEFT.values(), ids=LEFT)
def test_arrangements_come_to_what_they_should(make: Make, left: dict[str, int]) -> None:
    small = Small()
    value = make(small.build, small.sequence("x"), small.sequence("y"), small.port("param", "W", N, M))
    small.output(value)
    assert counts(_run(small)) == left


def test_the_only_part_of_a_split_is_the_whole() -> None:
    small = Small()
    small.output(small.build.op("split", small.sequence(), axis=0, sizes=(N.size,)))
    assert counts(run_passes(small.program(), (fold, dce), verify_each=True).program) == {}


def test_keeping_everything_is_no_dropout() -> None:
    small = Small()
    x, y, mask = small.sequence("x"), small.sequence("y"), small.port("mask", "mask", N, batch=True)
    small.arrays["mask", "mask"] = None
    small.output(small.build.op("dropout", x, mask, keep=1.0), small.build.op("zoneout", x, y, mask, keep=1.0))
    assert counts(_run(small)) == {}


def test_masking_twice_is_masking_once() -> None:
    small = Small()
    x, lengths = small.sequence(), small.port("lengths", "lengths", batch=True)
    body, at = Builder(), element(x)
    valid = Value(lengths.type.with_(dtype=body.const(True).type.dtype), "valid")
    twice = body.op("masked", body.op("masked", at, valid), valid)
    cell = replace(loop([(x, at)], [], body, [(twice, collected(twice))]), lengths=lengths, valid=valid)
    small.build.emit(cell)
    small.output(cell.ys[0][1])
    assert counts(_run(small))["masked"] == 1


# --- loops ---------------------------------------------------------------------------------------------------------


def _state_loop(step: Callable[[Builder, Value, Value], Value], before: bool = False, lengths: bool = False) -> Small:
    """y = x + s, with a state s that starts as h."""
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    body, at, state = Builder(), element(x), Value(h.type, "s")
    y = body.op("add", at, state)
    cell = loop([(x, at)], [carry(h, state, step(body, state, h), before)], body, [(y, collected(y))])
    cell = replace(cell, lengths=small.port("lengths", "lengths", batch=True) if lengths else None, spans=span(1))
    small.build.emit(cell)
    small.output(*cell.outs)
    return small


@pytest.mark.parametrize("lengths", [False, True], ids=["whole", "lengths"])
@pytest.mark.parametrize(
    "step",
    [
        lambda b, s, h: s,
        lambda b, s, h: h,
        lambda b, s, h: b.op("mul", s, b.const(1.0)),
        lambda b, s, h: b.op("neg", b.op("neg", h)),
    ],
    ids=["kept", "initial again", "kept by algebra", "initial by algebra"],
)
def test_a_state_that_never_changes_is_no_state(step: Callable[[Builder, Value, Value], Value], lengths: bool) -> None:
    small = _state_loop(step, lengths=lengths)
    context = PassContext("fold")
    fold.run(small.program(), context)
    assert [(r.code, r.message, r.spans) for r in context.remarks] == [
        ("constant-state", "state `s` never changes", span(1))
    ]
    (cell,) = _run(small).nodes
    assert isinstance(cell, Loop)
    assert cell.carries == ()


def test_states_that_become_constant_one_after_the_other() -> None:
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    body, at = Builder(), element(x)
    a, b = Value(h.type, "a"), Value(h.type, "b")
    # b steps to a, which is always h, and b starts as h too.
    y = body.op("add", at, b)
    cell = loop([(x, at)], [carry(h, b, a), carry(h, a, a)], body, [(y, collected(y))])
    small.build.emit(cell)
    small.output(*cell.outs)
    (after,) = _run(small).nodes
    assert isinstance(after, Loop)
    assert after.carries == ()


@pytest.mark.parametrize(
    "small",
    [
        _state_loop(lambda b, s, h: s, before=True),
        _state_loop(lambda b, s, h: b.op("neg", s)),
    ],
    ids=["collected", "changing"],
)
def test_other_states_stay(small: Small) -> None:
    (cell,) = (n for n in _run(small).nodes if isinstance(n, Loop))
    assert len(cell.carries) == 1


def test_a_body_does_not_look_into_sequences_outside() -> None:
    small = Small()
    x = small.sequence()
    build = small.build
    summed = build.op("reduce_to", x, axes=(N,), batch=True, time=False)
    body, at = Builder(), element(x)
    inner = body.op("reduce_to", summed, axes=(N,), batch=False, time=False)
    y = body.op("add", at, inner)
    cell = loop([(x, at)], [], body, [(y, collected(y))])
    build.emit(cell)
    small.output(cell.ys[0][1])
    assert counts(_run(small))["reduce_to"] == 2


def test_what_is_folded_keeps_its_name_and_place() -> None:
    small = Small()
    x, y = small.sequence("x"), small.sequence("y")
    with small.build.at(span(3)):
        small.output(small.build.op("add", x, small.build.op("neg", y), hint="difference"))
    (op,) = _run(small).nodes
    assert isinstance(op, Op)
    assert (op.name, op.out.name, op.spans) == ("sub", "difference", span(3))


def test_types_of_values_stay() -> None:
    """Labels aside: the same axes, dtype and leads at every output."""
    small = Small()
    small.output(small.build.op("mul", small.sequence(), small.build.const(1.0)))
    assert [p.value.type for p in _run(small).outputs] == [Type((N,), batch=True, time=True)]
    verify(small.program())
