"""What the gallery shows: definitions of examples/ with the options that they are shown with, and proved with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """`FILE:NAME`, or FILE where that is enough. `proved`: smaller options for the proof, where those are large."""

    example: str
    options: dict[str, str] = field(default_factory=dict[str, str])
    proved: dict[str, str] | None = None
    page: str = ""
    title: str = ""

    @property
    def file(self) -> str:
        return f"{self.example.partition(':')[0]}.rnn"

    @property
    def name(self) -> str | None:
        return self.example.partition(":")[2] or None

    @property
    def slug(self) -> str:
        """The name of its page."""
        return self.page or self.example.replace(":", "-").lower()

    @property
    def checked(self) -> dict[str, str]:
        """The options of its proof."""
        return self.options if self.proved is None else self.proved


KEPT = {"keep": "0.9", "recurrent_keep": "0.8"}

GROUPS: dict[str, list[Entry]] = {
    "Simple recurrent networks": [
        Entry("rnn"), Entry("elman:Elman"), Entry("elman:Jordan"), Entry("narx"), Entry("indrnn:IndRNN"),
        Entry("antisymmetric"), Entry("cornn:CoRNN"), Entry("cornn:UnICORNN"), Entry("lem"),
        Entry("lipschitz"), Entry("liquid:CfC"), Entry("liquid:LTC", {"steps": "2"}),
        Entry("fast_grnn:FastRNN"), Entry("reservoir:EchoState"), Entry("reservoir:SCRN"), Entry("clockwork"),
        Entry("highway_rnn"), Entry("fast_weights"), Entry("weighted_average"),
        Entry("dnc:DNC", {}, {"units": "3", "slots": "4", "width": "2"}),
        Entry("ntm:NTM", {}, {"units": "3", "slots": "4", "width": "2"}), Entry("skip_input:SkipInputRNN"),
    ],
    "LSTM and its relatives": [
        Entry("lstm"),
        Entry("lstm", {"peepholes": "true"}, None, "lstm-peepholes", "LSTM with peepholes"),
        Entry("lstm", {"peepholes": "true", "proj": "32", "cell_clip": "3"},
              {"peepholes": "true", "proj": "2", "cell_clip": "0.3"}, "lstm-projection",
              "LSTM with projection and clip"),
        Entry("basic_lstm"), Entry("lstm_block"), Entry("coupled_lstm"), Entry("lstm_variants:Vanilla"),
        Entry("lstm_variants:NIG"), Entry("lstm_variants:NFG"), Entry("lstm_variants:NOG"), Entry("lstm_variants:NIAF"),
        Entry("lstm_variants:NOAF"), Entry("lstm_variants:CIFG"), Entry("lstm_variants:NP"), Entry("lstm_variants:FGR"),
        Entry("layer_norm_lstm", {"keep": "0.9"}), Entry("layer_norm_cells:LayerNormProductsLSTM"),
        Entry("weight_norm_lstm"), Entry("group_lstm"), Entry("phased_lstm"), Entry("time_lstm"),
        Entry("sub_lstm"), Entry("fast_slow", {"slow_units": "256"}, {"slow_units": "2"}),
        Entry("pred_rnn", {"layers": "2"}, {"layers": "2", "filters": "2", "kernel": "[3, 3]"}),
        Entry("conv_lstm:ConvLSTM1D"), Entry("conv_lstm:ConvLSTM2D"), Entry("conv_lstm:ConvLSTM3D"),
        *(Entry(f"strided_conv_lstm:StridedConvLSTM{n}D") for n in (1, 2, 3)),
        Entry("multiplicative:MultiplicativeLSTM"), Entry("multiplicative:MIRNN"), Entry("mogrifier"),
        Entry("nested_lstm"), Entry("on_lstm", {}, {"units": "4", "chunk": "2"}), Entry("hyper_lstm"),
        Entry("indrnn:IndyLSTM"), Entry("janet"), Entry("grid_lstm:GridLSTM"), Entry("grid_lstm:BidirectionalGridLSTM"),
        Entry("skip_input:SkipInputLSTM"),
        Entry("time_freq_lstm", {"slices": "2"}, {"slices": "1"}),
        Entry("xlstm:SLSTM", {}, {"units": "4", "heads": "2"}), Entry("xlstm:MLSTM", {}, {"units": "4", "heads": "2"}),
    ],
    "Gated units": [
        Entry("gru", {"reset": "before"}),
        Entry("gru", {"reset": "after"}, None, "gru-after", "GRU, reset after the product"),
        Entry("gru_variants:GRUv1"), Entry("gru_variants:GRUv3"), Entry("gru_variants:ChungGRU"),
        Entry("gru_variants:GRU1"), Entry("gru_variants:GRU2"), Entry("gru_variants:GRU3"), Entry("gru_d"),
        Entry("layer_norm_cells:LayerNormGRU"), Entry("layer_norm_cells:LayerNormProductsGRU"),
        Entry("layer_norm_cells:DreamerGRU"), Entry("indrnn:IndyGRU"), Entry("mgu:MGU"), Entry("mgu:MGU1"),
        Entry("mgu:MGU2"), Entry("mgu:MGU3"), Entry("ligru"), Entry("mut:MUT1"), Entry("mut:MUT2"), Entry("mut:MUT3"),
        Entry("ugrnn"), Entry("intersection_rnn:IntersectionRNN"), Entry("intersection_rnn:ProjectedIntersectionRNN"),
        Entry("fast_grnn:FastGRNN"), Entry("star"), Entry("conv_gru"), Entry("tau_gru"),
        Entry("additive:RAN"), Entry("additive:ATR"), Entry("additive:LightRU"), Entry("bistable:BRC"),
        Entry("bistable:NBRC"), Entry("minimal_rnn"), Entry("cfn:CFN"), Entry("cfn:ComplementCFN"),
        Entry("nas"), Entry("min_gru:MinGRU"), Entry("min_gru:MinLSTM"), Entry("skip_input:SkipInputGRU"),
    ],
    "Linear recurrences": [
        Entry("strongly_typed:TRNN"), Entry("strongly_typed:TGRU"), Entry("strongly_typed:TLSTM"),
        Entry("qrnn:QRNN"), Entry("qrnn:TorchQRNN"), Entry("sru"), Entry("light_sru:LightSRU"),
        Entry("light_sru:FirstSRU"), Entry("light_sru:SRUpp"), Entry("hgrn"), Entry("rg_lru"), Entry("lru"),
        Entry("lmu"), Entry("mamba:S6", {"units": "16"}, {"units": "2", "N": "3"}),
        Entry("mamba:Mamba", {"units": "16"}, {"units": "2", "N": "3"}),
        Entry("retention", {"units": "64", "heads": "4"}, {"units": "8", "heads": "2"}),
        Entry("rwkv:TimeMixing", {}, {"width": "2"}), Entry("rwkv:ChannelMixing", {}, {"width": "2"}),
        Entry("linear_attention:LinearAttention"), Entry("linear_attention:GatedLinearAttention"),
        Entry("delta_net:DeltaNet", {}, {"units": "4", "heads": "2"}),
        Entry("delta_net:GatedDeltaNet", {}, {"units": "4", "heads": "2"}),
        Entry("test_time:TTTLinear", {"units": "64", "heads": "4"}, {"units": "6", "heads": "2"}),
        Entry("test_time:NeuralMemory", {"units": "64", "hidden": "128"}, {"units": "3", "hidden": "4"}),
    ],
    "Cells around cells": [
        Entry("attention", {"inner": "LSTM(64)", "window": "8"}, {"inner": "LSTM(units = 3)", "window": "2"}),
        Entry("ode_rnn:ODERNN", {"inner": "GRU(64)"}, {"inner": "GRU(3)", "steps": "2"}),
        Entry("skip_rnn", {"inner": "GRU(64, reset = before)"}, {"inner": "RNN(2)"}),
        Entry("wrappers:InputProjection", {"inner": "LSTM(64)", "size": "32"}, {"inner": "LSTM(3)", "size": "2"}),
        Entry("wrappers:OutputProjection", {"inner": "LSTM(64)", "size": "10"}, {"inner": "LSTM(3)", "size": "2"}),
        Entry("wrappers:Embedding", {"inner": "LSTM(64)", "classes": "1000", "size": "32"},
              {"inner": "LSTM(3)", "classes": "5", "size": "2"}),
        Entry("wrappers:Highway", {"inner": "LSTM(64)"}, {"inner": "LSTM(3)"}),
        Entry("dropout", {"inner": "LSTM(64)", "state_keep": "0.8"}, {"inner": "LSTM(3)", "state_keep": "0.8"}),
        *(Entry(f"variational:Variational{name}", KEPT, KEPT) for name in ("RNN", "GRU", "LSTM")),
        Entry("residual", {"inner": "GRU(64, reset = before)"}, {"inner": "GRU(3)"}),
        Entry("residual:ResidualBy", {"inner": "GRU(64, reset = before)"}, {"inner": "GRU(3)"}),
    ],
    "Networks": [
        Entry("multi:Multi"), Entry("multi:MultiCell"),
        Entry("multi:SharedLayers", {"inner": "GRU(64)"}, {"inner": "GRU(3)"}),
        Entry("bidirectional:Bidirectional", {"fw": "LSTM(64)", "bw": "LSTM(64)"}, {"fw": "LSTM(3)", "bw": "GRU(2)"}),
        Entry("bidirectional:SharedBidirectional", {"inner": "GRU(64)"}, {"inner": "GRU(3)"}),
        Entry("bidirectional:StackedBidirectional", {"fw": "[LSTM(64), LSTM(32)]", "bw": "[LSTM(64), LSTM(32)]"},
              {"fw": "[LSTM(3), LSTM(2)]", "bw": "[LSTM(3), LSTM(2)]"}),
        Entry("bidirectional:TimeReversed", {"inner": "LSTM(64)"}, {"inner": "LSTM(3)"}), Entry("classifier"),
        Entry("autoencoder", {}, {"units": "3", "frame": "2"}),
    ],
}  # fmt: skip

ENTRIES = [entry for group in GROUPS.values() for entry in group]
