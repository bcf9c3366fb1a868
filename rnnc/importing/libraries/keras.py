"""Recurrent layers and cells of Keras 3, and the layers that stand around them in a model."""

from __future__ import annotations

from collections.abc import Callable

from rnnc.importing.libraries.keras_ways import LIBRARY, bidirectional, recurrence, sequence_here, states_of
from rnnc.importing.pieces import library
from rnnc.importing.pieces.lowering import Call, Constructor
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.pieces.pieces import Piece, output_of, piece
from rnnc.importing.pieces.rows import Lower, Option, Read, bound, flag, function_or_identity, listed, size
from rnnc.importing.python.values import Made, describe, problem
from rnnc.keras import ACTIVATIONS

# Those that no layer has as its activation: functions of `keras.ops`.
FUNCTIONS = {
    **ACTIVATIONS,
    **{name: name for name in (
        "abs", "square", "sqrt", "exp", "expm1", "log1p", "sign", "sin", "cos", "tan", "sinh", "cosh", "erf",
    )},
    "absolute": "abs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh",
}  # fmt: skip
RNN: dict[str, Option] = {
    "units": size("units"),
    "activation": function_or_identity("activation"),
    "bias": flag("use_bias"),
}
GRU: dict[str, Option] = {
    **RNN,
    "reset": Read("reset_after", lambda call, name: "after" if call.flag(name) else "before"),
    "gate_activation": function_or_identity("recurrent_activation"),
    "gate_bias": "0.0",
}
LSTM: dict[str, Option] = {
    **RNN,
    "gate_activation": function_or_identity("recurrent_activation"),
    # Keras keeps the forget bias in the bias, where it is 1 at first; the layouts know.
    "forget_bias": Read("unit_forget_bias", lambda call, name: "1.0" if call.flag(name) and has_bias(call) else "0.0"),
}
# The layers for cuDNN of Keras 2.
CUDNN_LSTM: dict[str, Option] = {
    "units": size("units"),
    "forget_bias": Read("unit_forget_bias", lambda call, name: "1.0" if call.flag(name) else "0.0"),
}
CUDNN_GRU: dict[str, Option] = {"units": size("units"), "reset": "after", "gate_bias": "0.0"}
CONV: dict[str, Option] = {
    "filters": size("filters"),
    "kernel": Read("kernel_size", lambda call, name: listed(map(str, each_axis(call, name)))),
    "forget_bias": LSTM["forget_bias"],
    "bias": flag("use_bias"),
}
# What `strided_conv_lstm.rnn` has beside that; `padding` is "valid" unless it is said.
STRIDED: dict[str, Option] = {
    "stride": Read("strides", lambda call, name: listed(map(str, each_axis(call, name)))),
    "dilation": Read("dilation_rate", lambda call, name: listed(map(str, each_axis(call, name)))),
    "padding": Read("padding", lambda call, name: call.word(name, ("valid", "same"))),
    "activation": function_or_identity("activation"),
    "gate_activation": function_or_identity("recurrent_activation"),
}
VARIATIONAL = frozenset({"RNN", "GRU", "LSTM"})  # `variational.rnn` has them with masks on what products read


def has_bias(call: Call) -> bool:
    return call.flag("use_bias")


def each_axis(call: Call, parameter: str) -> list[int]:
    """One size per axis: given so, or one for all."""
    count = int(call.name[len("ConvLSTM")])
    if isinstance(call.given(parameter).value, list):
        found = call.numbers(parameter, 1)
        if len(found) != count:
            raise call.wrong(parameter, f"one number, or {count}")
        return found
    return [call.size(parameter)] * count


# --- layers --------------------------------------------------------------------------------------------------------


def layer_of(definition: str, options: dict[str, Option]) -> Lower:
    """A layer of one cell: its dropout, its direction, and whether all steps come out."""
    return lambda call: over_time(call, bound(call, definition, options))


def cudnn_layer_of(definition: str, options: dict[str, Option]) -> Lower:
    """A layer that only cuDNN runs; files have its arrays in an order of its own."""

    def lower(call: Call) -> Meaning:
        call.lowering.remarks.add(
            f"a file has the arrays of {call.name} as cuDNN wants them: load it into Keras's {definition} and save that"
        )
        return over_time(call, bound(call, definition, options))

    return lower


def cell_of(definition: str, options: dict[str, Option]) -> Lower:
    """A cell for `RNN`; its dropout acts as in a layer."""
    return lambda call: dropped(call, bound(call, definition, options))


