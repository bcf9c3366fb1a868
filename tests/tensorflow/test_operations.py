"""Every operation as TensorFlow says it, against its meaning, and TensorFlow's derivatives against rnnc's rules."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations import TABLE, Builder
from rnnc.ir.program import DType, Op, Port, Program, Value
from rnnc.ir.verifier import verify
from tests.ir.cases import CASES, ENV, SIZES, Case, as_arrays, as_program
from tests.numpy.support import agree
from tests.tensorflow.support import dense, run_program, runner, tf

# float32 has a relative precision of 6e-8; a handful of operations, some of them powers, lose two digits at most
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}


def _operation(program: Program) -> Op:
    (op,) = program.nodes
    assert isinstance(op, Op)
    return op


def _rule(program: Program, op: Op) -> Program:
    """The rule of an operation: from arguments and cotangents of the results to the arguments' cotangents."""
    b = Builder()
    b.emit(op)
    d = [Value(out.type, f"d{i}") for i, out in enumerate(op.outs)]
    derive = TABLE[op.name].derive
    assert derive is not None
    found = derive(b, op, d)
    ports = tuple(Port("cotangent", f"out{i}", v) for i, v in enumerate(d))
    outputs = tuple(Port("gradient", f"arg{i}", v) for i, v in enumerate(found) if v is not None)
    return Program("rule", (*program.inputs, *ports), tuple(b.nodes), outputs)


def _is_smooth(example: Case) -> bool:
    """Whether there is anything to differentiate."""
    floats = any(a.type.dtype is DType.FLOAT and not a.absent for a in example.args)
    outs = _operation(as_program(example, example.name)).outs
    return TABLE[example.name].derive is not None and floats and all(o.type.dtype is DType.FLOAT for o in outs)


def test_every_row_has_a_spelling() -> None:
    from rnnc.backends.tensorflow.spelling import SPELLINGS

    assert set(TABLE) == set(SPELLINGS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("example", CASES, ids=lambda c: c.label)
def test_value(example: Case, dtype: str) -> None:
    program = as_program(example, example.name)
    verify(program)
    arrays = as_arrays(example, dtype)
    agree(run_program(program, arrays, dtype, SIZES), evaluate(program, arrays, sizes=SIZES), TOLERANCE[dtype])  # type: ignore[arg-type]


@pytest.mark.parametrize("example", list(filter(_is_smooth, CASES)), ids=lambda c: c.label)
def test_derivatives_are_those_of_the_rules(example: Case) -> None:
    """Of first order; and those of second order are what TensorFlow makes of the rule's own operations."""
    program = as_program(example, example.name)
    op = _operation(program)
    rule = _rule(program, op)
    rng = np.random.default_rng(0)
    d = {("cotangent", f"out{i}"): rng.standard_normal(ENV.shape(out.type)) for i, out in enumerate(op.outs)}
    arrays = {**as_arrays(example, "float64"), **d}
    expected = {name: a for (_, name), a in evaluate(rule, arrays, sizes=SIZES).items()}  # type: ignore[arg-type]
    expected = {name: a for name, a in expected.items() if not example.args[int(name[3:])].absent}
    forward, _ = runner(program, arrays, "float64", SIZES)
    backward, tensors = runner(rule, arrays, "float64", SIZES)
    point = [tensors["tape", name] for name in expected]
    weights = {name: rng.standard_normal(a.shape) for name, a in expected.items()}
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(point)
        with tf.GradientTape() as inner:
            inner.watch(point)
            found = forward(tensors)
            loss = tf.add_n([tf.reduce_sum(found["output", name] * tensors[role, name]) for role, name in d])
        first = dict(zip(expected, dense(inner.gradient(loss, point), point), strict=True))
        totals = [
            tf.add_n([tf.zeros([], tf.float64), *(tf.reduce_sum(g[name] * w) for name, w in weights.items())])
            for g in (first, {name: g for (_, name), g in backward(tensors).items()})
        ]
    for name, reference in expected.items():
        np.testing.assert_allclose(first[name], reference, rtol=1e-9, atol=1e-9, err_msg=name)
    if example.name != "reduce_prod":  # whose rule tells zero factors apart, which TensorFlow cannot see through
        mine, ruled = (dense(outer.gradient(total, point), point) for total in totals)
        for name, a, b in zip(expected, mine, ruled, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8, err_msg=name)
