"""Random networks of random loops: gradients are slopes along random directions, and the same for every `save`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnc.autodiff import differentiate
from rnnc.ir.operations import Builder
from rnnc.ir.program import Program, Value
from rnnc.ir.size import Size
from tests.autodiff.harness import STEP, case
from tests.autodiff.networks import Net, linear, mul

UNARY = ("tanh", "sigmoid", "sin", "neg", "square", "softplus", "exp")
BINARY = ("add", "sub", "mul")
VIEWS = ("halves", "flip", "softmax", "mean")


def _grown(draw: st.DrawFn, b: Builder, values: list[Value], weights: list[Value], count: int) -> None:
    """Append random operations on values of size 2, each bounded so that nothing grows without end."""
    for _ in range(count):
        one, two = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        kind = draw(st.sampled_from((*UNARY, *BINARY, *VIEWS, "linear", "where")))
        if kind in UNARY:
            new = b.op(kind, one)
        elif kind in BINARY:
            new = b.op(kind, one, two)
        elif kind == "linear":
            new = linear(b, one, draw(st.sampled_from(weights)))
        elif kind == "where":
            new = b.op("where", b.op("gt", one, b.const(0.05)), two, b.op("neg", one))
        elif kind == "softmax":
            new = b.op("softmax", one, axis=0)
        elif kind == "flip":
            new = b.op("flip", one, axis=0)
        elif kind == "mean":
            new = mul(b, two, b.op("reduce_mean", one, axes=(0,), keep=True))
        else:
            left, right = b.ops("split", one, axis=0, sizes=(Size.of(1),) * 2)
            new = b.op("concat", right, left, axis=0)
        values.append(b.op("tanh", new) if kind in ("exp", "square", "mul", "linear") else new)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    net = Net("random")
    lengths = net.lengths() if draw(st.booleans()) else None
    weights = [net.param(f"W{n}", 2, 2) for n in range(2)]
    bias = net.param("b", 2)
    sequences = [net.input("x", 2)]
    contexts = [net.state("context", 2), bias]
    for layer in range(draw(st.integers(1, 2))):
        _grown(draw, net.b, sequences, weights, draw(st.integers(0, 2)))
        inits = [net.state(f"s{layer}{n}", 2) for n in range(draw(st.integers(1, 2)))]
        if draw(st.booleans()):
            inits[0] = bias

        def step(b: Builder, xs: list[Value], carries: list[Value]):
            values = [*xs, *carries, *contexts]
            _grown(draw, b, values, weights, draw(st.integers(2, 7)))
            # A carry has a batch whatever it is computed from, hence the sum with an element.
            nexts = [b.op("tanh", b.op("add", draw(st.sampled_from(values[-3:])), xs[0])) for _ in carries]
            return nexts, [b.op("add", values[-1], xs[0]), nexts[0]]

        chosen = [draw(st.sampled_from(sequences)) for _ in range(2)]
        out = net.loop(step, chosen, inits, lengths=lengths, reverse=draw(st.booleans()))
        sequences += out.ys
        for n, final in enumerate(out.finals):
            net.final(f"s{layer}{n}", final)
    for n, seq in enumerate(sequences[-2:]):
        net.output(f"y{n}", seq)
    return net.program()


@settings(max_examples=max(5, settings.default.max_examples * 4 // 5))
@given(program=programs(), seed=st.integers(0, 1000), every=st.integers(1, 6))
def test_random_programs(program: Program, seed: int, every: int) -> None:
    subject = case(program, time=4, lengths=(4, 0, 2), seed=seed)
    if not program.inputs_of("lengths"):
        subject = case(program, time=4, lengths=None, seed=seed)
    rng = np.random.default_rng(seed)
    found = subject.gradients(differentiate(program, "all"))
    directions = {source: rng.standard_normal(array.shape) for source, array in found.items()}

    def moved(step: float) -> float:
        arrays = dict(subject.arrays)
        for source, direction in directions.items():
            role, name = source.split(":", 1)
            arrays[role, name] = arrays[role, name] + step * direction
        return subject.loss(arrays)

    # Where a `where` switches within a step, the difference of a wide and of a narrow one disagree.
    wide, narrow = ((moved(s) - moved(-s)) / (2 * s) for s in (STEP, STEP / 2))
    if abs(wide - narrow) <= 1e-6 * max(1.0, abs(wide)):
        slope = sum(float(np.sum(found[source] * direction)) for source, direction in directions.items())
        assert slope == pytest.approx(wide, rel=1e-5, abs=1e-6)
    for save in ("states", every):
        again = subject.gradients(differentiate(program, save))
        for source, array in found.items():
            np.testing.assert_allclose(again[source], array, rtol=1e-9, atol=1e-11, err_msg=f"{save} {source}")
