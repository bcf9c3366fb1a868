"""What other libraries and papers call things, and how the language has them: only tables, for messages."""

from __future__ import annotations

import re

# Names under which programs know their libraries; `self` is the object that a method belongs to.
LIBRARIES = frozenset({
    "np", "numpy", "cp", "cupy", "scipy", "math", "cmath", "torch", "nn", "F", "functional", "tf", "tensorflow",
    "keras", "layers", "K", "jax", "jnp", "lax", "flax", "hk", "haiku", "eqx", "mx", "mxnet", "paddle",
})  # fmt: skip
SELF = frozenset({"self", "this"})

_TURNED = "concat({a}[{axis} = -1:], {a}[{axis} = 0:-1], axis = {axis})"

# Functions and methods, in small letters. `{a}` and `{b}` stand for what is given to them, `{axis}` for an axis of it.
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
    "fc": "dense({a}, n)", "lin": "linear({a})", "addmm": "linear(x, h)", "range": "0..{a}", "arange": "places({a})",
    "norm": "sqrt(sum({a} * {a}))", "var": "mean(({a} - mean({a})) ** 2)", "std": "sqrt(mean(({a} - mean({a})) ** 2))",
    "normalize": "l2_normalize({a})", "einsum": "contract(a, b, over = axis)",
    "tensordot": "contract(a, b, over = axis)", "squeeze": "{a}[{axis} = 0]", "unsqueeze": "expand({a}, axis)",
    "expand_dims": "expand({a}, axis)", "newaxis": "expand({a}, axis)", "transposed": "transpose({a})",
    "t": "transpose({a})", "mt": "transpose({a})", "permute": "transpose({a})", "swapaxes": "transpose({a})",
    **dict.fromkeys(("reshape", "view"), "split(v, axis, a: n, b: m)` or `merge(v, [a, b])"),
    "flatten": "merge({a}, [a, b])", "ravel": "merge({a}, [a, b])", "chunk": "{a}[{axis} = a:b]",
    "narrow": "{a}[{axis} = a:b]", "slice": "{a}[{axis} = a:b]", "outer_product": "outer({a}, {b})",
    "kron": "merge(outer(a, b), [i, j])", "heaviside": "where({a} > 0, 1, 0)", "step_function": "where({a} > 0, 1, 0)",
    "detach": "stop_gradient({a})", "stop_grad": "stop_gradient({a})", "arctan": "atan({a})", "ln": "log({a})",
    "log2": "log({a}) / log(2)", "log10": "log({a}) / log(10)", "exp2": "2 ** {a}",
    "conv1d": "conv(x, over = [place], kernel = [3])",
    "conv2d": "conv(x, over = [row, col], kernel = [3, 3])", "conv3d": "conv(x, over = [i, j, k], kernel = [3, 3, 3])",
    "flipud": "flip(v, axis)", "stack_axes": "stack_axis(a, b, axis = part)", "zeros_like": "0", "ones_like": "1",
    "activation": "tanh(v)", "full": "0.5", "full_like": "0.5", "eye": "fixed I[a: n, b: n] = identity",
    "batch_dot": "{a} @ {b}", **dict.fromkeys(("reduce_logsumexp", "log_sum_exp", "lse"), "logsumexp({a}, {axis})"),
    **dict.fromkeys(("roll", "circshift", "circular_shift", "rotate"), _TURNED),
    **dict.fromkeys(("cosine", "cosine_similarity"), "sum({a} * {b}) / sqrt(sum({a} * {a}) * sum({b} * {b}) + 1e-8)"),
    **dict.fromkeys(("inv", "inverted", "matrix_inverse"), "inverse({a})"), "solve": "inverse({a}) @ {b}",
    "variance": "mean(({a} - mean({a})) ** 2)", "stddev": "sqrt(mean(({a} - mean({a})) ** 2))",
    **dict.fromkeys(("moveaxis", "movedim", "transpose_axes"), "transpose({a}, [b, a])"),
    **dict.fromkeys(("vstack", "dstack", "column_stack", "row_stack"), "stack_axis(a, b, axis = part)"),
    **dict.fromkeys(("dot_product", "inner_product", "vdot"), "sum({a} * {b})"), "matvec": "{a} @ {b}",
    "vecmat": "{a} @ {b}", "bilinear": "contract(outer({a}, {b}), W, over = [i, j])",
    **dict.fromkeys(("lerp", "mix", "blend"), "{a} + w * ({b} - {a})"), "if_else": "where(test, a, b)",
    "masked_fill": "where(mask, value, {a})", **dict.fromkeys(("index_select", "take"), "lookup(table, place)"),
    **dict.fromkeys(("scatter", "scatter_add", "index_put"), "where(places(slot: n) == place, new, old)"),
    **dict.fromkeys(("amax", "reduce_maximum"), "max({a}, axis)"), "amin": "min({a}, axis)", "sgn": "sign({a})",
    **dict.fromkeys(("mod", "fmod", "remainder", "modulo"), "{a} % {b}"), "floor_divide": "{a} // {b}",
    "trunc": "sign({a}) * floor(abs({a}))", "hypot": "sqrt({a} * {a} + {b} * {b})",
    **dict.fromkeys(("atan2", "arctan2", "angle_of"), "2 * atan({a} / (sqrt({a} * {a} + {b} * {b}) + {b}))"),
    "logit": "log({a} / (1 - {a}))",
    "arcsin": "asin({a})", "arccos": "acos({a})", "arcsinh": "asinh({a})", "arctanh": "atanh({a})",
    "arccosh": "acosh({a})", "sech": "1 / cosh({a})", "cot": "1 / tan({a})", "softmin": "softmax(-{a})",
    "hardtanh": "hard_tanh({a})",
    "logaddexp": "max({a}, {b}) + log1p(exp(-abs({a} - {b})))", "hardswish": "hard_silu({a})",
    "glu": "{a} * sigmoid({b})", "swiglu": "silu({a}) * {b}", "geglu": "gelu({a}) * {b}", "reglu": "relu({a}) * {b}",
    "prelu": "where({a} > 0, {a}, slope * {a})", "maxout": "max(linear(x) as a, linear(x) as b)",
    "any": "max(where({a}, 1, 0)) > 0", "all": "min(where({a}, 1, 0)) > 0",
    "count_nonzero": "sum(where({a} != 0, 1, 0))", "linspace": "fixed t[n] = [i / (n - 1) for i in 0..n]",
    **dict.fromkeys(("tril", "causal_mask"), "where(expand(places(i: n), j: n) >= places(j: n), {a}, 0)"),
    "triu": "where(expand(places(i: n), j: n) <= places(j: n), {a}, 0)",
    "trace": "sum({a} * I)` with `fixed I[a: n, b: n] = identity",
    **dict.fromkeys(("group_norm", "groupnorm"), "layer_norm(split({a}, axis, group: g, part: m), axis = part)"),
    **dict.fromkeys(("l2norm", "l2_norm"), "sqrt(sum({a} * {a}))"), "l1_norm": "sum(abs({a}))",
    **dict.fromkeys(("upsample", "upsampling1d", "repeat_interleave"), "repeat({a}, axis, 2)"),
    **dict.fromkeys(("max_pool", "maxpool", "maxpool1d"), "max(split({a}, axis, place: n, part: 2), part)"),
    **dict.fromkeys(("avg_pool", "avgpool", "pool", "mean_pool"), "mean(split({a}, axis, place: n, part: 2), part)"),
    "step": "where({a} > 0, 1, 0)",
}  # fmt: skip

