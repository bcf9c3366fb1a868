"""Small models for tests of this package: only what a comparison reads of them (no programs)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rnnc.ir.layout import Cat, ForeignArray, Leaf, WeightLayout
from rnnc.ir.model import Initialiser, MaskInfo, Model, ParameterInfo, PortInfo
from rnnc.ir.operations import Builder
from rnnc.ir.program import NO_SPANS, Axis, Carry, DType, Loop, Port, Program, Type, Value
from rnnc.ir.size import Size
from rnnc.verify.arrays import Arrays
from rnnc.verify.running.runner import Call, Gradients, Results

INPUT, UNITS = Size.of("input"), Size.of("units")


def parameter(name: str, *shape: Size, trained: bool = True) -> ParameterInfo:
    axes = tuple(Axis(str(size), size) for size in shape)
    return ParameterInfo(name, axes, Initialiser("zeros"), trained, NO_SPANS)


def port(name: str, *shape: Size, sequence: bool = True, dtype: DType = DType.FLOAT) -> PortInfo:
    return PortInfo(name, Type(tuple(Axis(str(s), s) for s in shape), dtype, batch=True), NO_SPANS, sequence)


def foreign(name: str, value: object, *shape: Size | int) -> ForeignArray:
    return ForeignArray(name, value, tuple(Size.of(s) for s in shape))  # type: ignore[arg-type]


def layout(*arrays: ForeignArray, **fields: object) -> WeightLayout:
    given: dict[str, object] = {
        "name": "tf", "missing": (), "states": (), "inputs": (), "outputs": (), "masks": (), "options": (), **fields,
    }  # fmt: skip
    return WeightLayout(arrays=tuple(arrays), **given)  # type: ignore[arg-type]


def model(
    *parameters: ParameterInfo,
    inputs: tuple[PortInfo, ...] = (),
    states: tuple[PortInfo, ...] = (),
    outputs: tuple[PortInfo, ...] = (),
    masks: tuple[MaskInfo, ...] = (),
    layouts: tuple[WeightLayout, ...] = (),
    sizes: tuple[str, ...] = ("input", "units"),
) -> Model:
    return Model(
        "Test", "cell", "", Program("forward", (), (), ()), None, "none is built", parameters, inputs, states, outputs,
        (), masks, layouts, (), sizes,
    )  # fmt: skip


def basic_rnn() -> Model:
    """h' = act([x, h] @ kernel + bias), with TensorFlow's names."""
    kernel = Cat(0, (Leaf("h'.x"), Leaf("h'.h")))
    return model(
        parameter("h'.x", INPUT, UNITS),
        parameter("h'.h", UNITS, UNITS),
        parameter("h'.bias", UNITS),
        inputs=(port("x", INPUT),),
        states=(port("h", UNITS),),
        outputs=(port("y", UNITS),),
        layouts=(
            layout(
                foreign("basic_rnn_cell/kernel", kernel, INPUT + UNITS, UNITS),
                foreign("basic_rnn_cell/bias", Leaf("h'.bias"), UNITS),
                states=("h",),
                inputs=("x",),
                outputs=("y",),
            ),
        ),
    )


class BasicRNN:
    """Runs `basic_rnn()` with tanh, by hand."""

    def from_layout(self, name: str, arrays: Arrays) -> Arrays:
        assert name == "tf"
        kernel, bias = arrays["basic_rnn_cell/kernel"], arrays["basic_rnn_cell/bias"]
        return {"h'.x": kernel[: -len(bias)], "h'.h": kernel[-len(bias) :], "h'.bias": bias}

    def grads_to_layout(self, name: str, params: Arrays, gradients: Arrays) -> Arrays:
        assert name == "tf"
        assert gradients.keys() == params.keys()
        kernel = np.concatenate([gradients["h'.x"], gradients["h'.h"]])
        return {"basic_rnn_cell/kernel": kernel, "basic_rnn_cell/bias": gradients["h'.bias"]}

    def forward(self, call: Call) -> Results:
        return self.forward_train(call)[0]

    def step(self, call: Call) -> Results:
        results = self.forward(call.with_(inputs={"x": call.inputs["x"][np.newaxis]}))
        return Results({"y": results.outputs["y"][0]}, results.state)

    def valid(self, call: Call) -> np.ndarray:
        """Steps before a row's end: [time, batch, 1]."""
        steps, batch = call.inputs["x"].shape[:2]
        lengths = np.full(batch, steps) if call.lengths is None else call.lengths
        return (np.arange(steps)[:, np.newaxis] < lengths)[:, :, np.newaxis]

    def forward_train(self, call: Call) -> tuple[Results, list[np.ndarray]]:
        x, p, valid = call.inputs["x"], call.params, self.valid(call)
        h = [np.zeros((x.shape[1], len(p["h'.bias"]))) if call.state is None else call.state["h"]]
        y = []
        for t, step in enumerate(x):
            new = np.tanh(step @ p["h'.x"] + h[-1] @ p["h'.h"] + p["h'.bias"])
            y.append(new * valid[t])
            h.append(np.where(valid[t], new, h[-1]))
        return Results({"y": np.stack(y)}, {"h": h[-1]}), h

    def backward(
        self, call: Call, tape: list[np.ndarray], d_outputs: dict[str, np.ndarray], d_state: dict[str, np.ndarray]
    ) -> Gradients:
        x, p, valid = call.inputs["x"], call.params, self.valid(call)
        d_params = {name: np.zeros_like(value) for name, value in p.items()}
        d_x, d_h = np.zeros_like(x), d_state["h"]
        for t in reversed(range(len(x))):
            d_z = (d_h + d_outputs["y"][t]) * (1 - tape[t + 1] ** 2) * valid[t]
            d_params["h'.x"] += np.where(valid[t], x[t], 0).T @ d_z
            d_params["h'.h"] += tape[t].T @ d_z
            d_params["h'.bias"] += d_z.sum(0)
            d_x[t], d_h = d_z @ p["h'.x"].T, np.where(valid[t], d_z @ p["h'.h"].T, d_h)
        return Gradients({"x": d_x}, {"h": d_h}, d_params)


