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
        units = params[f"{self.gates[0]}.x"].shape[1]
        offsets = self.offsets or (0.0,) * len(self.gates)
        biases = [params.get(f"{gate}.bias", np.zeros(units, np.float32)) for gate in self.gates]
        found = {
            "x": np.concatenate([params[f"{gate}.x"] for gate in self.gates], axis=1),
            "b": np.concatenate([bias + np.float32(add) for bias, add in zip(biases, offsets, strict=True)]),
        }
        for place, gates in enumerate(self.h):
            found[f"h{place}"] = np.concatenate([_recurrent(params, gate) for gate in gates], axis=1)
        found |= {name: params[name] for name in self.more}
        return found


def _recurrent(params: dict[str, Any], gate: str) -> Any:
    return params[f"{gate}.h"] if f"{gate}.h" in params else params[f"{gate}.rec.h"]


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


IFJO = ("i", "f", "j", "o")
FORGET = (0.0, 1.0, 0.0, 0.0)
PLAIN = {
    "LSTM": Plain(_lstm, IFJO, 2, FORGET, (IFJO,)),
    "peephole LSTM": Plain(_peephole, IFJO, 2, FORGET, (IFJO,), ("i.peephole", "f.peephole", "o.peephole")),
    "GRU": Plain(_gru_after, ("r", "u", "n"), 1, h=(("r", "u", "n"),), more=("n.rec.bias",)),
    "GRU, reset before": Plain(_gru_before, ("r", "u", "n"), 1, h=(("r", "u"), ("n",))),
    "IndRNN": Plain(_indrnn, ("h",), 1, more=("h.peephole",)),
    "invented": Plain(_invented, ("f", "o", "n"), 2, h=(("f", "o", "n"),)),
    "minGRU": Plain(_min_gru, ("z", "n"), 1),
    "SRU": Plain(_sru, ("z", "f", "r", "v"), 1),
}