def over_time(call: Call, cell: Piece) -> Meaning:
    """A cell over a sequence, as the arguments of a layer say."""
    cell = dropped(call, cell)
    backwards, sequences = call.flag("go_backwards"), call.flag("return_sequences")
    if sequences and not backwards:
        return cell

    def build(network: Network, x: str) -> str:
        network.use(cell, x)
        sequence_here(call.made, network)
        y = network.run("y", f"backward({cell.text})" if backwards else cell.text, x)
        network.is_sequence = sequences
        network.scopes[y], network.width = "", output_of(cell)
        turned = ", go_backwards = true" if backwards else ""
        steps = ", return_sequences = false" if not sequences else ""
        network.reference = f"keras.layers.RNN({y}{steps}{turned})"
        if network.alone and not sequences:  # backwards, Keras begins with the padding of short rows
            network.layouts.setdefault(LIBRARY, [])
            network.options[LIBRARY] = f"reference = {network.reference}"
        if sequences:
            return f"reverse({y})"
        return f"at({y}, 0)" if backwards else f"last({y})"

    return Flow(build)


def dropped(call: Call, cell: Piece) -> Piece:
    """Dropout has masks for the whole sequence: one for inputs alone, and one for every gate where states have some."""
    known = call.made.constructor.parameters  # layers of cuDNN have neither
    inputs, states = (call.rate(name) if name in known else 0 for name in ("dropout", "recurrent_dropout"))
    if states:
        if cell.definition not in VARIATIONAL:
            raise call.cannot("recurrent_dropout", f"no {cell.definition} of the library drops what products read of h")
        keep = {"keep": kept(inputs), "recurrent_keep": kept(states)}
        return piece(f"Variational{cell.definition}", {**cell.arguments, **keep})
    if inputs and library.find(cell.definition).takes is not None:
        raise call.cannot("dropout", f"{call.name} has a mask of its input for every gate, no cell of the library has")
    return piece("Dropout", {"inner": cell, "input_keep": kept(inputs), "mask": "sequence"}) if inputs else cell


def kept(rate: float) -> str:
    """The rest, without the noise of the subtraction."""
    return f"{1 - rate:.12g}"


def conv_lstm(call: Call) -> Meaning:
    """ConvLSTM1D, 2D, 3D: as their paper has it, or with a state of another image than the input, other functions."""
    if call.word("data_format", (None, "channels_last", "channels_first")) == "channels_first":
        raise call.cannot("data_format", "channels come last here")
    axes = call.name[len("ConvLSTM")]
    strided = bound(call, f"StridedConvLSTM{axes}D", {**CONV, **STRIDED})
    is_plain = strided.arguments.keys() <= CONV.keys() | {"padding"} and "padding" in strided.arguments
    return over_time(call, bound(call, f"ConvLSTM{axes}D", CONV) if is_plain else strided)


def rnn(call: Call) -> Meaning:
    """RNN around a cell, or a list of them."""
    given = call.given("cell")
    if isinstance(given.value, list):
        return over_time(call, stacked(call, "cell"))
    one = given.value
    if isinstance(one, Made) and "return_sequences" in one.constructor.parameters:
        fix = f"{one.constructor.name}Cell"
        raise problem("E605", f"RNN takes cells, not {describe(one)}", given.span, fix=fix)
    found = call.lowering.meaning(given, inside=call.inside)
    assert isinstance(found, Piece), "cells are pieces"
    return over_time(call, found)


def stacked(call: Call, parameter: str) -> Piece:
    pieces = call.cells(parameter)
    definition = "Multi" if call.inside is None else "MultiCell"
    return piece(definition, {"cells": pieces})


# --- the table -----------------------------------------------------------------------------------------------------

_INITIAL = "kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', bias_initializer='zeros', "
_REGULAR = "kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, "
_ACTIVITY = "activity_regularizer=None, "
_CONSTRAINT = (
    "kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, "
)
_LAYER = "return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False, "
_GATED = "units, activation='tanh', recurrent_activation='sigmoid', use_bias=True, "
_CONVOLVED = (
    "filters, kernel_size, strides=1, padding='valid', data_format=None, dilation_rate=1, activation='tanh', "
    f"recurrent_activation='sigmoid', use_bias=True, {_INITIAL}unit_forget_bias=True, {_REGULAR}{_ACTIVITY}"
    f"{_CONSTRAINT}seed=None, return_sequences=False, return_state=False, go_backwards=False, stateful=False, **kwargs"
)
_TIME = frozenset(("dropout", "recurrent_dropout", "go_backwards", "return_sequences", "return_state"))


