"""Layers of Keras 3, run eagerly on TensorFlow: what they compute, as a recording."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.live.numbers import Numbers

tf: Any = import_module("tensorflow")
keras: Any = import_module("keras")
Case = dict[str, Any]
Tree = Mapping[str, Any]


@dataclass(frozen=True)
class _Layer:
    """A layer and its place: what stands in front of the names of its variables."""

    layer: Any
    place: str

    def variables(self) -> Iterator[tuple[str, Any]]:
        """By their names under the place: `lstm_cell/kernel`, without the numbers that Keras appends."""
        if isinstance(self.layer, keras.layers.Bidirectional):
            for side in ("forward_layer", "backward_layer"):
                yield from _Layer(getattr(self.layer, side), f"{self.place}/{side}").variables()
            return
        for variable in self.layer.trainable_weights:
            *_, cell, name = variable.path.split("/")
            inside = f"{re.sub(r'_[0-9]+$', '', cell)}/" if self.is_recurrent else ""
            yield f"{self.place}/{inside}{name}", variable

    @property
    def is_recurrent(self) -> bool:
        """Whether it has states, and takes a mask."""
        return hasattr(self.layer, "return_sequences")

    @property
    def takes_states(self) -> bool:
        """Whether it can be given states: of those of two directions Keras gives each half, however many it has."""
        if not isinstance(self.layer, keras.layers.Bidirectional):
            return True
        sides = self.layer.forward_layer, self.layer.backward_layer
        first, second = (np.size(side.cell.state_size) for side in sides)
        return first == second

    @property
    def folds(self) -> bool:
        """Whether it gives one value of all steps."""
        return self.is_recurrent and not self.layer.return_sequences


def recorded(case: Case) -> dict[str, Array]:
    """One case, run. Keras has batch first, and takes lengths as a mask."""
    keras.utils.clear_session()
    numbers = Numbers(case["seed"], case["dtype"])
    arrays: dict[str, Array] = {"x": numbers.normal("x", (case["rows"], case["steps"], *case["features"]))}
    x, mask = tf.constant(arrays["x"]), None
    if case["lengths"] is not None:
        arrays["sequence_length"] = np.asarray(case["lengths"], np.int32)
        mask = tf.sequence_mask(arrays["sequence_length"], case["steps"])
    layers = [*_layers(case["tree"], case["dtype"])]
    _, finals = _run(layers, x, mask, [])  # makes the variables, and tells which states there are
    given: list[list[Any]] = []
    can = all(one.takes_states for one in layers)
    for states in finals if case["state"] and can else ():
        given.append([])
        for state in states:
            key = f"state0:{sum(map(len, given))}"
            arrays[key] = numbers.normal(key, state.shape, 0.7)
            given[-1].append(tf.constant(arrays[key]))
    variables = dict(pair for one in layers for pair in one.variables())
    for name, variable in variables.items():
        arrays[f"var:{name}"] = numbers.variable(name, variable.shape)
        variable.assign(arrays[f"var:{name}"])
    sources = {"x": x, **{f"state0:{i}": s for i, s in enumerate(s for group in given for s in group)}}
    sources |= {f"var:{name}": v.value for name, v in variables.items()}
    with tf.GradientTape() as tape:
        tape.watch([x, *(s for group in given for s in group)])
        outputs, finals = _run(layers, x, mask, given)
        found = {
            "outputs": outputs,
            **{f"final_state:{i}": s for i, s in enumerate(s for group in finals for s in group)},
        }
        weights = {f"cot:{key}": numbers.normal(f"cot:{key}", t.shape) for key, t in found.items()}
        wide = {key: tf.cast(t, tf.float64) for key, t in found.items()}  # the sum's own rounding is not compared
        loss = tf.add_n([tf.reduce_sum(t * weights[f"cot:{key}"]) for key, t in wide.items()])
    slopes = tape.gradient(loss, [*sources.values()], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    results = {**found, "loss": loss, **{f"grad:{n}": s for n, s in zip(sources, slopes, strict=True)}}
    return {**arrays, **weights, **{key: np.asarray(tensor) for key, tensor in results.items()}}


def _layers(tree: Tree, dtype: str) -> Iterator[_Layer]:
    """The layers that a sequence goes through. What is asked of several is asked of the whole: the first one turns
    around, and the last one gives its last step."""
    how = _how(tree)
    inner = tree["arguments"]["cell"] if tree["call"] == "keras.layers.RNN" else tree
    if inner["call"] != "keras.Sequential":
        made = _built(tree, dtype)
        yield _Layer(made, re.sub(r"_[0-9]+$", "", made.name))
        return
    layers = inner["arguments"]["layers"]
    names = inner["arguments"].get("names") or [f"layer_{k}" for k in range(len(layers))]
    for k, (one, name) in enumerate(zip(layers, names, strict=True)):
        first = {"go_backwards": how["go_backwards"]} if k == 0 and "go_backwards" in how else {}
        last = {"return_sequences": how["return_sequences"]} if one is layers[-1] and "return_sequences" in how else {}
        yield _Layer(_built(one, dtype, **first, **last), name)


def _how(tree: Tree) -> dict[str, Any]:
    """What is asked of a layer that stands in `keras.layers.RNN`."""
    asked = ("go_backwards", "return_sequences") if tree["call"] == "keras.layers.RNN" else ()
    return {name: tree["arguments"][name] for name in asked if name in tree["arguments"]}


def _built(tree: Tree, dtype: str, **how: Any) -> Any:
    if tree["call"] == "keras.layers.RNN":
        return _built(tree["arguments"]["cell"], dtype, **{**_how(tree), **how})
    arguments: dict[str, Any] = {"dtype": dtype, **tree["arguments"]}
    name = tree["call"].rpartition(".")[2]
    if not issubclass(getattr(keras.layers, name), keras.layers.RNN | keras.layers.Bidirectional):
        return getattr(keras.layers, name)(**arguments)
    if name == "Bidirectional":
        steps = {"return_sequences": arguments.pop("return_sequences", True)}
        arguments["layer"] = _built(arguments["layer"], dtype, **steps)
        arguments["backward_layer"] = _built(arguments["backward_layer"], dtype, **steps, go_backwards=True)
    else:
        how = {"return_sequences": True, "return_state": True, **how}
        how["zero_output_for_mask"] = how["return_sequences"]  # else the last step of a short row would be zero
    return getattr(keras.layers, name)(**arguments, **how)


def _run(layers: list[_Layer], x: Any, mask: Any, given: list[list[Any]]) -> tuple[Any, list[list[Any]]]:
    """Outputs, and the final states of every layer. Past the lengths outputs are zero."""
    finals: list[list[Any]] = []
    for k, one in enumerate(layers):
        states: list[Any] = []
        if one.is_recurrent:
            x, *states = one.layer(x, mask=mask, initial_state=given[k] if given else None)
        else:
            x = one.layer(x)
        finals.append(states)
        if one.folds:
            mask = None
        elif mask is not None and one.is_recurrent and not isinstance(one.layer, keras.layers.Bidirectional):
            # of what comes out of one that goes backwards, the padding comes first
            mask = tf.reverse(mask, [1]) if one.layer.go_backwards else mask
    if mask is not None:
        x *= tf.cast(tf.reshape(mask, [*mask.shape, *[1] * (len(x.shape) - 2)]), x.dtype)
    return x, finals
