"""Cells and wrappers of `tf.contrib.rnn` of TensorFlow 1.15; its fused kernels stand in `fused`."""

from __future__ import annotations

import math

from rnnc.importing.libraries.tensorflow import cell, special, wrapped
from rnnc.importing.pieces.lowering import NOTHING_KEPT, Call
from rnnc.importing.pieces.pieces import Piece
from rnnc.importing.pieces.rows import (
    Lower,
    Option,
    bound,
    flag,
    fraction,
    function,
    inner,
    limit,
    listed,
    number,
    optional_size,
    size,
    sizes,
    spelled,
    whole,
)

LSTM = {
    "units": size("num_units"),
    "proj": optional_size("num_proj"),
    "peepholes": flag("use_peepholes"),
    "forget_bias": number("forget_bias"),
    "cell_clip": limit("cell_clip"),
    "proj_clip": limit("proj_clip"),
    "activation": function("activation"),
}


def layer_norm_basic_lstm(call: Call) -> Piece:
    """LayerNormBasicLSTMCell; without normalisation and dropout it is an LSTM."""
    plain = {name: LSTM[name] for name in ("units", "forget_bias", "activation")}
    if call.fraction("dropout_keep_prob") == 0:
        raise call.cannot("dropout_keep_prob", NOTHING_KEPT)
    if call.flag("layer_norm") or call.fraction("dropout_keep_prob") < 1:
        definition = "LayerNormLSTM" if call.flag("layer_norm") else "RecurrentDropoutLSTM"
        return bound(call, definition, {**plain, "keep": fraction("dropout_keep_prob")})
    return bound(call, "LSTM", plain, scope="layer_norm_basic_lstm_cell")


def layer_norm_lstm(call: Call) -> Piece:
    """LayerNormLSTMCell; without normalisation it is an LSTM."""
    if call.flag("layer_norm"):
        return bound(call, "LayerNormLSTM", LSTM, layout="tf_full")
    return bound(call, "LSTM", LSTM, scope="layer_norm_lstm_cell")


def weight_norm_lstm(call: Call) -> Piece:
    """WeightNormLSTMCell; without normalisation it is an LSTM."""
    if call.flag("norm"):
        return bound(call, "WeightNormLSTM", LSTM)
    return bound(call, "LSTM", LSTM, scope="wn_lstm_cell/wn_lstm_cell")


def intersection(call: Call) -> Piece:
    """With `num_in_proj` the input is projected where it is not as wide as the state, whatever the number."""
    options: dict[str, Option] = {
        "units": size("num_units"),
        "forget_bias": number("forget_bias"),
        "y_activation": function("y_activation"),
    }
    if not call.has("num_in_proj"):
        return bound(call, "IntersectionRNN", options)
    call.size("num_in_proj")
    return bound(call, "ProjectedIntersectionRNN", {**options, "always": "false"})


def takes_width(cell: Piece) -> bool:
    """Whether compiling a cell takes the width of its input, which nothing here tells."""
    is_open = cell.definition == "ProjectedIntersectionRNN" and "always" in cell.arguments
    return is_open or any(map(takes_width, cell.inside))


TOLD_WIDTH = (
    "`num_in_proj` of IntersectionRNNCell: TensorFlow projects the input unless it is as wide as the state, so "
    "compiling this takes its width, -D input=…"
)


def phased_lstm(call: Call) -> Piece:
    options = {
        "units": size("num_units"),
        "peepholes": flag("use_peepholes"),
        "leak": number("leak"),
        "ratio_on_init": number("ratio_on"),
    }
    least, most = call.number("period_init_min"), call.number("period_init_max")
    if not 0 < least < most:
        raise call.wrong("period_init_max", "larger than `period_init_min`, which is positive")
    period = f"exponential_uniform({spelled(math.log(least))}, {spelled(math.log(most))})"
    return bound(call, "PhasedLSTM", {**options, "period_init": period})