def simple_loop(clip: float | None = None, freeze: bool = False) -> Model:
    """s' = clip(sigmoid(x * w + s) * s, passing) [* stop_gradient(s)], with programs; one output, s'."""
    axes = (Axis("units", UNITS),)
    sequence, state = Type(axes, batch=True, time=True), Type(axes, batch=True)
    w, x, s0 = Value(Type(axes), "w"), Value(sequence, "x"), Value(state, "s")
    lengths = Value(Type((), DType.INT, batch=True), "lengths")
    body = Builder()
    x_t, s = Value(state, "x"), Value(state, "s")
    new = body.op("mul", body.op("sigmoid", body.op("add", body.op("mul", x_t, w), s)), s)
    if clip is not None:
        new = body.op("clip", new, lo=-clip, hi=clip, through=True)
    if freeze:
        new = body.op("add", new, body.op("mul", x_t, body.op("stop_gradient", s)))
    start = Builder()
    default = start.op("default", s0, start.zeros(Type(axes)))
    final, ys = Value(state, "final"), Value(sequence, "y")
    loop = Loop(((x, x_t),), (Carry(default, s, new, final),), tuple(body.nodes), ((new, ys),), lengths=lengths)
    forward = Program(
        "forward",
        (Port("param", "w", w), Port("input", "x", x), Port("state", "s", s0), Port("lengths", "lengths", lengths)),
        (*start.nodes, loop),
        (Port("output", "y", ys), Port("state", "s", final)),
    )
    described = model(
        parameter("w", UNITS),
        inputs=(port("x", UNITS),),
        states=(port("s", UNITS),),
        outputs=(port("y", UNITS),),
        sizes=("units",),
    )
    return replace(described, forward=forward)
