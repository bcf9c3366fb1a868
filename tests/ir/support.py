"""Running single operations and their derivatives on arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnc.ir.operations import TABLE, Builder, Env
from rnnc.ir.program import DType, Node, Op, Type, Value


def build(name: str, types: Sequence[Type], attrs: Mapping[str, object]) -> Op:
    """The operation on fresh values of these types."""
    builder = Builder()
    builder.ops(name, *(Value(t, f"arg{i}") for i, t in enumerate(types)), **attrs)
    (node,) = builder.nodes
    assert isinstance(node, Op)
    return node


def evaluate_op(op: Op, args: Sequence[np.ndarray | None], env: Env) -> tuple[np.ndarray, ...]:
    """Its outputs, always as a tuple."""
    found = TABLE[op.name].evaluate(op, args, env)
    return found if len(op.outs) > 1 else (found,)


def run(nodes: Sequence[Node], values: dict[Value, np.ndarray | None], env: Env) -> None:
    """Evaluate operations in order; checks that every result has the shape and dtype that its type says."""
    for op in nodes:
        assert isinstance(op, Op)
        for out, array in zip(op.outs, evaluate_op(op, [values[a] for a in op.args], env), strict=True):
            assert_typed(array, out.type, env)
            values[out] = array


def assert_typed(array: np.ndarray, type: Type, env: Env) -> None:
    assert isinstance(array, np.ndarray)
    assert array.shape == env.shape(type)
    assert array.dtype == env.dtype(type.dtype)


def cotangents(op: Op, env: Env, seed: int = 0) -> list[np.ndarray | None]:
    """Random ones for the float outputs."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=env.shape(o.type)) if o.type.dtype is DType.FLOAT else None for o in op.outs]


def derivatives(
    op: Op, args: Sequence[np.ndarray | None], d_outs: Sequence[np.ndarray | None], env: Env
) -> list[np.ndarray | None]:
    """What the operation's `derive` builds, evaluated."""
    derive = TABLE[op.name].derive
    assert derive is not None
    builder = Builder()
    d_values = [None if d is None else Value(o.type, "d") for d, o in zip(d_outs, op.outs, strict=True)]
    d_args = derive(builder, op, d_values)
    assert len(d_args) == len(op.args)
    values: dict[Value, np.ndarray | None] = dict(zip(op.args, args, strict=True))
    values |= dict(zip(op.outs, evaluate_op(op, args, env), strict=True))
    values |= {v: d for v, d in zip(d_values, d_outs, strict=True) if v is not None}
    run(builder.nodes, values, env)
    for d, arg in zip(d_args, op.args, strict=True):
        if d is not None:
            assert d.type == arg.type
    return [None if d is None else values[d] for d in d_args]


def differences(
    op: Op, args: Sequence[np.ndarray | None], position: int, d_outs: Sequence[np.ndarray | None], env: Env
) -> np.ndarray:
    """The gradient of the sum of d·out for one argument, by central differences."""
    step = 1e-6

    def total(array: np.ndarray) -> float:
        outs = evaluate_op(op, [*args[:position], array, *args[position + 1 :]], env)
        return sum(float(np.sum(d * out)) for d, out in zip(d_outs, outs, strict=True) if d is not None)

    point = args[position]
    assert point is not None
    gradient = np.zeros_like(point)
    for place in np.ndindex(point.shape):
        moved = point.copy()
        moved[place] = point[place] + step
        above = total(moved)
        moved[place] = point[place] - step
        gradient[place] = (above - total(moved)) / (2 * step)
    return gradient
