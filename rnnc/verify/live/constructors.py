"""The calls that a layout's `reference` may make: nothing else is ever built, whatever a description says."""

from __future__ import annotations

from dataclasses import dataclass

# What arguments are. All but cells may be None: the library's own default.
SIZE, NUMBER, FLAG, ACTIVATION, CELL, CELLS, WORD = "size", "number", "flag", "activation", "cell", "cells", "word"

ACTIVATIONS = ("tanh", "sigmoid", "relu", "softplus", "softsign")  # that mean the same everywhere


@dataclass(frozen=True)
class Constructor:
    """`parameters` in order, the first `required` of which must be given (these alone may be given by position).

    `drivers`: what runs it; None for a cell, which every driver of its library runs.
    """

    parameters: dict[str, str]
    required: int = 1
    drivers: tuple[str, ...] | None = None

    def is_cell(self) -> bool:
        """Whether a driver is still needed."""
        return self.drivers is None


CELL_DRIVERS = ("dynamic_rnn", "static_rnn")

TENSORFLOW: dict[str, Constructor] = {
    "tf.nn.rnn_cell.BasicRNNCell": Constructor({"num_units": SIZE, "activation": ACTIVATION}),
    "tf.nn.rnn_cell.GRUCell": Constructor({"num_units": SIZE, "activation": ACTIVATION}),
    "tf.nn.rnn_cell.BasicLSTMCell": Constructor(
        {"num_units": SIZE, "forget_bias": NUMBER, "activation": ACTIVATION, "state_is_tuple": FLAG}
    ),
    "tf.nn.rnn_cell.LSTMCell": Constructor(
        {
            "num_units": SIZE,
            "use_peepholes": FLAG,
            "cell_clip": NUMBER,
            "num_proj": SIZE,
            "proj_clip": NUMBER,
            "forget_bias": NUMBER,
            "activation": ACTIVATION,
            "state_is_tuple": FLAG,
        }
    ),
    "tf.nn.rnn_cell.MultiRNNCell": Constructor({"cells": CELLS, "state_is_tuple": FLAG}),
    "tf.nn.rnn_cell.DropoutWrapper": Constructor(
        {
            "cell": CELL,
            "input_keep_prob": NUMBER,
            "output_keep_prob": NUMBER,
            "state_keep_prob": NUMBER,
            "variational_recurrent": FLAG,
        }
    ),
    "tf.nn.rnn_cell.ResidualWrapper": Constructor({"cell": CELL}),
    "tf.nn.bidirectional_dynamic_rnn": Constructor(
        {"cell_fw": CELL, "cell_bw": CELL}, 2, ("bidirectional_dynamic_rnn", "static_bidirectional_rnn")
    ),
    "tf.contrib.rnn.stack_bidirectional_dynamic_rnn": Constructor(
        {"cells_fw": CELLS, "cells_bw": CELLS}, 2, ("stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn")
    ),
}

KERAS: dict[str, Constructor] = {
    "keras.layers.SimpleRNN": Constructor({"units": SIZE, "activation": ACTIVATION, "use_bias": FLAG}, 1, ("layer",)),
    "keras.layers.LSTM": Constructor(
        {"units": SIZE, "activation": ACTIVATION, "recurrent_activation": ACTIVATION, "use_bias": FLAG}, 1, ("layer",)
    ),
    "keras.layers.GRU": Constructor(
        {
            "units": SIZE,
            "activation": ACTIVATION,
            "recurrent_activation": ACTIVATION,
            "use_bias": FLAG,
            "reset_after": FLAG,
        },
        1,
        ("layer",),
    ),
    "keras.Sequential": Constructor({"layers": CELLS}, 1, ("layer",)),
    "keras.layers.Bidirectional": Constructor(
        {"layer": CELL, "backward_layer": CELL, "merge_mode": WORD}, 2, ("layer",)
    ),
}

LIBRARIES: dict[str, dict[str, Constructor]] = {"tf": TENSORFLOW, "keras": KERAS}
PACKAGES = {"tf": ("tensorflow", "tf_keras"), "keras": ("tensorflow", "keras")}  # modules that a library needs


def library_of(function: str) -> str | None:
    """The library that has a function, None where none has."""
    return next((name for name, table in LIBRARIES.items() if function in table), None)
