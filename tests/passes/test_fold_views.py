"""Folding of views, masks and other arrangements: what each comes to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, Value
from rnnc.ir.size import Size
from rnnc.passes.dce import dce
from rnnc.passes.fold import fold
from rnnc.passes.manager import run_passes
from tests.passes.folding import folded
from tests.support.small_programs import N, Small, collected, counts, element, loop

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
    "where of what is narrower": (
        lambda b, x, y, w: b.op("where", b.const(True), b.op("reduce_sum", x, axes=(0,), keep=True), y),
        {"reduce_sum": 1, "broadcast": 1},
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
    assert counts(folded(small)) == left


def test_the_only_part_of_a_split_is_the_whole() -> None:
    small = Small()
    small.output(small.build.op("split", small.sequence(), axis=0, sizes=(N.size,)))
    assert counts(run_passes(small.program(), (fold, dce), verify_each=True).program) == {}


def test_keeping_everything_is_no_dropout() -> None:
    small = Small()
    x, y, mask = small.sequence("x"), small.sequence("y"), small.port("mask", "mask", N, batch=True)
    small.arrays["mask", "mask"] = None
    small.output(small.build.op("dropout", x, mask, keep=1.0), small.build.op("zoneout", x, y, mask, keep=1.0))
    assert counts(folded(small)) == {}


def test_masking_twice_is_masking_once() -> None:
    small = Small()
    x, lengths = small.sequence(), small.port("lengths", "lengths", batch=True)
    body, at = Builder(), element(x)
    valid = Value(lengths.type.with_(dtype=body.const(True).type.dtype), "valid")
    twice = body.op("masked", body.op("masked", at, valid), valid)
    cell = replace(loop([(x, at)], [], body, [(twice, collected(twice))]), lengths=lengths, valid=valid)
    small.build.emit(cell)
    small.output(cell.ys[0][1])
    assert counts(folded(small))["masked"] == 1
