"""Who runs in the comparison: the generated module, the tutorial's loop, the bare matrix products, PyTorch.

Every contender has the same weights and the same time-major input, and starts from a zero state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from plain import Array, PlainCell, PlainGRU, PlainLSTM, Weights


class Shape(NamedTuple):
    time: int
    batch: int
    input: int
    units: int


@dataclass(frozen=True)
class Kind:
    """A cell: where its description is, the plain form of it, and which parameters make up which weights."""

    name: str
    file: str
    options: dict[str, str]
    plain: PlainCell
    x: tuple[str, ...]
    h: tuple[str, ...]
    b: tuple[str, ...]
    bh: tuple[str | None, ...]
    offset: tuple[float, ...]  # what the description adds to each gate's bias


LSTM = Kind(
    "LSTM", "lstm.rnn", {}, PlainLSTM(),
    ("i.x", "f.x", "j.x", "o.x"), ("i.h", "f.h", "j.h", "o.h"), ("i.bias", "f.bias", "j.bias", "o.bias"),
    (None, None, None, None), (0.0, 1.0, 0.0, 0.0),
)  # fmt: skip
GRU = Kind(
    "GRU", "gru.rnn", {"reset": "after"}, PlainGRU(),
    ("r.x", "u.x", "n.x"), ("r.h", "u.h", "n.rec.h"), ("r.bias", "u.bias", "n.bias"),
    (None, None, "n.rec.bias"), (0.0, 0.0, 0.0),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One comparison: parameters by name, input [time, batch, input], gradient of the outputs [time, batch, units]."""

    kind: Kind
    shape: Shape
    params: dict[str, Array]
    x: Array
    d_outputs: Array

    def weights(self) -> Weights:
        """The parameters, concatenated by gate."""
        return self.concatenate(self.params, offset=True)

    def concatenate(self, params: dict[str, Array], *, offset: bool = False) -> Weights:
        """Parameters or their gradients, concatenated by gate."""
        kind, units = self.kind, self.shape.units
        like = params[kind.b[0]]
        biases = [params[name] + (add if offset else 0) for name, add in zip(kind.b, kind.offset, strict=True)]
        return Weights(
            np.concatenate([params[name] for name in kind.x], axis=1),
            np.concatenate([params[name] for name in kind.h], axis=1),
            np.concatenate(biases).astype(like.dtype),
            np.concatenate([np.zeros(units, like.dtype) if name is None else params[name] for name in kind.bh]),
        )

    def wide(self) -> Case:
        """The same numbers in float64."""
        params = {name: value.astype(np.float64) for name, value in self.params.items()}
        return Case(self.kind, self.shape, params, self.x.astype(np.float64), self.d_outputs.astype(np.float64))


def make_case(kind: Kind, shape: Shape, seed: int = 0) -> Case:
    """Weights uniform within 1 / sqrt(units), in float32."""
    generator = np.random.default_rng(seed)
    bound = shape.units**-0.5

    def draw(*size: int) -> Array:
        return generator.uniform(-bound, bound, size).astype(np.float32)

    params = {name: draw(shape.input, shape.units) for name in kind.x}
    params |= {name: draw(shape.units, shape.units) for name in kind.h}
    params |= {name: draw(shape.units) for name in (*kind.b, *kind.bh) if name is not None}
    x = generator.standard_normal((shape.time, shape.batch, shape.input)).astype(np.float32)
    d_outputs = generator.standard_normal((shape.time, shape.batch, shape.units)).astype(np.float32)
    return Case(kind, shape, params, x, d_outputs)


@dataclass(frozen=True)
class Contender:
    """`forward` and `train` are what is timed; their results as arrays by name, empty where they compute nothing."""

    name: str
    forward: Callable[[], Any]
    train: Callable[[], Any]
    forward_results: Callable[[Any], dict[str, Array]]
    train_results: Callable[[Any], dict[str, Array]]


def generated(case: Case, module: ModuleType, name: str = "rnnc") -> Contender:
    """The generated module. Training packs the parameters in every call, as they change from one to the next."""
    packed = module.pack(case.params)

    def forward() -> Any:
        return module.forward(packed, case.x, time_major=True)

    def train() -> Any:
        params = module.pack(case.params)
        outputs, _, tape = module.forward_train(params, case.x, time_major=True)
        return outputs, module.backward(params, tape, case.d_outputs, None)

    def gradients(found: Any) -> dict[str, Array]:
        outputs, d = found
        return named(case, outputs, d["x"], case.concatenate(d["params"]))

    return Contender(name, forward, train, lambda found: {"outputs": found[0]}, gradients)


