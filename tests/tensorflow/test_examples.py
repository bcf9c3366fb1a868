"""`rnnc verify --target tf` on the examples, and their modules against what the real TensorFlow 1.15 computed."""

from __future__ import annotations

import pytest

from rnnc.syntax.source import read_source
from rnnc.verify.commands import verify_against, verify_source
from tests.tensorflow.support import EXAMPLES, tf
from tests.verify.cases import CASES, Case

assert tf  # without TensorFlow this file is skipped
GOLDEN = EXAMPLES.parent / "tests" / "golden"

NAMES = [
    "attention",
    "basic_lstm",
    "bidirectional:Bidirectional",
    "bidirectional:StackedBidirectional",
    "classifier",
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
    "lstm",
    "lstm_block",
    "lstm_variants:FGR",
    "mamba:Mamba",
    "multi:Multi",
    "narx",
    "nas",
    "on_lstm",
    "phased_lstm",
    "residual",
    "retention",
    "rnn",
    "rwkv:TimeMixing",
    "skip_rnn",
    "sru",
    "time_freq_lstm",
    "ugrnn",
    "weight_norm_lstm",
    "wrappers:Embedding",
    "wrappers:Highway",
    "xlstm:MLSTM",
    "xlstm:SLSTM",
]
OPTIONS = {
    "time_freq_lstm": {"slices": "1"},
    "attention": {"inner": "LSTM(units = 3)", "window": "2"},
    "bidirectional:Bidirectional": {"fw": "LSTM(3)", "bw": "GRU(2)"},
    "bidirectional:StackedBidirectional": {"fw": "[LSTM(3), LSTM(2)]", "bw": "[LSTM(3), LSTM(2)]"},
    "delta_net:GatedDeltaNet": {"units": "4", "heads": "2"},
    "dropout": {"inner": "LSTM(3)", "input_keep": "0.7", "state_keep": "0.8", "output_keep": "0.6"},
    "gru": {"reset": "after"},
    "lstm": {"peepholes": "true", "proj": "2", "cell_clip": "0.3", "proj_clip": "0.2"},
    "mamba:Mamba": {"units": "2", "N": "3"},
    "multi:Multi": {"cells": "[LSTM(3), GRU(2)]"},
    "on_lstm": {"units": "4", "chunk": "2"},
    "residual": {"inner": "GRU(3)"},
    "retention": {"units": "8", "heads": "2"},
    "rwkv:TimeMixing": {"width": "2"},
    "skip_rnn": {"inner": "RNN(2)"},
    "wrappers:Embedding": {"inner": "LSTM(3)", "classes": "5", "size": "2"},
    "wrappers:Highway": {"inner": "LSTM(3)"},
    "xlstm:MLSTM": {"units": "4", "heads": "2"},
    "xlstm:SLSTM": {"units": "4", "heads": "2"},
}


@pytest.mark.parametrize("example", NAMES)
def test_module_computes_what_the_description_says(example: str) -> None:
    file, _, name = example.partition(":")
    report = verify_source(read_source(EXAMPLES / f"{file}.rnn"), name or None, OPTIONS.get(example), target="tf")
    assert report.passed, report.failures


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.golden)
def test_module_computes_what_tensorflow_did(case: Case) -> None:
    """Every recording that the NumPy target passes, the training runs with all losses of Adam among them."""
    file, _, name = case.example.partition(":")
    source = read_source(EXAMPLES / file)
    report = verify_against(source, GOLDEN / f"{case.golden}.npz", name or None, case.options, target="tf")
    assert report.passed, report.failures
