"""`tf.contrib.cudnn_rnn` of TensorFlow 1.15: layers that cuDNN runs, and the cells that compute the same anywhere.

The checkpoints of the layers hold two forms of one set of weights: cuDNN's own buffer (`opaque_kernel`), and arrays
under the names that stacks of the compatible cells have. Those are the names that the descriptions here have, too.
"""

from __future__ import annotations

from dataclasses import replace

from rnnc.importing.libraries.layers import layered
from rnnc.importing.libraries.tensorflow import cell, special
from rnnc.importing.pieces.lowering import Call
from rnnc.importing.pieces.network import Meaning
from rnnc.importing.pieces.pieces import Piece
from rnnc.importing.pieces.rows import Option, bound, size
from rnnc.importing.python.values import Reference

UNITS: dict[str, Option] = {"units": size("num_units")}
LSTM: dict[str, Option] = {**UNITS, "forget_bias": "0.0"}
# Biases are zero at first, those of gates too.
LAYERS: dict[str, tuple[str, dict[str, Option]]] = {
    "CudnnLSTM": ("LSTM", LSTM),
    "CudnnGRU": ("GRU", {**UNITS, "reset": "after", "gate_bias": "0.0"}),
    "CudnnRNNTanh": ("RNN", {**UNITS, "activation": "tanh"}),
    "CudnnRNNRelu": ("RNN", {**UNITS, "activation": "relu"}),
}
# Their first layers where x is not multiplied.
SKIPPING: dict[str, tuple[str, dict[str, Option]]] = {
    "CudnnLSTM": ("SkipInputLSTM", UNITS),
    "CudnnGRU": ("SkipInputGRU", UNITS),
    "CudnnRNNTanh": ("SkipInputRNN", LAYERS["CudnnRNNTanh"][1]),
    "CudnnRNNRelu": ("SkipInputRNN", LAYERS["CudnnRNNRelu"][1]),
}
# What `tensorflow.contrib.cudnn_rnn.python` calls the words.
CONSTANTS = {
    "CUDNN_RNN_UNIDIRECTION": "unidirectional",
    "CUDNN_RNN_BIDIRECTION": "bidirectional",
    "CUDNN_INPUT_LINEAR_MODE": "linear_input",
    "CUDNN_INPUT_SKIP_MODE": "skip_input",
    "CUDNN_INPUT_AUTO_MODE": "auto_select",
}
COMPATIBLE_LSTM = "cudnn_compatible_lstm_cell"


def compatible_lstm(call: Call) -> Piece:
    """An LSTM whose variables have a scope of their own; the kernel behind it differs from LSTM's where it clips."""
    return replace(bound(call, "LSTM", LSTM), scope=COMPATIBLE_LSTM)


def layers(call: Call) -> Meaning:
    both = word(call, "direction", ("unidirectional", "bidirectional")) == "bidirectional"
    mode = word(call, "input_mode", ("linear_input", "skip_input", "auto_select"))
    if mode == "auto_select":
        why = "whether the first layer multiplies its input depends on how wide that is, which the call does not tell"
        fix = 'input_mode="skip_input" where the input is as wide as `num_units`, input_mode="linear_input" elsewhere'
        raise call.cannot("input_mode", why, fix)
    one = bound(call, *LAYERS[call.name])
    if one.definition == "LSTM":
        one = call.lowering.named(replace(one, scope=COMPATIBLE_LSTM))
    cells = [one] * call.size("num_layers")
    if mode == "skip_input":
        cells[0] = bound(call, *SKIPPING[call.name])
        call.lowering.remarks.add(f'no checkpoint holds the weights of {call.name} with input_mode="skip_input"')
    call.lowering.remarks.add(
        f"{call.name} is time-major and has the states of all layers in one array; here every layer has its own, and "
        "calls say time_major=True"
    )
    return layered(call, cells, both=both)


def word(call: Call, parameter: str, words: tuple[str, ...]) -> str | None:
    """One of some words, or the constant that stands for it."""
    value = call.given(parameter).value
    constant = CONSTANTS.get(value.last) if isinstance(value, Reference) else None
    return constant if constant in words else call.word(parameter, words)


_LAYER = (
    "num_layers, num_units, input_mode='linear_input', direction='unidirectional', dropout=0.0, seed=None, "
    "dtype='float32', kernel_initializer=None, bias_initializer=None, name=None"
)

CONSTRUCTORS = (
    special("CudnnCompatibleLSTMCell", "num_units, reuse=None", "num_units", compatible_lstm),
    cell(
        "CudnnCompatibleGRUCell",
        "num_units, reuse=None, kernel_initializer=None",
        "GRU",
        units=size("num_units"),
        reset="after",
    ),
    *(special(name, _LAYER, "num_layers num_units input_mode direction dropout", layers) for name in LAYERS),
)