def tutorial(case: Case) -> Contender:
    """The plain loop."""
    cell, weights = case.kind.plain, case.weights()

    def train() -> Any:
        outputs, cache = cell.forward(weights, case.x)
        return outputs, *cell.backward(weights, cache, case.d_outputs)

    return Contender(
        "plain NumPy",
        lambda: cell.forward(weights, case.x),
        train,
        lambda found: {"outputs": found[0]},
        lambda found: named(case, *found),
    )


def floor(case: Case) -> Contender:
    """The matrix products alone: one for all inputs, one a step, and those of all weights' gradients at the end.

    The recurrent weights lie as BLAS is fastest with them in both directions.
    """
    (time, batch, inputs, units), weights = case.shape, case.weights()
    width = weights.h.shape[1]
    x = case.x.reshape(time * batch, inputs)
    z, step = np.empty((time * batch, width), np.float32), np.empty((batch, width), np.float32)
    h, d_h = case.d_outputs.reshape(time * batch, units), np.empty((batch, units), np.float32)
    h_across = np.ascontiguousarray(weights.h.T)
    d_x, d_wx, d_wh = np.empty_like(x), np.empty_like(weights.x), np.empty_like(weights.h)

    def forward() -> None:
        np.matmul(x, weights.x, out=z)
        for state in case.d_outputs:
            np.matmul(state, weights.h, out=step)

    def train() -> None:
        forward()
        for d_z in z.reshape(time, batch, width):
            np.matmul(d_z, h_across, out=d_h)
        np.matmul(x.T, z, out=d_wx)
        np.matmul(h.T, z, out=d_wh)
        np.matmul(z, weights.x.T, out=d_x)

    return Contender("products alone", forward, train, lambda _: {}, lambda _: {})


def pytorch(case: Case, threads: int) -> Contender | None:
    """torch.nn.LSTM or torch.nn.GRU on the CPU, where PyTorch is installed."""
    if find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(threads)
    weights = case.weights()
    layer = getattr(torch.nn, case.kind.name)(case.shape.input, case.shape.units)
    with torch.no_grad():  # its gates are in the order of `Weights`: i f g o, r z n
        layer.weight_ih_l0.copy_(torch.from_numpy(weights.x.T))
        layer.weight_hh_l0.copy_(torch.from_numpy(weights.h.T))
        layer.bias_ih_l0.copy_(torch.from_numpy(weights.b))
        layer.bias_hh_l0.copy_(torch.from_numpy(weights.bh))
    x, d_outputs = torch.from_numpy(case.x), torch.from_numpy(case.d_outputs)

    def forward() -> Any:
        with torch.no_grad():
            return layer(x)[0]

    def train() -> Any:
        leaf = x.clone().requires_grad_(True)
        layer.zero_grad()
        outputs = layer(leaf)[0]
        outputs.backward(d_outputs)
        return outputs, leaf.grad

    def gradients(found: Any) -> dict[str, Array]:
        d_w = Weights(
            layer.weight_ih_l0.grad.numpy().T,
            layer.weight_hh_l0.grad.numpy().T,
            layer.bias_ih_l0.grad.numpy(),
            layer.bias_hh_l0.grad.numpy(),
        )
        return named(case, found[0].detach().numpy(), found[1].numpy(), d_w)

    return Contender("torch", forward, train, lambda found: {"outputs": found.numpy()}, gradients)


def named(case: Case, outputs: Array, d_x: Array, d_w: Weights) -> dict[str, Array]:
    """What all contenders have in common; of `bh` only the gates that have one."""
    units = case.shape.units
    own = [d_w.bh[k * units : (k + 1) * units] for k, name in enumerate(case.kind.bh) if name is not None]
    found = {"outputs": outputs, "x": d_x, "w.x": d_w.x, "w.h": d_w.h, "b": d_w.b}
    return found | {f"bh.{k}": part for k, part in enumerate(own)}
