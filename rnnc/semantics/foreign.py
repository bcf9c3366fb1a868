"""What other libraries and papers call things, and how the language has them: only tables, for messages."""

from __future__ import annotations

# Names under which programs know their libraries; `self` is the object that a method belongs to.
LIBRARIES = frozenset({
    "np", "numpy", "cp", "cupy", "scipy", "math", "cmath", "torch", "nn", "F", "functional", "tf", "tensorflow",
    "keras", "layers", "K", "jax", "jnp", "lax", "flax", "hk", "haiku", "eqx", "mx", "mxnet", "paddle",
})  # fmt: skip
SELF = frozenset({"self", "this"})

# Functions and methods, in small letters. `{a}` and `{b}` stand for what is given to them.
WRITTEN: dict[str, str] = {
    "square_root": "sqrt({a})", "logistic": "sigmoid({a})", "sigma": "sigmoid({a})", "sig": "sigmoid({a})",
    "sigm": "sigmoid({a})", "expit": "sigmoid({a})", "concatenate": "concat(a, b)", "cat": "concat(a, b)",
    "hstack": "concat(a, b)", "matmul": "{a} @ {b}", "mm": "{a} @ {b}", "bmm": "{a} @ {b}", "mv": "{a} @ {b}",
    "dot": "{a} @ {b}", "inner": "sum({a} * {b})", "hadamard": "{a} * {b}", "mul": "{a} * {b}",
    "multiply": "{a} * {b}", "add": "{a} + {b}", "sub": "{a} - {b}", "subtract": "{a} - {b}", "div": "{a} / {b}",
    "divide": "{a} / {b}", "true_divide": "{a} / {b}", "pow": "{a} ** {b}", "power": "{a} ** {b}",
    "neg": "-{a}", "negative": "-{a}", "greater": "{a} > {b}", "less": "{a} < {b}", "equal": "{a} == {b}",
    "maximum": "max({a}, {b})", "minimum": "min({a}, {b})", "reduce_sum": "sum({a})", "reduce_mean": "mean({a})",
    "reduce_max": "max({a})", "reduce_min": "min({a})", "select": "where(test, a, b)", "cond": "where(test, a, b)",
    "clip_by_value": "clip({a}, lo, hi)", "clamp": "clip({a}, lo, hi)", "gather": "lookup(table, place)",
    "fc": "dense({a}, n)", "addmm": "linear(x, h)", "range": "0..n", "arange": "0..n",
    "norm": "sqrt(sum({a} * {a}))", "var": "mean(({a} - mean({a})) ** 2)", "std": "sqrt(mean(({a} - mean({a})) ** 2))",
    "normalize": "l2_normalize({a})", "einsum": "contract(a, b, over = axis)",
    "tensordot": "contract(a, b, over = axis)", "squeeze": "x[axis = 0]", "unsqueeze": "expand({a}, axis)",
    "expand_dims": "expand({a}, axis)", "newaxis": "expand({a}, axis)", "transposed": "transpose({a})",
    "t": "transpose({a})", "mt": "transpose({a})", "permute": "transpose({a})", "swapaxes": "transpose({a})",
    "reshape": "split(v, axis, a: n, b: m)` or `merge(v, [a, b])", "view": "split(v, axis, a: n, b: m)` or `merge(v, [a, b])",
    "flatten": "merge({a}, [a, b])", "ravel": "merge({a}, [a, b])", "chunk": "{a}[axis = a:b]",
    "narrow": "{a}[axis = a:b]", "slice": "{a}[axis = a:b]", "outer_product": "outer({a}, {b})",
    "kron": "merge(outer(a, b), [i, j])", "heaviside": "where({a} > 0, 1, 0)", "step_function": "where({a} > 0, 1, 0)",
    "detach": "stop_gradient({a})", "stop_grad": "stop_gradient({a})", "arctan": "atan({a})", "ln": "log({a})",
    "log2": "log({a}) / log(2)", "log10": "log({a}) / log(10)", "exp2": "2 ** {a}", "conv1d": "conv(x, over = [place], kernel = [3])",
    "conv2d": "conv(x, over = [row, col], kernel = [3, 3])", "conv3d": "conv(x, over = [i, j, k], kernel = [3, 3, 3])",
    "flipud": "flip(v, axis)", "stack_axes": "stack_axis(a, b, axis = part)", "zeros_like": "0", "ones_like": "1",
    "full": "a number: it broadcasts", "eye": "fixed I[a: n, b: n] = identity", "batch_dot": "{a} @ {b}",
}  # fmt: skip

# Layers, as libraries call their classes.
LAYERS: dict[str, str] = {
    "linear": "linear(x, out = units)", "dense": "dense(x, units)", "dropout": "dropout(x, 0.1)",
    "embedding": "embedding(token, vocabulary, width)", "layernorm": "layer_norm(v)", "rmsnorm": "rms_norm(v)",
    "layernormalization": "layer_norm(v)", "conv1d": WRITTEN["conv1d"], "conv2d": WRITTEN["conv2d"],
    "bidirectional": "bidirectional(LSTM(units))(x)",
}  # fmt: skip
CELLS = {"simplernn": "RNN", "elman": "RNN", "vanillarnn": "RNN"}  # others by their names, with or without `Cell`

