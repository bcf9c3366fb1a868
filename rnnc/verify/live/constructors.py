"""The calls that a layout's `reference` may make: nothing else is ever built, whatever a description says."""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.keras import CALLED

# What arguments are. All but cells may be None: the library's own default.
SIZE, SIZES, NUMBER, FLAG, WORD = "size", "list of sizes", "number", "flag", "word"
ACTIVATION, LIST_OF_ACTIVATIONS = "activation", "list of activations"
CELL, CELLS, WORDS = "cell", "cells", "list of words"

# Activations that mean the same in the language and in a library, by the language's names, as the library calls them.
_EVERYWHERE = ("tanh", "sigmoid", "relu", "softplus", "softsign")
# `gelu` and `leaky_relu` have constants in float32 in TensorFlow's kernels: they differ by 1e-9 in float64.
_BOTH = ("elu", "selu", "relu6", "silu", "softmax", "log_softmax", "log_sigmoid")
TENSORFLOW_ACTIVATIONS = {
    **{name: name for name in (*_EVERYWHERE, *_BOTH, "identity", "sin", "cos", "atan", "erf")},
    "swish": "silu",
}
KERAS_ACTIVATIONS = {name: each for name, each in CALLED.items() if name not in ("gelu", "leaky_relu")}
TORCH_ACTIVATIONS = {"tanh": "tanh", "relu": "relu"}
ONNX_ACTIVATIONS = {
    **{name: name.capitalize() for name in _EVERYWHERE}, "elu": "Elu", "hard_sigmoid": "HardSigmoid",
}  # fmt: skip


@dataclass(frozen=True)
class Constructor:
    """`parameters` in order, the first `required` of which must be given (these alone may be given by position).

    `drivers`: what runs it. `alike`: which of the cells that it is given must be the same call but for their input's
    size, since the library has one object for them: "all", or those of each "layer". `below`: two arguments, of which
    the library wants the first to be smaller.
    """

    parameters: dict[str, str]
    required: int = 1
    drivers: tuple[str, ...] = ("dynamic_rnn", "static_rnn")
    alike: str | None = None
    below: tuple[str, str] | None = None


@dataclass(frozen=True)
class Driver:
    """What runs counterparts: in which types, and in which order of axes with all that may be given and with nothing.

    `lengths`: those of the rows, a full one and one of one step among them; an empty one where the library takes it.
    """

    dtypes: tuple[str, ...] = ("float64", "float32")
    time_major: tuple[bool, bool] = (False, True)
    lengths: tuple[int, ...] = (3, 0, 1, 2)


DRIVERS: dict[str, Driver] = {
    "dynamic_rnn": Driver(),
    "static_rnn": Driver(),
    "bidirectional_dynamic_rnn": Driver(),
    "static_bidirectional_rnn": Driver(),
    "stack_bidirectional_dynamic_rnn": Driver(),
    "stack_bidirectional_rnn": Driver(),
    "layer": Driver(time_major=(False, False)),
    "autograd": Driver(lengths=(3, 1, 2, 3)),  # no PackedSequence has an empty row
    # Its kernels have no float64, and leave zeros, not the initial state, where a row is empty.
    "onnxruntime": Driver(("float32",), time_major=(True, True), lengths=(3, 1, 2, 3)),
}