# Functions of libraries whose names mean something else here.
OTHERS: dict[str, str] = {
    "zeros": "0", "ones": "1", "constant": "0.5", "stack": "stack_axis(a, b, axis = part)", "split": "v[axis = a:b]",
    "range": "0..n", "identity": "fixed I[a: n, b: n] = identity", "max": "max(v, axis)", "min": "min(v, axis)",
}  # fmt: skip

INITIALISERS: dict[str, str] = {
    "xavier_uniform": "glorot_uniform", "xavier_normal": "glorot_normal", "xavier": "glorot_uniform",
    "glorot": "glorot_uniform", "kaiming_uniform": "he_uniform", "kaiming_normal": "he_normal", "he": "he_normal",
    "kaiming": "he_normal", "lecun": "lecun_normal", "eye": "identity", "zero": "zeros", "one": "ones",
    "random_uniform": "uniform", "rand": "uniform", "random_normal": "normal", "randn": "normal",
    "gaussian": "normal", "trunc_normal": "truncated_normal", "random": "uniform", "orthogonal_init": "orthogonal",
}  # fmt: skip

# Layers, as libraries call their classes.
LAYERS: dict[str, str] = {
    "linear": "linear(x, out = units)", "dense": "dense(x, units)", "dropout": "dropout(x, 0.1)",
    "embedding": "embedding(token, vocabulary, width)", "layernorm": "layer_norm(v)", "rmsnorm": "rms_norm(v)",
    "layernormalization": "layer_norm(v)", "conv1d": WRITTEN["conv1d"], "conv2d": WRITTEN["conv2d"],
    "bidirectional": "bidirectional(LSTM(units))(x)",
}  # fmt: skip
CELLS = {"simplernn": "RNN", "elman": "RNN", "vanillarnn": "RNN"}  # others by their names, with or without `Cell`

