"""Derivatives of tanh and sigmoid as one operation each: where a product is one, and where it only looks like it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import rnnc
from rnnc.ir.operations import Builder
from rnnc.ir.program import Value
from tests.support import judging
from tests.support.small_programs import Small
from tests.tensorflow.support import run_program, text_of, tf

TANH, SIGMOID = "tf.raw_ops.TanhGrad", "tf.raw_ops.SigmoidGrad"
Make = Callable[[Builder, Value, Value, Value], tuple[Value, ...]]


def of_tanh(b: Builder, y: Value) -> Value:
    return b.op("sub", b.const(1.0), b.op("mul", y, y))


def of_sigmoid(b: Builder, y: Value) -> Value:
    return b.op("sub", y, b.op("mul", y, y))


def product(b: Builder, x: Value, y: Value, v: Value) -> tuple[Value, ...]:
    return b.op("mul", x, of_tanh(b, y)), b.op("mul", of_sigmoid(b, y), x)


def side_by_side(b: Builder, x: Value, y: Value, v: Value) -> tuple[Value, ...]:
    ds, factors = (x, y, x), (of_tanh(b, y), of_sigmoid(b, x), of_tanh(b, x))
    return (b.op("mul", b.op("concat", *ds, axis=0), b.op("concat", *factors, axis=0)),)


def of_another(b: Builder, x: Value, y: Value, v: Value) -> tuple[Value, ...]:
    """The square of one value, taken from another one; from another number than one."""
    return (
        b.op("mul", x, b.op("sub", x, b.op("mul", y, y))),
        b.op("mul", x, b.op("sub", b.const(2.0), b.op("mul", y, y))),
        b.op("mul", x, b.op("sub", b.const(1.0), b.op("mul", y, x))),
    )


def read_twice(b: Builder, x: Value, y: Value, v: Value) -> tuple[Value, ...]:
    factor = of_tanh(b, y)
    return b.op("mul", x, factor), factor


def smaller(b: Builder, x: Value, y: Value, v: Value) -> tuple[Value, ...]:
    """A factor that has no rows."""
    return b.op("mul", x, of_tanh(b, v)), b.op("mul", v, of_sigmoid(b, y))


def one_that_is_none(b: Builder, x: Value, y: Value, v: Value) -> tuple[Value, ...]:
    """Of two factors side by side one is no derivative; and two that do not meet."""
    pair = b.op("concat", of_tanh(b, y), x, axis=0)
    other = b.op("concat", of_tanh(b, b.op("concat", x, y, axis=0)), of_tanh(b, x), axis=0)
    return b.op("mul", b.op("concat", x, y, axis=0), pair), b.op("mul", b.op("concat", x, y, x, axis=0), other)


CASES: dict[Make, tuple[int, int]] = {
    product: (1, 1),
    side_by_side: (2, 1),
    of_another: (0, 0),
    read_twice: (0, 0),
    smaller: (0, 0),
    one_that_is_none: (0, 0),
}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_products(make: Make) -> None:
    small = Small()
    x, y, v = small.sequence("x"), small.sequence("y"), small.vector("v")
    small.output(*make(small.build, x, y, v))
    program = small.program()
    text = text_of(program)
    assert (text.count(TANH), text.count(SIGMOID)) == CASES[make]
    judging.judged(program, small.arrays, lambda given: run_program(program, given))


GATED = """
cell Gated(units) {
  input x[input]
  state h[units]
  param p[units] = uniform(-1, 1), q[] = 0.3
  gate z = sigmoid(linear(x, h))
  h' = sigmoid(p) * z * h + (1 - tanh(p)) * sigmoid(q) * tanh(linear(x))
  output h'
}
"""


@pytest.mark.parametrize("save", ["all", "states", "every=2"])
def test_slopes_of_parameters_are_taken_where_the_products_are(save: str) -> None:
    """Squares and differences depend on parameters alone, and the products that need none of them do not."""
    numpy, module = (rnnc.compile(GATED, target=target, units=3, save=save) for target in ("numpy", "tf"))
    params = numpy.init_params(seed=1, dtype="float64", input=2)
    x = np.random.default_rng(2).normal(size=(2, 5, 2))
    outputs, _, tape = numpy.forward_train(params, x)
    wanted = numpy.backward(params, tape, 2 * outputs)["params"]
    tensors = {name: tf.constant(array) for name, array in params.items()}
    with tf.GradientTape() as recorded:
        recorded.watch(tensors)
        loss = tf.reduce_sum(module.forward(tensors, tf.constant(x))[0] ** 2)
    for name, found in recorded.gradient(loss, tensors).items():
        np.testing.assert_allclose(found, wanted[name], rtol=1e-10, atol=1e-12, err_msg=name)
