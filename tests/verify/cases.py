"""Which example computes what each recording of TensorFlow 1.15 holds: FILE:NAME and -D options."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """`example` is FILE or FILE:NAME in examples/."""

    golden: str
    example: str
    options: dict[str, str]


def case(golden: str, example: str, **options: str) -> Case:
    return Case(golden, example, options)


PEEPHOLES = "LSTM(4, peepholes = true)"

CASES = [
    # tf.nn.rnn_cell
    case("basic_rnn_tanh", "rnn.rnn"),
    case("basic_rnn_relu", "rnn.rnn", activation="relu"),
    case("gru", "gru.rnn", reset="before"),
    case("gru_zero_state", "gru.rnn"),
    case("basic_lstm", "basic_lstm.rnn"),
    case("basic_lstm_concat_state", "basic_lstm.rnn"),
    case("basic_lstm_fb0", "basic_lstm.rnn", forget_bias="0.0"),
    case("basic_lstm_relu", "basic_lstm.rnn", activation="relu"),
    case("lstm", "lstm.rnn"),
    case("lstm_fb0", "lstm.rnn", forget_bias="0.0"),
    case("lstm_peepholes", "lstm.rnn", peepholes="true"),
    case("lstm_peepholes_zero_state", "lstm.rnn", peepholes="true"),
    case("lstm_proj", "lstm.rnn", proj="3"),
    case("lstm_proj_clip", "lstm.rnn", proj="3", proj_clip="0.25"),
    case("lstm_cell_clip", "lstm.rnn", cell_clip="0.4"),
    case("lstm_sharded", "lstm.rnn", proj="3"),
    case("lstm_single_step", "lstm.rnn", peepholes="true"),
    case("dropout_keep1", "dropout.rnn", inner="LSTM(4)"),
    case("dropout_input_static", "dropout.rnn", inner="LSTM(4)", input_keep="0.6"),
    case("dropout_input_dynamic", "dropout.rnn", inner="GRU(4)", input_keep="0.6"),
    case("multi_lstm3", "multi.rnn", cells="[LSTM(4), LSTM(3), LSTM(5)]"),
    case("multi_concat_state", "multi.rnn", cells="[GRU(4), BasicLSTM(3)]"),
    case("multi_same_object", "multi.rnn:SharedLayers", inner="BasicLSTM(4)"),
    case("residual_lstm", "residual.rnn", inner="LSTM(4)"),
    # drivers
    case("dyn_no_initial_state", "basic_lstm.rnn"),
    case("dyn_seq_lstm_peepholes", "lstm.rnn", peepholes="true"),
    case("dyn_time_major_lstm", "lstm.rnn"),
    case("static_lstm", "basic_lstm.rnn"),
    case("static_no_initial_state", "lstm.rnn", peepholes="true"),
    case("static_bidir_lstm", "bidirectional.rnn", fw=PEEPHOLES, bw="LSTM(3, peepholes = true)"),
    case("bidir_dyn_lstm_peepholes_zero", "bidirectional.rnn", fw=PEEPHOLES, bw=PEEPHOLES),
    case("bidir_dyn_seq_lstm_peepholes", "bidirectional.rnn", fw=PEEPHOLES, bw=PEEPHOLES),
    case(
        "stack_bidir_dyn_seq", "bidirectional.rnn:StackedBidirectional", fw="[LSTM(4), GRU(2)]", bw="[LSTM(3), GRU(2)]"
    ),
    # training
    case("train_rows_adam", "classifier.rnn"),
    case("train_rows_adam_float32", "classifier.rnn"),
    # tf.contrib
    case("conv1d", "conv_lstm.rnn:ConvLSTM1D"),
    case("conv2d", "conv_lstm.rnn:ConvLSTM2D"),
    case("conv2d_zero_state", "conv_lstm.rnn:ConvLSTM2D"),
    case("coupled", "coupled_lstm.rnn"),
    case("coupled_peepholes", "coupled_lstm.rnn", peepholes="true", forget_bias="0.5"),
    case("coupled_sharded_concat", "coupled_lstm.rnn"),
    case("compiled_wrapper_lstm", "lstm.rnn"),
    case("gru_block_v2", "gru.rnn"),
    case("cudnn_compatible_gru", "gru.rnn", reset="after"),
    case("lstm_block", "lstm.rnn:LSTMBlock"),
    case("lstm_block_peephole", "lstm.rnn:LSTMBlock", peepholes="true", forget_bias="0.5"),
    case("lstm_block_seq", "lstm.rnn:LSTMBlock"),
    case("lstm_block_fused", "lstm.rnn:LSTMBlock"),
    case("lstm_block_fused_clip", "lstm.rnn:LSTMBlock", peepholes="true", cell_clip="0.4"),
    case("layer_norm_lstm", "layer_norm_lstm.rnn"),
    case("layer_norm_lstm_off", "lstm.rnn"),
    case("sru", "sru.rnn"),
    case("ugrnn", "ugrnn.rnn"),
    case("intersection", "intersection_rnn.rnn"),
    case("indrnn", "indrnn.rnn"),
    case("indygru", "indrnn.rnn:IndyGRU"),
    case("indylstm", "indrnn.rnn:IndyLSTM"),
    case("nas", "nas.rnn"),
]
