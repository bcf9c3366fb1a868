"""Who runs in the comparison of TensorFlow cells: the generated module, tf.nn.dynamic_rnn(LSTMCell), a loop whose input
product was taken out by hand, Keras 3.

All have the same weights and the same input, time-major (Keras: batch-major, which is its own way), and start from a
zero state. Each is a tf.function, with XLA or without; training takes the gradients of all weights and of the input.
Import this with TF_USE_LEGACY_KERAS=1 in the environment: tf.nn.rnn_cell needs it; the package keras stays Keras 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as current
import tensorflow.compat.v1 as tf

from contenders import Case, Contender, named
from plain import Array, Weights

ORDERS = {"dynamic_rnn": (0, 2, 1, 3), "keras LSTM": (0, 1, 2, 3), "keras GRU": (1, 0, 2)}  # of gates: i f j o; r u n


@dataclass(frozen=True)
class Peer:
    """A layer: outputs from an input, its variables, and their gradients in the form that all contenders share."""

    name: str
    call: Callable[[Any], Any]
    variables: Sequence[Any]
    gathered: Callable[[Sequence[Array]], Weights]
    batch_major: bool = False


def peers(case: Case, module: ModuleType) -> list[Peer]:
    """The generated module first. tf.nn has no GRU that resets after the product."""
    found = [generated(case, module), generated(case, module, own=False)]
    return [*found, *([dynamic_rnn(case), by_hand(case)] if case.kind.name == "LSTM" else []), keras_layer(case)]


def generated(case: Case, module: ModuleType, *, own: bool = True) -> Peer:
    """The generated module with rnnc's derivatives or TensorFlow's."""
    variables = {name: current.Variable(array) for name, array in case.params.items()}

    def call(x: Any) -> Any:
        return module.forward(variables, x, time_major=True, custom_gradient=own)[0]

    def gathered(arrays: Sequence[Array]) -> Weights:
        return case.concatenate(dict(zip(variables, arrays, strict=True)))

    return Peer("rnnc" if own else "rnnc, TF's gradient", call, list(variables.values()), gathered)


def dynamic_rnn(case: Case) -> Peer:
    """tf.nn.dynamic_rnn over tf.nn.rnn_cell.LSTMCell."""
    units, inputs, weights = case.shape.units, case.shape.input, case.concatenate(case.params)
    cell = tf.nn.rnn_cell.LSTMCell(units, forget_bias=case.kind.offset[1])
    cell.build(tf.TensorShape([None, inputs]))
    order = ORDERS["dynamic_rnn"]
    kernel = np.concatenate([_ordered(weights.x, order), _ordered(weights.h, order)])
    for variable, array in zip(cell.variables, (kernel, _ordered(weights.b, order)), strict=True):
        variable.assign(array)

    def gathered(arrays: Sequence[Array]) -> Weights:
        kernel, bias = (_ordered(array, order) for array in arrays)  # the order is its own inverse
        return Weights(kernel[:inputs], kernel[inputs:], bias, np.zeros_like(bias))

    def call(x: Any) -> Any:
        return tf.nn.dynamic_rnn(cell, x, dtype=x.dtype, time_major=True)[0]

    return Peer("dynamic_rnn", call, cell.variables, gathered)


def by_hand(case: Case) -> Peer:
    """The loop that somebody writes who takes the input product of an LSTM out of it."""
    weights, (time, batch, inputs, units) = case.weights(), case.shape
    x_weight, h_weight, bias = map(current.Variable, (weights.x, weights.h, weights.b))

    def call(x: Any) -> Any:
        products = tf.reshape(tf.nn.bias_add(tf.matmul(tf.reshape(x, [-1, inputs]), x_weight), bias), [time, batch, -1])
        read = tf.TensorArray(x.dtype, time).unstack(products)
        recurrent = tf.convert_to_tensor(h_weight)

        def step(t: Any, c: Any, h: Any, outputs: Any) -> Any:
            i, f, j, o = tf.split(read.read(t) + tf.matmul(h, recurrent), 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(j)
            h = tf.sigmoid(o) * tf.tanh(c)
            return t + 1, c, h, outputs.write(t, h)

        zeros = tf.zeros([batch, units], x.dtype)
        start = (0, zeros, zeros, tf.TensorArray(x.dtype, time))
        return tf.while_loop(lambda t, *_: t < time, step, start, maximum_iterations=time)[3].stack()

    def gathered(arrays: Sequence[Array]) -> Weights:
        x, h, b = arrays
        return Weights(x, h, b, np.zeros_like(b))

    return Peer("by hand", call, [x_weight, h_weight, bias], gathered)


def keras_layer(case: Case) -> Peer:
    """keras.layers.LSTM or keras.layers.GRU."""
    weights, kind = case.weights(), case.kind.name
    order = ORDERS[f"keras {kind}"]
    layer = getattr(keras.layers, kind)(case.shape.units, return_sequences=True)
    layer.build((None, None, case.shape.input))
    x, h, b, bh = (_ordered(array, order) for array in weights)
    layer.set_weights([x, h, b if kind == "LSTM" else np.stack([b, bh])])

    def gathered(arrays: Sequence[Array]) -> Weights:
        x, h, b = (_ordered(array, order) for array in arrays)  # the order is its own inverse
        return Weights(x, h, *((b, np.zeros_like(b)) if kind == "LSTM" else b))

    return Peer(f"Keras {kind}", layer, [v.value for v in layer.trainable_variables], gathered, batch_major=True)


def contender(case: Case, peer: Peer, *, xla: bool) -> Contender:
    """A peer as functions of TensorFlow, which are traced at their first call."""

    def entered(array: Array) -> Any:
        return tf.constant(np.ascontiguousarray(array.swapaxes(0, 1)) if peer.batch_major else array)

    x, d_outputs = entered(case.x), entered(case.d_outputs)

    def train(x: Any, d_outputs: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = peer.call(x)
            loss = tf.reduce_sum(outputs * d_outputs)
        return outputs, tape.gradient(loss, [x, *peer.variables])

    def left(tensor: Any) -> Array:
        return tensor.numpy().swapaxes(0, 1) if peer.batch_major else tensor.numpy()

    def gradients(found: Any) -> dict[str, Array]:
        outputs, (d_x, *d_weights) = found
        return named(case, left(outputs), left(d_x), peer.gathered([d.numpy() for d in d_weights]))

    forward = current.function(peer.call, jit_compile=xla, autograph=False)
    trained = current.function(train, jit_compile=xla, autograph=False)
    name = peer.name + (" + XLA" if xla else "")
    return Contender(name, lambda: forward(x), lambda: trained(x, d_outputs), lambda y: {"outputs": left(y)}, gradients)


def _ordered(array: Array, order: Sequence[int]) -> Array:
    """The gates of the last axis in another order."""
    gates = np.split(array, len(order), axis=-1)
    return np.concatenate([gates[place] for place in order], axis=-1)
