"""Options of functions and layers, as other libraries call them: only tables, for messages."""

from __future__ import annotations

# Under which names the language may have them …
OPTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("units", "size", "out_features", "features", "hidden_size", "hidden", "n"), ("out", "units")),
    **dict.fromkeys(("num_units", "hidden_dim", "hidden_units", "out_size"), ("out", "units")),
    **dict.fromkeys(("filters", "out_channels"), ("out",)),
    **dict.fromkeys(("dim", "dims", "axes"), ("axis",)),
    **dict.fromkeys(("use_bias", "has_bias"), ("bias",)),
    **dict.fromkeys(("kernel_initializer", "initializer", "initialiser", "w_init", "weight_init"), ("init",)),
    **dict.fromkeys(("bias_initializer", "bias_initialiser", "b_init"), ("bias_init",)),
    **dict.fromkeys(("recurrent_activation", "inner_activation"), ("gate_activation",)),
    **dict.fromkeys(("nonlinearity", "act", "fn"), ("activation",)),
    **dict.fromkeys(("kernel_size", "window"), ("kernel",)), **dict.fromkeys(("strides",), ("stride",)),
    **dict.fromkeys(("dilation_rate", "dilations"), ("dilation",)), "merge_mode": ("merge",),
    **dict.fromkeys(("p", "prob", "probability", "dropout_rate", "drop_prob"), ("rate",)),
    **dict.fromkeys(("keep_prob", "keep_probability"), ("keep",)),
}  # fmt: skip
# … and what does it in the language where it is no option of the function.
OTHERWISE: dict[str, str] = {
    "return_sequences": "a layer gives every step; `last(y)` is the last one",
    "return_state": "write `use f = …`, `y = f(x)`: `f.h'` is a state of it",
    "activation": "call it: `tanh(linear(x))`",
    "bidirectional": "write `bidirectional(LSTM(units))(x)`",
    "go_backwards": "write `backward(LSTM(units))(x)`",
    "num_layers": "write `stack(LSTM(units), 2)(x)`",
    "groups": "`per = group`: kernels of their own for each place of an axis, which `split` makes of channels",
    "depth_multiplier": "write `per = channel, out = [channel, of: n]`",
    "dropout": "write `dropout(x, 0.1)`",
    "recurrent_dropout": "write `dropout(h, 0.1)` in the cell",
    "training": "leave it out: masks are drawn by a module's `forward_train`",
    "batch_first": "leave it out: the axes of arrays are in one order, batch and time first",
    "time_major": "leave it out: the axes of arrays are in one order, batch and time first",
    "input_size": "leave it out: the input brings its size",
    "in_features": "leave it out: the input brings its size",
    "input_shape": "leave it out: the input brings its size",
    **dict.fromkeys(
        ("initial_state", "init_state", "state", "states", "hx", "h0"),
        "a state has its name: `f(x, h = …)`; all of them are `states = […]`",
    ),
    "each": "`linear(x, each = node, out = unit)` has one weight for all places of an axis",
    "over": "`contract(a, b, over = key)` sums over one axis, `linear(x, each = node)` over all others",
    "stateful": "leave it out: states are given to a module, and it returns them",
    "name": "a name comes behind: `linear(x) as name`",
    "dtype": "leave it out: every value is of the model's one float type",
    "device": "leave it out: a module runs where its arrays are",
    "keepdims": "leave it out: axes meet by their names",
    "keepdim": "leave it out: axes meet by their names",
}