def conv_lstm(axes: int | None) -> Lower:
    """ConvLSTMCell, whose first argument counts the axes, or the one that is for so many."""

    def lower(call: Call) -> Piece:
        count = axes or call.size("conv_ndims")
        if not 1 <= count <= 3:
            raise call.wrong("conv_ndims", "1, 2 or 3")
        if len(call.numbers("input_shape", 1)) != count + 1:
            raise call.cannot("input_shape", f"{count} axes and the channels are {count + 1} sizes")
        if len(call.numbers("kernel_shape", 1)) != count:
            raise call.cannot("kernel_shape", f"{count} sizes are wanted")
        if call.flag("skip_connection"):
            why = "the input joins the state, which has another shape after the step then: no cell that steps twice"
            raise call.cannot("skip_connection", why, "concat(h', x) in the output of the cell")
        options = {
            "filters": size("output_channels"),
            "kernel": sizes("kernel_shape"),
            "forget_bias": number("forget_bias"),
            "bias": flag("use_bias"),
        }
        return bound(call, f"ConvLSTM{count}D", options)

    return lower


def group_lstm(call: Call) -> Piece:
    groups = call.size("number_of_groups")
    for parameter in ("num_units", "num_proj"):
        if call.has(parameter) and call.size(parameter) % groups:
            raise call.cannot(parameter, f"{call.size(parameter)} does not fall into {groups} groups")
    options = {name: LSTM[name] for name in ("units", "proj", "forget_bias", "activation")}
    return bound(call, "GroupLSTM", {**options, "groups": size("number_of_groups")})


def grid(definition: str) -> Lower:
    """GridLSTMCell and its bidirectional sister; the ends of blocks follow from starts and counts."""

    def lower(call: Call) -> Piece:
        blocks = call.numbers("num_frequency_blocks", 1)
        starts = call.numbers("start_freqindex_list", 0) if call.has("start_freqindex_list") else [0]
        if len(starts) != len(blocks):
            raise call.cannot("num_frequency_blocks", f"{len(blocks)} blocks need as many in `start_freqindex_list`")
        for parameter in ("feature_size", "frequency_skip"):
            if not call.has(parameter):
                raise call.wrong(parameter, "a whole number from 1 on")
        if "state_is_tuple" in call.made.constructor.parameters and not call.flag("state_is_tuple") and len(blocks) > 1:
            why = "with several blocks TensorFlow reads the states of the first for all of them"
            raise call.cannot("state_is_tuple", why, "state_is_tuple=True")
        options = {
            "units": size("num_units"),
            "feature": size("feature_size"),
            "blocks": sizes("num_frequency_blocks"),
            "starts": listed(map(str, starts)),
            "skip": size("frequency_skip"),
            "peepholes": flag("use_peepholes"),
            "tied": flag("share_time_frequency_weights"),
            "coupled": flag("couple_input_forget_gates"),
            "forget_bias": number("forget_bias"),
            "cell_clip": limit("cell_clip"),
        }
        if "backward_slice_offset" in call.made.constructor.parameters:
            options["offset"] = whole("backward_slice_offset")
        return bound(call, definition, options)

    return lower


def time_freq(call: Call) -> Piece:
    if not call.has("feature_size"):
        raise call.wrong("feature_size", "a whole number from 1 on")
    options = {
        "units": size("num_units"),
        "feature": size("feature_size"),
        "skip": size("frequency_skip"),
        "forget_bias": number("forget_bias"),
        "peepholes": flag("use_peepholes"),
        "cell_clip": limit("cell_clip"),
    }
    call.lowering.remarks.add("TimeFreqLSTMCell walks over the whole input: compiling this takes its width, -D input=…")
    return bound(call, "TimeFreqLSTM", options)