TENSORFLOW: dict[str, Constructor] = {
    "tf.nn.rnn_cell.BasicRNNCell": Constructor({"num_units": SIZE, "activation": ACTIVATION, "name": WORD}),
    "tf.nn.rnn_cell.GRUCell": Constructor({"num_units": SIZE, "activation": ACTIVATION, "name": WORD}),
    "tf.nn.rnn_cell.BasicLSTMCell": Constructor(
        {"num_units": SIZE, "forget_bias": NUMBER, "activation": ACTIVATION, "state_is_tuple": FLAG, "name": WORD}
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
            "name": WORD,
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
        {"cells_fw": CELLS, "cells_bw": CELLS}, 2, ("stack_bidirectional_dynamic_rnn",)
    ),
    "tf.contrib.rnn.stack_bidirectional_rnn": Constructor(
        {"cells_fw": CELLS, "cells_bw": CELLS}, 2, ("stack_bidirectional_rnn",)
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
    **{
        f"keras.layers.ConvLSTM{axes}D": Constructor(
            {
                "filters": SIZE,
                "kernel_size": SIZES,
                "strides": SIZES,
                "padding": WORD,
                "dilation_rate": SIZES,
                "activation": ACTIVATION,
                "recurrent_activation": ACTIVATION,
                "use_bias": FLAG,
            },
            2,
            ("layer",),
        )
        for axes in (1, 2, 3)
    },
    # `names` stand in front of those of variables, `layer_0` and so on where there are none.
    "keras.Sequential": Constructor({"layers": CELLS, "names": WORDS}, 1, ("layer",)),
    "keras.layers.Dense": Constructor({"units": SIZE, "activation": ACTIVATION, "use_bias": FLAG}, 1, ("layer",)),
    "keras.layers.LayerNormalization": Constructor({"epsilon": NUMBER}, 0, ("layer",)),
    "keras.layers.Activation": Constructor({"activation": ACTIVATION}, 1, ("layer",)),
    "keras.layers.Bidirectional": Constructor(
        {"layer": CELL, "backward_layer": CELL, "merge_mode": WORD, "return_sequences": FLAG}, 2, ("layer",)
    ),
    # A layer that gives its last step, or goes backwards: `cell` stands for the layer that goes over time.
    "keras.layers.RNN": Constructor({"cell": CELL, "return_sequences": FLAG, "go_backwards": FLAG}, 1, ("layer",)),
}

TORCH_LAYER = {"input_size": SIZE, "hidden_size": SIZE, "bias": FLAG}

TORCH: dict[str, Constructor] = {
    "torch.nn.RNN": Constructor({**TORCH_LAYER, "nonlinearity": ACTIVATION}, 2, ("autograd",)),
    "torch.nn.LSTM": Constructor(
        {**TORCH_LAYER, "proj_size": SIZE}, 2, ("autograd",), below=("proj_size", "hidden_size")
    ),
    "torch.nn.GRU": Constructor(TORCH_LAYER, 2, ("autograd",)),
    # What the three have in common: num_layers and bidirectional.
    "torch.nn.RNNBase": Constructor({"forward": CELLS, "backward": CELLS}, 1, ("autograd",), alike="all"),
}

# `B` and `P` say whether the node is given these inputs; the others are its attributes.
ONNX_NODE = {"hidden_size": SIZE, "activations": LIST_OF_ACTIVATIONS, "clip": NUMBER, "B": FLAG}

ONNX: dict[str, Constructor] = {
    "onnx.RNN": Constructor(ONNX_NODE, 1, ("onnxruntime",)),
    "onnx.GRU": Constructor({**ONNX_NODE, "linear_before_reset": SIZE}, 1, ("onnxruntime",)),
    "onnx.LSTM": Constructor({**ONNX_NODE, "P": FLAG, "input_forget": SIZE}, 1, ("onnxruntime",)),
    "onnx.helper.make_graph": Constructor({"forward": CELLS, "backward": CELLS}, 1, ("onnxruntime",), alike="layer"),
}


@dataclass(frozen=True)
class Library:
    """`packages`: the modules that it needs, and what pip calls them. `recorder`: what runs it, beside this file.
    `activations`: those that it has, by the language's names."""

    about: str
    packages: dict[str, str]
    recorder: str
    constructors: dict[str, Constructor]
    activations: dict[str, str]
    example: str


LIBRARIES: dict[str, Library] = {
    "tf": Library(
        "the cells of tf.nn.rnn_cell",
        {"tensorflow": "tensorflow", "tf_keras": "tf-keras"},
        "tf_cells",
        TENSORFLOW,
        TENSORFLOW_ACTIVATIONS,
        "tf.nn.rnn_cell.GRUCell(units)",
    ),
    "keras": Library(
        "the layers of Keras",
        {"tensorflow": "tensorflow", "keras": "keras"},
        "keras_layers",
        KERAS,
        KERAS_ACTIVATIONS,
        "keras.layers.GRU(units)",
    ),
    "torch": Library(
        "the modules of torch.nn",
        {"torch": "torch"},
        "torch_modules",
        TORCH,
        TORCH_ACTIVATIONS,
        "torch.nn.GRU(input, units)",
    ),
    "onnx": Library(
        "the operators of ONNX",
        {"onnx": "onnx", "onnxruntime": "onnxruntime"},
        "onnx_nodes",
        ONNX,
        ONNX_ACTIVATIONS,
        "onnx.GRU(units)",
    ),
}


def library_of(function: str) -> str | None:
    """The library that has a function, None where none has."""
    return next((name for name, library in LIBRARIES.items() if function in library.constructors), None)
