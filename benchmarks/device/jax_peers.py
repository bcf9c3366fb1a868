"""JAX on the same card: `lax.scan` of plain steps, and its binding of cuDNN's LSTM. It has streams of its own, so that
only wall time is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.device.case import Case, Contender, Mode, NotThere
from benchmarks.device.rounding import is_asked_for, stored
from benchmarks.device.steps import PLAIN, State


def _jax() -> Any:
    """The library, which rounds where the row says so. Raises NotThere."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # others need memory too
    try:
        import jax
    except ImportError:
        raise NotThere("JAX is not installed") from None
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if is_asked_for() else "highest")
    return jax


def on_card(jax: Any) -> None:
    """Raises NotThere where JAX would take the CPU."""
    if jax.default_backend() != "gpu":
        raise NotThere("this JAX has no GPU")


class _JaxOps:
    """As `steps.py` wants them."""

    def __init__(self, jax: Any) -> None:
        self.sigmoid, self.log_sigmoid = jax.nn.sigmoid, jax.nn.log_sigmoid
        self.tanh, self.exp, self.maximum = jax.numpy.tanh, jax.numpy.exp, jax.numpy.maximum
        self._split, self._mean = jax.numpy.split, jax.numpy.mean

    def split(self, x: Any, parts: int) -> Any:
        return self._split(x, parts, axis=-1)

    def mean(self, x: Any) -> Any:
        return self._mean(x, axis=-1, keepdims=True)


def scan(case: Case) -> Contender:
    """`lax.scan`, compiled."""
    jax, row = _jax(), case.row
    if row.cell not in PLAIN or row.layers > 1 or row.both:
        raise NotThere("its loop is not written")
    on_card(jax)
    plain, ops = PLAIN[row.cell], _JaxOps(jax)
    weights = {name: _array(jax, case, array) for name, array in plain.weights(case.params).items()}

    def run(given: Any, w: Any) -> Any:
        z = given @ w["x"] + w["b"]
        state: State = (jax.numpy.zeros((row.batch, row.units), z.dtype),) * plain.states
        return jax.lax.scan(lambda s, z_t: plain.step(ops, z_t, s, w), state, z)[1]

    return _contender("jax.lax.scan", jax, case, run, weights)


def cudnn(case: Case) -> Contender:
    """`jax.experimental.rnn`, whose weights are PyTorch's, one after the other: matrices first."""
    jax, row = _jax(), case.row
    if row.cell != "LSTM":
        raise NotThere("JAX has cuDNN's LSTM only")
    on_card(jax)
    from jax.experimental import rnn

    named = {n: np.array(case.arrays.asnumpy(a)) for n, a in case.module.to_layout("torch", case.params).items()}
    matrices = [array.ravel() for name, array in named.items() if name.startswith("weight")]
    biases = [array.ravel() for name, array in named.items() if name.startswith("bias")]
    weights = _array(jax, case, np.concatenate([*matrices, *biases]))
    lengths = jax.numpy.full((row.batch,), row.time, dtype=jax.numpy.int32)
    state = jax.numpy.zeros((row.layers * (1 + row.both), row.batch, row.units), weights.dtype)

    def run(given: Any, w: Any) -> Any:
        found = rnn.lstm(
            given.swapaxes(0, 1), state, state, w, lengths, row.input, row.units, row.layers, 0.0, row.both
        )
        return found[0].swapaxes(0, 1)

    return _contender("jax (cuDNN)", jax, case, run, weights)


def _contender(name: str, jax: Any, case: Case, run: Callable[[Any, Any], Any], weights: Any) -> Contender:
    host = case.arrays.asnumpy
    x, d_outputs = _array(jax, case, host(case.x)), _array(jax, case, host(case.d_outputs))

    def pulled(given: Any, w: Any, d: Any) -> Any:
        outputs, back = jax.vjp(run, given, w)
        return outputs, back(d)

    ready, training = jax.jit(run), jax.jit(pulled)

    def results(mode: Mode, found: Any) -> dict[str, Any]:
        arrays = {"outputs": found} if mode == "forward" else {"outputs": found[0], "x": found[1][0]}
        return {key: np.asarray(array.astype("float32"), np.float64) for key, array in arrays.items()}

    return Contender(
        name,
        lambda: jax.block_until_ready(ready(x, weights)),
        lambda: jax.block_until_ready(training(x, weights, d_outputs)),
        results,
        "jax",
    )


def _array(jax: Any, case: Case, array: Any) -> Any:
    return jax.numpy.asarray(array, dtype=stored(case.row.dtype))
