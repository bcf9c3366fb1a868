"""Steps of cells written plainly, for any library of arrays: what somebody without a compiler for cells would write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Weights = dict[str, Any]
State = tuple[Any, ...]


class Ops(Protocol):
    """What a library of arrays has under names of its own."""

    def sigmoid(self, x: Any, /) -> Any: ...
    def tanh(self, x: Any, /) -> Any: ...
    def split(self, x: Any, parts: int, /) -> Sequence[Any]: ...
    def exp(self, x: Any, /) -> Any: ...
    def log_sigmoid(self, x: Any, /) -> Any: ...
    def maximum(self, a: Any, b: Any, /) -> Any: ...
    def mean(self, x: Any, /) -> Any:
        """Of each row, which stays an axis."""
        ...


Step = Callable[[Ops, Any, State, Weights], tuple[State, Any]]


@dataclass(frozen=True)
class Plain:
    """A step and the parameters that it has: `gates` in the order of its columns, and what each bias has added to it.

    `h`: the weights of the state's products, each as the gates that stand in it; `more`: other parameters, by gate.
    """

    step: Step
    gates: tuple[str, ...]
    states: int
    offsets: tuple[float, ...] = ()
    h: tuple[tuple[str, ...], ...] = ()
    more: tuple[str, ...] = ()

    def weights(self, params: dict[str, Any]) -> Weights:
        """Concatenated by gate, float32."""
        inputs = [_matrix(params[f"{gate}.x"]) for gate in self.gates]
        offsets = self.offsets or (0.0,) * len(self.gates)
        biases = [_bias(params, gate, inputs[0].shape[1]) for gate in self.gates]
        found = {
            "x": np.concatenate(inputs, axis=1),
            "b": np.concatenate([bias + np.float32(add) for bias, add in zip(biases, offsets, strict=True)]),
        }
        for place, gates in enumerate(self.h):
            found[f"h{place}"] = np.concatenate([_recurrent(params, gate) for gate in gates], axis=1)
        found |= {name: params[name] for name in self.more}
        return found


def _recurrent(params: dict[str, Any], gate: str) -> Any:
    found = params[f"{gate}.h"] if f"{gate}.h" in params else params[f"{gate}.rec.h"]
    return found[0] if found.ndim == 3 else found  # of the only head


def _bias(params: dict[str, Any], gate: str, units: int) -> Any:
    """That of the input's product, else that of the state's, else none."""
    names = (name for name in (f"{gate}.bias", f"{gate}.rec.bias") if name in params)
    return next((params[name].ravel() for name in names), np.zeros(units, np.float32))


def _matrix(array: Any) -> Any:
    """Features that have several axes, as one."""
    return array.reshape(array.shape[0], -1)


def _lstm(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    c, h = state
    i, f, j, o = m.split(z + h @ w["h0"], 4)
    c = m.sigmoid(f) * c + m.sigmoid(i) * m.tanh(j)
    h = m.sigmoid(o) * m.tanh(c)
    return (c, h), h


def _peephole(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    c, h = state
    i, f, j, o = m.split(z + h @ w["h0"], 4)
    new = m.sigmoid(f + w["f.peephole"] * c) * c + m.sigmoid(i + w["i.peephole"] * c) * m.tanh(j)
    h = m.sigmoid(o + w["o.peephole"] * new) * m.tanh(new)
    return (new, h), h


def _layer_norm_lstm(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    c, h = state

    def normed(v: Any, name: str) -> Any:
        u = v - m.mean(v)
        return w[f"{name}.ln.gain"] * u / (m.mean(u * u) + 1e-12) ** 0.5 + w[f"{name}.ln.shift"]

    i, f, j, o = (normed(v, name) for v, name in zip(m.split(z + h @ w["h0"], 4), IFJO, strict=True))
    c = normed(m.sigmoid(f + 1) * c + m.sigmoid(i) * m.tanh(j), "c")
    h = m.sigmoid(o) * m.tanh(c)
    return (c, h), h


def _slstm(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    c, n, top, h = state
    z, i, f, o = m.split(z + h @ w["h0"], 4)
    keep = m.log_sigmoid(f) + top
    top = m.maximum(keep, i)
    i, f = m.exp(i - top), m.exp(keep - top)
    c, n = f * c + i * m.tanh(z), f * n + i
    h = m.sigmoid(o) * c / n
    return (c, n, top, h), h


def _gru_after(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    (h,) = state
    zr, zu, zn = m.split(z, 3)
    hr, hu, hn = m.split(h @ w["h0"], 3)
    u = m.sigmoid(zu + hu)
    h = u * h + (1 - u) * m.tanh(zn + m.sigmoid(zr + hr) * (hn + w["n.rec.bias"]))
    return (h,), h


def _gru_before(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    (h,) = state
    zr, zu, zn = m.split(z, 3)
    hr, hu = m.split(h @ w["h0"], 2)
    u = m.sigmoid(zu + hu)
    h = u * h + (1 - u) * m.tanh(zn + (m.sigmoid(zr + hr) * h) @ w["h1"])
    return (h,), h


def _indrnn(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    h = m.tanh(z + w["h.peephole"] * state[0])
    return (h,), h


def _invented(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    c, h = state
    f, o, n = m.split(z + h @ w["h0"], 3)
    f = m.sigmoid(f)
    c = f * c + (1 - f) * m.tanh(n - 0.5 * c * c)
    h = m.sigmoid(o) * c / (1 + abs(c))
    return (c, h), h


def _min_gru(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    gate, n = m.split(z, 2)
    gate = m.sigmoid(gate)
    h = (1 - gate) * state[0] + gate * n
    return (h,), h


def _sru(m: Ops, z: Any, state: State, w: Weights) -> tuple[State, Any]:
    z, f, r, v = m.split(z, 4)
    f, r = m.sigmoid(f), m.sigmoid(r)
    c = f * state[0] + (1 - f) * z
    return (c,), r * m.tanh(c) + (1 - r) * v


IFJO, ZIFO = ("i", "f", "j", "o"), ("z", "i", "f", "o")
NORMS = tuple(f"{name}.ln.{what}" for name in (*IFJO, "c") for what in ("gain", "shift"))
FORGET = (0.0, 1.0, 0.0, 0.0)
PLAIN = {
    "LSTM": Plain(_lstm, IFJO, 2, FORGET, (IFJO,)),
    "peephole LSTM": Plain(_peephole, IFJO, 2, FORGET, (IFJO,), ("i.peephole", "f.peephole", "o.peephole")),
    "layer-norm LSTM": Plain(_layer_norm_lstm, IFJO, 2, h=(IFJO,), more=NORMS),
    "sLSTM": Plain(_slstm, ZIFO, 4, h=(ZIFO,)),
    "GRU": Plain(_gru_after, ("r", "u", "n"), 1, h=(("r", "u", "n"),), more=("n.rec.bias",)),
    "GRU, reset before": Plain(_gru_before, ("r", "u", "n"), 1, h=(("r", "u"), ("n",))),
    "IndRNN": Plain(_indrnn, ("h",), 1, more=("h.peephole",)),
    "invented": Plain(_invented, ("f", "o", "n"), 2, h=(("f", "o", "n"),)),
    "minGRU": Plain(_min_gru, ("z", "n"), 1),
    "SRU": Plain(_sru, ("z", "f", "r", "v"), 1),
}