_RANKS = (
    "nothing is sorted: `rank(v)` is 0 for the largest, so `where(rank(v) < k, v, 0)` keeps k; `argmax(v)` is a place"
)
_ALGEBRA = "of matrices there are `@`, `transpose`, `outer`, `contract` and `inverse`"
_NOISE = "a cell draws no numbers: noise is an input, `input noise[units]`"
_BATCH = "statistics of a batch are no part of a cell; `layer_norm(v)` is in the library"
_COMPLEX = "there are no complex numbers: the real and the imaginary part are two values"
_TRANSFORM = "a transform is a product with a matrix: `fixed C[n, freq: n] = [cos(2 * pi * i * j / n) for …]`"
_PLACES = "write `where(places(place: n) == id, 1, 0)`"
_DIAGONAL = "times a vector it is `a * v`; the matrix is `one * a`, with `fixed one[n, k: n] = identity`"
_ATTENTION = "it is written out: `softmax(keys @ q, place) @ values`, of an input `keys[place, unit] per row`"
_KINDS = "whole numbers take part as they are, and truth values become numbers by `where(test, 1, 0)`"
_LOSS = "a loss is no part of a module: it gives outputs, and takes the gradient of any loss by them"
_LARGER = "a larger image first, `repeat(repeat(x, row, 2), col, 2)`, then `conv`"
_SO_FAR = "along an axis there are `cumsum` and `cumax` (of a softmax); over time it is a state, `m' = max(m, x)`"
_SLOPE = "`gradient(number, v)` is the derivative of a number of this step by a value that it is made of"
_LOOP = "the steps are no loop of the text: a cell is one step, and `for k in 0..n` unrolls"