_RANKS = "there is none, as it has no gradient: `softmax(v)` weighs every place, `max(v)` is the largest value"
_ALGEBRA = "there is no algebra of matrices beyond `@`, `transpose`, `outer` and `contract`"
_NOISE = "a cell draws no numbers: noise is an input, `input noise[units]`"
_BATCH = "statistics of a batch are no part of a cell; `layer_norm(v)` is in the library"
_LOOP = "the steps are no loop of the text: a cell is one step, and `for k in 0..n` unrolls"

# What the language does not have, and what there is.
MISSING: dict[str, str] = {
    **dict.fromkeys(("argmax", "argmin", "topk", "top_k", "sort", "argsort", "median", "kthvalue", "unique"), _RANKS),
    **dict.fromkeys(("inv", "inverse", "pinv", "solve", "lstsq", "cholesky", "qr", "svd", "eig", "eigh"), _ALGEBRA),
    **dict.fromkeys(("det", "slogdet", "expm", "matrix_exp", "matrix_power", "trace"), _ALGEBRA),
    **dict.fromkeys(("rand", "randn", "randint", "random", "random_normal", "random_uniform"), _NOISE),
    **dict.fromkeys(("bernoulli", "multinomial", "gaussian", "rand_like", "randn_like", "noise"), _NOISE),
    **dict.fromkeys(("batch_norm", "batchnorm", "batchnorm1d", "batch_normalization", "batchnormalization"), _BATCH),
    **dict.fromkeys(("scan", "while_loop", "fori_loop", "dynamic_rnn", "unroll"), _LOOP),
    **dict.fromkeys(("map", "vmap", "sequential"), "there is none: write `for k in 0..n { … }`, or call one after another"),
    **dict.fromkeys(("print", "assert"), "nothing runs while a description is read; `--expose` shows an equation"),
}  # fmt: skip

# What tensors have elsewhere besides functions. `{axes}` stands for the names of the axes.
MEMBERS: dict[str, str] = {
    **dict.fromkeys(("shape", "size", "ndim", "dim", "numel"), "the name of an axis is its size{axes}"),
    **dict.fromkeys(("dtype", "device", "to", "float", "cuda", "cpu"), "every value is of the model's one float type"),
    **dict.fromkeys(("data", "item", "numpy", "value"), "leave it out"),
    **dict.fromkeys(("contiguous", "clone", "copy"), "leave it out: a value never changes"),
}

DECLARED = frozenset({"param", "parameter", "variable", "weight", "get_variable", "add_weight", "state", "fixed"})

# Options, as other libraries call them: under which names the language may have them.
OPTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("units", "size", "out_features", "features", "hidden_size", "hidden", "n"), ("out", "units")),
    **dict.fromkeys(("num_units", "hidden_dim", "hidden_units", "out_size", "filters", "out_channels"), ("out", "units")),
    **dict.fromkeys(("dim", "dims", "axes"), ("axis",)),
    **dict.fromkeys(("use_bias", "has_bias"), ("bias",)),
    **dict.fromkeys(("kernel_initializer", "initializer", "initialiser", "w_init", "weight_init"), ("init",)),
    **dict.fromkeys(("bias_initializer", "bias_initialiser", "b_init"), ("bias_init",)),
    **dict.fromkeys(("recurrent_activation", "inner_activation"), ("gate_activation",)),
    **dict.fromkeys(("nonlinearity", "act", "fn"), ("activation",)),
    **dict.fromkeys(("kernel_size", "window"), ("kernel",)), **dict.fromkeys(("strides",), ("stride",)),
    **dict.fromkeys(("dilation_rate", "dilations"), ("dilation",)), "merge_mode": ("merge",),
}  # fmt: skip
# … and what does it in the language where it is no option of the function.
OTHERWISE: dict[str, str] = {
    "return_sequences": "a layer gives every step; `last(y)` is the last one",
    "return_state": "write `use f = …`, `y = f(x)`: `f.h'` is a state of it",
    "activation": "call it: `tanh(linear(x))`",
    "bidirectional": "write `bidirectional(LSTM(units))(x)`",
    "go_backwards": "write `backward(LSTM(units))(x)`",
    "num_layers": "write `stack(LSTM(units), 2)(x)`",
    "dropout": "write `dropout(x, 0.1)`",
    "recurrent_dropout": "write `dropout(h, 0.1)` in the cell",
    "batch_first": "leave it out: the axes of arrays are in one order, batch and time first",
    "time_major": "leave it out: the axes of arrays are in one order, batch and time first",
    "input_size": "leave it out: the input brings its size",
    "in_features": "leave it out: the input brings its size",
    "input_shape": "leave it out: the input brings its size",
    "stateful": "leave it out: states are given to a module, and it returns them",
    "name": "a name comes behind: `linear(x) as name`",
    "dtype": "leave it out: every value is of the model's one float type",
    "device": "leave it out: a module runs where its arrays are",
    "keepdims": "leave it out: axes meet by their names",
    "keepdim": "leave it out: axes meet by their names",
}