def _parameters_of(options: dict[str, Option]) -> frozenset[str]:
    return frozenset(read.parameter for read in options.values() if isinstance(read, Read)) | {"use_bias"}


def _layer(name: str, signature: str, definition: str, options: dict[str, Option]) -> Constructor:
    reads, lower = _parameters_of(options) | _TIME, layer_of(definition, options)
    return Constructor(name, LIBRARY, signature, reads, lower, states=states_of, runs=recurrence)


def _cudnn(name: str, more: str, lower: Lower) -> Constructor:
    """The layer has fewer arguments than others: cuDNN knows one activation and no dropout inside."""
    constraint, layer = _CONSTRAINT.partition("dropout")[0], _LAYER.replace("unroll=False, ", "")
    signature = f"units, {_INITIAL}{more}{_REGULAR}{_ACTIVITY}{constraint}{layer}**kwargs"
    reads = frozenset(["units", "unit_forget_bias", "return_sequences", "go_backwards", "return_state"])
    return Constructor(name, LIBRARY, signature, reads, lower, states=states_of, runs=recurrence)


def _cell(name: str, signature: str, definition: str, options: dict[str, Option]) -> Constructor:
    reads = _parameters_of(options) | {"dropout", "recurrent_dropout"}
    return Constructor(name, LIBRARY, signature, reads, cell_of(definition, options))


def other(name: str, signature: str, reads: str, lower: Callable[[Call], Meaning]) -> Constructor:
    return Constructor(name, LIBRARY, signature, frozenset(reads.split()), lower)


def _conv(axes: int) -> Constructor:
    reads = _parameters_of(CONV) | _parameters_of(STRIDED) | _TIME | {"data_format"}
    return Constructor(f"ConvLSTM{axes}D", LIBRARY, _CONVOLVED, reads, conv_lstm)


CONSTRUCTORS = (
    _layer(
        "SimpleRNN",
        f"units, activation='tanh', use_bias=True, {_INITIAL}{_REGULAR}{_ACTIVITY}{_CONSTRAINT}{_LAYER}"
        "seed=None, **kwargs",
        "RNN",
        RNN,
    ),
    _layer(
        "LSTM",
        f"{_GATED}{_INITIAL}unit_forget_bias=True, {_REGULAR}{_ACTIVITY}{_CONSTRAINT}seed=None, {_LAYER}"
        "use_cudnn='auto', **kwargs",
        "LSTM",
        LSTM,
    ),
    _layer(
        "GRU",
        f"{_GATED}{_INITIAL}{_REGULAR}{_ACTIVITY}{_CONSTRAINT}seed=None, {_LAYER}"
        "reset_after=True, use_cudnn='auto', **kwargs",
        "GRU",
        GRU,
    ),
    _cudnn("CuDNNLSTM", "unit_forget_bias=True, ", cudnn_layer_of("LSTM", CUDNN_LSTM)),
    _cudnn("CuDNNGRU", "", cudnn_layer_of("GRU", CUDNN_GRU)),
    _cell(
        "SimpleRNNCell",
        f"units, activation='tanh', use_bias=True, {_INITIAL}{_REGULAR}{_CONSTRAINT}seed=None, **kwargs",
        "RNN",
        RNN,
    ),
    _cell(
        "LSTMCell", f"{_GATED}{_INITIAL}unit_forget_bias=True, {_REGULAR}{_CONSTRAINT}seed=None, **kwargs", "LSTM", LSTM
    ),
    _cell("GRUCell", f"{_GATED}{_INITIAL}{_REGULAR}{_CONSTRAINT}reset_after=True, seed=None, **kwargs", "GRU", GRU),
    _conv(1),
    _conv(2),
    _conv(3),
    other(
        "RNN",
        f"cell, {_LAYER}zero_output_for_mask=False, **kwargs",
        "cell return_sequences go_backwards",
        rnn,
    ),
    other("StackedRNNCells", "cells, **kwargs", "cells", lambda call: stacked(call, "cells")),
    Constructor(
        "Bidirectional",
        LIBRARY,
        "layer, merge_mode='concat', weights=None, backward_layer=None, **kwargs",
        frozenset(("layer", "merge_mode", "backward_layer")),
        bidirectional,
        states=states_of,
        runs=recurrence,
    ),
)
