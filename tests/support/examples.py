"""Examples that are proved on every target, `FILE` or `FILE:NAME`, with options for those that need some.

Proving takes seconds for each, so that `make test` proves a cover on the slower targets: `parameters` marks the others.
"""

from __future__ import annotations

import pytest

NAMES = [
    "attention",
    "autoencoder",
    "basic_lstm",
    "bidirectional:Bidirectional",
    "bidirectional:SharedBidirectional",
    "bidirectional:StackedBidirectional",
    "cfn:ComplementCFN",
    "classifier",
    "conv_gru",
    "conv_lstm:ConvLSTM1D",
    "conv_lstm:ConvLSTM2D",
    "coupled_lstm",
    "delta_net:GatedDeltaNet",
    "dropout",
    "grid_lstm:GridLSTM",
    "group_lstm",
    "gru",
    "gru_d",
    "hyper_lstm",
    "indrnn:IndRNN",
    "indrnn:IndyGRU",
    "indrnn:IndyLSTM",
    "intersection_rnn",
    "layer_norm_lstm",
    "liquid:LTC",
    "lstm",
    "lstm_block",
    "lstm_variants:FGR",
    "mamba:Mamba",
    "minimal_rnn",
    "multi:Multi",
    "narx",
    "nas",
    "dnc:DNC",
    "ntm:NTM",
    "ode_rnn",
    "on_lstm",
    "phased_lstm",
    "pred_rnn",
    "residual",
    "retention",
    "rnn",
    "rwkv:TimeMixing",
    "skip_rnn",
    "sru",
    "strided_conv_lstm:StridedConvLSTM2D",
    "tau_gru",
    "test_time:TTTLinear",
    "time_freq_lstm",
    "ugrnn",
    "variational:VariationalGRU",
    "weighted_average",
    "weight_norm_lstm",
    "wrappers:Embedding",
    "wrappers:Highway",
    "xlstm:MLSTM",
    "xlstm:SLSTM",
]
OPTIONS = {
    "strided_conv_lstm:StridedConvLSTM2D": {"stride": "[2, 1]", "kernel": "[2, 3]"},
    "test_time:TTTLinear": {"units": "6", "heads": "2"},
    "time_freq_lstm": {"slices": "1"},
    "attention": {"inner": "LSTM(units = 3)", "window": "2"},
    "autoencoder": {"units": "3", "frame": "2"},
    "bidirectional:Bidirectional": {"fw": "LSTM(3)", "bw": "GRU(2)"},
    "bidirectional:SharedBidirectional": {"inner": "GRU(3)"},
    "bidirectional:StackedBidirectional": {"fw": "[LSTM(3), LSTM(2)]", "bw": "[LSTM(3), LSTM(2)]"},
    "delta_net:GatedDeltaNet": {"units": "4", "heads": "2"},
    "dropout": {"inner": "LSTM(3)", "input_keep": "0.7", "state_keep": "0.8", "output_keep": "0.6"},
    "gru": {"reset": "after"},
    "lstm": {"peepholes": "true", "proj": "2", "cell_clip": "0.3", "proj_clip": "0.2"},
    "mamba:Mamba": {"units": "2", "N": "3"},
    "multi:Multi": {"cells": "[LSTM(3), GRU(2)]"},
    "liquid:LTC": {"steps": "2"},
    "dnc:DNC": {"units": "3", "slots": "4", "width": "2"},
    "ntm:NTM": {"units": "3", "slots": "4", "width": "2"},
    "ode_rnn": {"inner": "GRU(3)", "steps": "2"},
    "on_lstm": {"units": "4", "chunk": "2"},
    "pred_rnn": {"layers": "2", "filters": "2", "kernel": "[3, 1]"},
    "residual": {"inner": "GRU(3)"},
    "retention": {"units": "8", "heads": "2"},
    "rwkv:TimeMixing": {"width": "2"},
    "skip_rnn": {"inner": "RNN(2)"},
    "variational:VariationalGRU": {"keep": "0.8", "recurrent_keep": "0.7", "reset": "after"},
    "wrappers:Embedding": {"inner": "LSTM(3)", "classes": "5", "size": "2"},
    "wrappers:Highway": {"inner": "LSTM(3)"},
    "xlstm:MLSTM": {"units": "4", "heads": "2"},
    "xlstm:SLSTM": {"units": "4", "heads": "2"},
}

# One of each kind: what the operations and forms of all others are among.
COVER = {
    *(
        "attention",
        "autoencoder",
        "bidirectional:Bidirectional",
        "classifier",
        "conv_lstm:ConvLSTM2D",
        "delta_net:GatedDeltaNet",
    ),
    *("dropout", "gru_d", "lstm", "mamba:Mamba", "phased_lstm", "skip_rnn", "sru", "wrappers:Embedding"),
}


def parameters() -> list[object]:
    """All names, those outside of the cover as slow ones."""
    return [name if name in COVER else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
