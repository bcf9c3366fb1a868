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
    case("lstm_block", "lstm_block.rnn"),
    case("lstm_block_peephole", "lstm_block.rnn", peepholes="true", forget_bias="0.5"),
    case("lstm_block_seq", "lstm_block.rnn"),
    case("lstm_block_fused", "lstm_block.rnn"),
    case("lstm_block_fused_clip", "lstm_block.rnn", peepholes="true", cell_clip="0.4"),
    case("layer_norm_lstm", "layer_norm_lstm.rnn"),
    case("layer_norm_lstm_off", "lstm.rnn"),
    case("sru", "sru.rnn"),
    case("ugrnn", "ugrnn.rnn"),
    case("intersection", "intersection_rnn.rnn"),
    case("indrnn", "indrnn.rnn"),
    case("indygru", "indrnn.rnn:IndyGRU"),
    case("indylstm", "indrnn.rnn:IndyLSTM"),
    case("nas", "nas.rnn"),
    case("attention_lstm", "attention.rnn", inner="LSTM(4)", window="3"),
    case("attention_gru", "attention.rnn", inner="GRU(4)", window="2", size="3", vector="6", project="2"),
    case("input_projection", "wrappers.rnn:InputProjection", inner="GRU(4)", size="3", activation="relu"),
    case("output_projection", "wrappers.rnn:OutputProjection", inner="LSTM(4)"),
    case("embedding", "wrappers.rnn:Embedding", inner="GRU(4)"),
    case("highway_lstm", "wrappers.rnn:Highway", inner="LSTM(4)"),
    case("phased", "phased_lstm.rnn"),
    case("glstm_g1", "group_lstm.rnn"),
    case("glstm_g2", "group_lstm.rnn", groups="2", units="4"),
    case("timefreq_one", "time_freq_lstm.rnn", feature="5", peepholes="true"),
    case("timefreq_three", "time_freq_lstm.rnn", feature="3", slices="3", peepholes="true", cell_clip="0.5"),
    case("grid_one_block", "grid_lstm.rnn", feature="3", blocks="[3]"),
    case("grid_concat_state", "grid_lstm.rnn", feature="3", blocks="[3]"),
    case("grid_two_blocks", "grid_lstm.rnn", feature="2", blocks="[2, 2]", starts="[0, 2]", peepholes="true"),
    case("bigrid", "grid_lstm.rnn:BidirectionalGridLSTM", feature="3", blocks="[3]"),
    case("cudnn_compatible_lstm", "lstm_block.rnn", forget_bias="0.0"),
    case("gru_block_v1", "gru.rnn"),
    case("time_reversed_fused_seq", "bidirectional.rnn:TimeReversed", inner="LSTM(4)"),
]

# A single step whose new state has another shape than the old one: no cell that can be stepped twice computes this.
NOT_A_CELL = {"conv2d_skip_step"}