# What the language does not have, and what there is.
MISSING: dict[str, str] = {
    **dict.fromkeys(("topk", "top_k", "sort", "argsort", "median", "kthvalue", "unique", "nonzero"), _RANKS),
    **dict.fromkeys(("pinv", "lstsq", "cholesky", "qr", "svd", "eig", "eigh"), _ALGEBRA),
    **dict.fromkeys(("det", "slogdet", "matrix_power"), _ALGEBRA),
    **dict.fromkeys(("expm", "matrix_exp"), "sum its series in a `for`: `t[0] = I`, `t[k] = t[k - 1] @ A / k`"),
    **dict.fromkeys(("rand", "randn", "randint", "random", "random_normal", "random_uniform"), _NOISE),
    **dict.fromkeys(("bernoulli", "multinomial", "gaussian", "rand_like", "randn_like", "noise"), _NOISE),
    **dict.fromkeys(("batch_norm", "batchnorm", "batchnorm1d", "batch_normalization", "batchnormalization"), _BATCH),
    **dict.fromkeys(("autograd", "grad", "gradients", "jacobian", "jvp", "value_and_grad", "vjp"), _SLOPE),
    **dict.fromkeys(("scan", "while_loop", "fori_loop", "dynamic_rnn", "unroll"), _LOOP),
    **dict.fromkeys(("complex", "real", "imag", "conj", "angle", "cis", "polar"), _COMPLEX),
    **dict.fromkeys(("fft", "ifft", "rfft", "irfft", "dct", "hadamard_transform"), _TRANSFORM),
    **dict.fromkeys(("one_hot", "onehot"), _PLACES),
    **dict.fromkeys(("attention", "multi_head_attention", "multiheadattention", "self_attention"), _ATTENTION),
    **dict.fromkeys(("float", "int", "bool", "cast", "astype", "to_float", "float32", "to_int"), _KINDS),
    **dict.fromkeys(("mse", "mse_loss", "cross_entropy", "crossentropy", "binary_cross_entropy", "loss"), _LOSS),
    **dict.fromkeys(("conv_transpose", "conv2d_transpose", "conv1d_transpose", "convtranspose2d", "deconv"), _LARGER),
    **dict.fromkeys(("cummax", "cummin", "running_max"), _SO_FAR), "gumbel": _NOISE,
    "cumprod": "of positive numbers it is `exp(cumsum(log(v), axis))`",
    **dict.fromkeys(("diag", "diagonal", "diagflat"), _DIAGONAL),
    **dict.fromkeys(("map", "vmap"), "write `for k in 0..n { … }`, or `[f(v) for v in list]`"),
    **dict.fromkeys(("time_distributed", "timedistributed"), "what is no layer works step by step: `dense(y, 3)`"),
    "sequential": "a network calls one layer after another: `y = LSTM(units)(x)`, `z = dense(y, 3)`",
    "isnan": "what is missing is told by an input of its own: `where(known, x, 0)`, with `input known[input]`",
    **dict.fromkeys(("ste", "straight_through"), "`v + stop_gradient(hard - v)` is `hard`, with the slope of `v`"),
    **dict.fromkeys(("size", "shape", "numel"), "the name of an axis is its size: `n` of `x[n]`"),
    **dict.fromkeys(("print", "assert"), "nothing runs while a description is read; `--expose` shows an equation"),
}  # fmt: skip

SIZES = ("shape", "size", "ndim", "dim", "numel")

# What tensors have elsewhere besides functions. `{axes}` stands for the names of the axes.
MEMBERS: dict[str, str] = {
    **dict.fromkeys(SIZES, "the name of an axis is its size{axes}"),
    **dict.fromkeys(("dtype", "device", "to", "float", "cuda", "cpu"), "every value is of the model's one float type"),
    **dict.fromkeys(("data", "item", "numpy", "value"), "leave it out"),
    **dict.fromkeys(("contiguous", "clone", "copy"), "leave it out: a value never changes"),
}

WEIGHT = re.compile(
    r"[A-Z](?:_?[A-Za-z0-9]{1,3})?(?:_[A-Za-z0-9]{1,3})?|Lambda|Gamma|Delta|Theta|Omega|bias|b(?:_?[a-z0-9]{1,2})?"
)  # as papers call weights
DECLARED = frozenset({"param", "parameter", "variable", "weight", "get_variable", "add_weight", "state", "fixed"})