_GRID = (
    "num_units, use_peepholes=False, share_time_frequency_weights=False, cell_clip=None, initializer=None, "
    "num_unit_shards=1, forget_bias=1.0, feature_size=None, frequency_skip=None, num_frequency_blocks=None, "
    "start_freqindex_list=None, end_freqindex_list=None, couple_input_forget_gates=False, "
)
_GRID_READS = (
    "num_units use_peepholes share_time_frequency_weights cell_clip forget_bias feature_size frequency_skip "
    "num_frequency_blocks start_freqindex_list end_freqindex_list couple_input_forget_gates state_is_tuple"
)
_CONV = (
    "input_shape, output_channels, kernel_shape, use_bias=True, skip_connection=False, forget_bias=1.0, "
    "initializers=None, name='conv_lstm_cell'"
)
_CONV_READS = "conv_ndims input_shape output_channels kernel_shape use_bias skip_connection forget_bias"
_GATED = (
    "activation='tanh', kernel_initializer='glorot_uniform', bias_initializer='ones', name=None, dtype=None, **kwargs"
)
_LSTM_READS = "num_units num_proj use_peepholes forget_bias cell_clip proj_clip activation layer_norm norm"

CONSTRUCTORS = (
    cell(
        "CoupledInputForgetGateLSTMCell",
        "num_units, use_peepholes=False, initializer=None, num_proj=None, proj_clip=None, num_unit_shards=1, "
        "num_proj_shards=1, forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None, layer_norm=False, "
        "norm_gain=1.0, norm_shift=0.0",
        "CoupledLSTM",
        units=size("num_units"),
        proj=optional_size("num_proj"),
        peepholes=flag("use_peepholes"),
        layer_norm=flag("layer_norm"),
        forget_bias=number("forget_bias"),
        proj_clip=limit("proj_clip"),
        activation=function("activation"),
    ),
    special(
        "LayerNormBasicLSTMCell",
        "num_units, forget_bias=1.0, input_size=None, activation=None, layer_norm=True, norm_gain=1.0, norm_shift=0.0, "
        "dropout_keep_prob=1.0, dropout_prob_seed=None, reuse=None",
        "num_units forget_bias activation layer_norm dropout_keep_prob",
        layer_norm_basic_lstm,
    ),
    special(
        "LayerNormLSTMCell",
        "num_units, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None, proj_clip=None, "
        "forget_bias=1.0, activation=None, layer_norm=False, norm_gain=1.0, norm_shift=0.0, reuse=None",
        _LSTM_READS,
        layer_norm_lstm,
    ),
    special(
        "WeightNormLSTMCell",
        "num_units, norm=True, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None, proj_clip=None, "
        "forget_bias=1, activation=None, reuse=None",
        _LSTM_READS,
        weight_norm_lstm,
    ),
    *(
        cell(
            "NASCell",
            f"num_units, num_proj=None, {bias}=False, reuse=None, **kwargs",
            "NAS",
            units=size("num_units"),
            proj=optional_size("num_proj"),
            bias=flag(bias),
        )
        for bias in ("use_bias", "use_biases")  # of TensorFlow 1.15, and of older ones
    ),
    cell(
        "UGRNNCell",
        "num_units, initializer=None, forget_bias=1.0, activation=None, reuse=None",
        "UGRNN",
        units=size("num_units"),
        forget_bias=number("forget_bias"),
        activation=function("activation"),
    ),
    cell(
        "MinimalRNNCell",
        f"units, {_GATED}",
        "MinimalRNN",
        units=size("units"),
        activation=function("activation"),
    ),
    cell(
        "CFNCell",
        f"units, {_GATED}",
        "ComplementCFN",
        units=size("units"),
        activation=function("activation"),
    ),
    special(
        "IntersectionRNNCell",
        "num_units, num_in_proj=None, initializer=None, forget_bias=1.0, y_activation=None, reuse=None",
        "num_units num_in_proj forget_bias y_activation",
        intersection,
    ),
    special(
        "PhasedLSTMCell",
        "num_units, use_peepholes=False, leak=0.001, ratio_on=0.1, trainable_ratio_on=True, period_init_min=1.0, "
        "period_init_max=1000.0, reuse=None",
        "num_units use_peepholes leak ratio_on period_init_min period_init_max",
        phased_lstm,
    ),
    special("ConvLSTMCell", f"conv_ndims, {_CONV}", _CONV_READS, conv_lstm(None)),
    special("Conv1DLSTMCell", f"*, {_CONV.replace('conv_lstm', 'conv_1d_lstm')}", _CONV_READS, conv_lstm(1)),
    special("Conv2DLSTMCell", f"*, {_CONV.replace('conv_lstm', 'conv_2d_lstm')}", _CONV_READS, conv_lstm(2)),
    special("Conv3DLSTMCell", f"*, {_CONV.replace('conv_lstm', 'conv_3d_lstm')}", _CONV_READS, conv_lstm(3)),
    special(
        "GLSTMCell",
        "num_units, initializer=None, num_proj=None, number_of_groups=1, forget_bias=1.0, activation=None, reuse=None",
        "num_units num_proj number_of_groups forget_bias activation",
        group_lstm,
    ),
    cell(
        "SRUCell",
        "num_units, activation=None, reuse=None, name=None, **kwargs",
        "SRU",
        units=size("num_units"),
        activation=function("activation"),
    ),
    cell(
        "IndRNNCell",
        "num_units, activation=None, reuse=None, name=None, dtype=None",
        "IndRNN",
        units=size("num_units"),
        activation=function("activation"),
    ),
    cell(
        "IndyGRUCell",
        "num_units, activation=None, reuse=None, kernel_initializer=None, bias_initializer=None, name=None, dtype=None",
        "IndyGRU",
        units=size("num_units"),
        activation=function("activation"),
    ),
    cell(
        "IndyLSTMCell",
        "num_units, forget_bias=1.0, activation=None, reuse=None, kernel_initializer=None, bias_initializer=None, "
        "name=None, dtype=None",
        "IndyLSTM",
        units=size("num_units"),
        forget_bias=number("forget_bias"),
        activation=function("activation"),
    ),
    special(
        "TimeFreqLSTMCell",
        "num_units, use_peepholes=False, cell_clip=None, initializer=None, num_unit_shards=1, forget_bias=1.0, "
        "feature_size=None, frequency_skip=1, reuse=None",
        "num_units use_peepholes cell_clip forget_bias feature_size frequency_skip",
        time_freq,
    ),
    special("GridLSTMCell", f"{_GRID}state_is_tuple=True, reuse=None", _GRID_READS, grid("GridLSTM")),
    special(
        "BidirectionalGridLSTMCell",
        f"{_GRID}backward_slice_offset=0, reuse=None",
        f"{_GRID_READS} backward_slice_offset",
        grid("BidirectionalGridLSTM"),
    ),
    # wrappers
    cell(
        "AttentionCellWrapper",
        "cell, attn_length, attn_size=None, attn_vec_size=None, input_size=None, state_is_tuple=True, reuse=None",
        "Attention",
        inner=inner("cell"),
        window=size("attn_length"),
        size=optional_size("attn_size"),
        vector=optional_size("attn_vec_size"),
        project=optional_size("input_size"),
    ),
    cell(
        "HighwayWrapper",
        "cell, couple_carry_transform_gates=True, carry_bias_init=1.0",
        "Highway",
        inner=inner("cell"),
        couple=flag("couple_carry_transform_gates"),
        carry_bias=number("carry_bias_init"),
    ),
    special("CompiledWrapper", "cell, compile_stateful=False", "cell", wrapped),
    cell(
        "EmbeddingWrapper",
        "cell, embedding_classes, embedding_size, initializer=None, reuse=None",
        "Embedding",
        inner=inner("cell"),
        classes=size("embedding_classes"),
        size=size("embedding_size"),
    ),
    cell(
        "InputProjectionWrapper",
        "cell, num_proj, activation=None, input_size=None, reuse=None",
        "InputProjection",
        inner=inner("cell"),
        size=size("num_proj"),
        activation=function("activation"),
    ),
    cell(
        "OutputProjectionWrapper",
        "cell, output_size, activation=None, reuse=None",
        "OutputProjection",
        inner=inner("cell", further=True),
        size=size("output_size"),
        activation=function("activation"),
    ),
)
