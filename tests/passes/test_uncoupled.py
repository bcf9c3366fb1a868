"""Axes that nothing in a step couples: found where they are, and nowhere else."""

from __future__ import annotations

import pytest

from rnnc.compiler import compile_source
from rnnc.ir.program import Loop
from rnnc.passes.analysis.uncoupled import leading, uncoupled
from rnnc.syntax.source import Source

MATRIX = "cell C {\n input x[input]\n k = linear(x, out = [key])\n v = linear(x, out = [value])\n"
HEADS = "cell C {\n input x[input]\n state h[head: 3, unit: 4]\n z = linear(x, out = [head, unit])\n"
# A cell, and the axes of its first state that nothing couples, in the forward loop and in the backward one.
CELLS: dict[str, tuple[str, set[str], set[str]]] = {
    "block-diagonal": (HEADS + " h' = tanh(z + linear(h, per = head) as rec)\n output h'\n}", {"head"}, {"head"}),
    "elementwise": (HEADS + " h' = tanh(z + h)\n output h'\n}", {"head", "unit"}, {"head", "unit"}),
    "rows of a matrix": (
        MATRIX + " state S[value: 4, key: 5]\n S' = S + outer(v - contract(S, k, over = key), k)\n"
        " output contract(S', k, over = key)\n}",
        {"value"},
        set(),  # the cotangent of the key is a sum over rows
    ),
    "columns of a matrix": (
        MATRIX + " state S[key: 5, value: 4]\n S' = S + outer(k, v - contract(S, k, over = key))\n"
        " output contract(S', k, over = key)\n}",
        {"value"},
        set(),
    ),
    "dense": ("cell C {\n input x[input]\n state h[unit: 4]\n h' = tanh(linear(x, h))\n output h'\n}", set(), set()),
    "a norm across heads": (HEADS + " h' = tanh(z + h - mean(h, head))\n output h'\n}", {"unit"}, {"unit"}),
    "a softmax across heads": (HEADS + " h' = softmax(z + h, head)\n output h'\n}", {"unit"}, {"unit"}),
    "a mixing product": (
        HEADS + " param M[head: 3, other: 3]\n r = relabel(h, other: 3, unit: 4)\n"
        " h' = tanh(z + contract(M, r, over = other))\n output h'\n}",
        {"unit"},
        {"unit"},
    ),
    "a shift along units": (
        HEADS + " h' = tanh(z + concat(h[unit = 1:4], h[unit = 0:1], axis = unit))\n output h'\n}",
        {"head"},
        {"head"},
    ),
    "a slice that all heads read": (
        HEADS + " first = sum(h[head = 0:1], head)\n h' = tanh(z + h * first)\n output h'\n}",
        {"unit"},
        {"unit"},
    ),
    "turned around": (HEADS + " h' = tanh(z + flip(h, head))\n output h'\n}", {"unit"}, {"unit"}),
    "a state that heads share": (
        HEADS + " state m[unit: 4]\n m' = tanh(m + sum(z, head))\n h' = tanh(z + h * m)\n output h'\n}",
        {"unit"},
        {"unit"},
    ),
    "a matrix of one vector": (
        HEADS + " state A[to: 12, from: 12]\n m = merge(h, [head, unit])\n"
        " A' = tanh(A + outer(relabel(m, to: 12), relabel(m, from: 12)))\n h' = tanh(h + z)\n output h', A'\n}",
        set(),
        set(),
    ),
}


def only_loop(cell: str, program: str) -> Loop:
    unit = compile_source(Source("cell.rnn", CELLS[cell][0]), None, {"input": 4}).unit
    (loop,) = (node for node in getattr(unit, program).nodes if isinstance(node, Loop))
    return loop


@pytest.mark.parametrize("program", ["forward", "backward"])
@pytest.mark.parametrize("cell", CELLS)
def test_what_is_not_coupled_is_found(cell: str, program: str) -> None:
    loop = only_loop(cell, program)
    state = loop.carries[0].param
    found = {state.type.axes[axis[state]].label for axis in uncoupled(loop)}
    assert found == CELLS[cell][1 if program == "forward" else 2]


def test_only_axes_in_front_lead() -> None:
    assert [axis.label for axis in leading(only_loop("elementwise", "forward"))] == ["head", "unit"]
    assert [axis.label for axis in leading(only_loop("rows of a matrix", "forward"))] == ["value"]
    assert leading(only_loop("columns of a matrix", "forward")) == ()
    assert leading(only_loop("a norm across heads", "forward")) == ()
