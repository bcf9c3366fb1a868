"""Layers of `torch.nn` that stand around recurrent ones in a model, and functions of `torch.nn.functional`."""

from __future__ import annotations

from dataclasses import replace

from rnnc.importing.equations import Built
from rnnc.importing.libraries.everywhere import flatten, same, table
from rnnc.importing.libraries.models import chain
from rnnc.importing.pieces.built import softmax
from rnnc.importing.pieces.lowering import Call, Constructor
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.pieces.rows import Lower, spelled
from rnnc.importing.python.signature import WIDTHS
from rnnc.importing.python.values import Given, Made, Record, problem

LIBRARY = "torch"
# Functions of one tensor as PyTorch has them, in the words of the language.
FUNCTIONS = {
    **{name: name for name in (
        "tanh", "sigmoid", "relu", "relu6", "elu", "selu", "softplus", "softsign", "silu", "gelu", "mish", "celu",
        "softmax", "log_softmax", "sin", "cos", "tan", "atan", "asin", "acos", "sinh", "cosh", "asinh", "acosh",
        "atanh", "exp", "expm1", "log1p", "abs", "sign", "square", "sqrt", "erf", "erfc", "glu",
    )},
    "relu_": "relu", "tanh_": "tanh", "sigmoid_": "sigmoid", "swish": "silu",
    "leaky_relu": "leaky_relu({}, slope = 0.01)", "hardsigmoid": "hard_sigmoid({}, slope = 1 / 6)",
    "hardswish": "hard_silu", "hardtanh": "hard_tanh", "hardshrink": "hard_shrink", "softshrink": "soft_shrink",
    "tanhshrink": "tanh_shrink", "logsigmoid": "log_sigmoid",
}  # fmt: skip
# The layers that only compute one of these.
ONE_FUNCTION = {
    "ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "ReLU6": "relu6", "SELU": "selu", "SiLU": "silu",
    "Mish": "mish", "Softsign": "softsign", "Hardsigmoid": "hardsigmoid", "Hardswish": "hardswish",
    "Tanhshrink": "tanhshrink", "LogSigmoid": "logsigmoid",
}  # fmt: skip
REFUSED = {
    **dict.fromkeys(
        ("Conv1d", "Conv2d", "Conv3d", "MaxPool1d", "AvgPool1d", "AdaptiveAvgPool1d", "AdaptiveMaxPool1d"),
        ("it works across steps, or on images", "compute it before the network, and import the layers behind it"),
    ),
    **dict.fromkeys(
        ("BatchNorm1d", "BatchNorm2d", "InstanceNorm1d", "GroupNorm"),
        ("it has statistics of batches, or of steps", "fold its numbers into the weights of the layer behind it"),
    ),
    **dict.fromkeys(
        ("MultiheadAttention", "TransformerEncoder", "TransformerEncoderLayer", "Transformer", "Bilinear"),
        ("a description has no counterpart of it", "write what it computes by hand, behind the layers"),
    ),
    **dict.fromkeys(
        ("AlphaDropout", "FeatureAlphaDropout", "Dropout1d", "Dropout2d"),
        ("its noise is not among those that the language draws", "leave it out where the model is not trained"),
    ),
}  # fmt: skip


def linear(call: Call) -> Flow:
    units, bias = call.size("out_features"), call.flag("bias")

    def build(network: Network, x: str) -> str:
        product = f"dense({x}, {units})" if bias else f"linear(v: {x}, out = {units}, bias = false)"
        z = network.equation("z", product)
        network.width = str(units)
        network.arrays["weight"] = f"T({z}.weight)" if bias else f"T({z}.v)"
        if bias:
            network.arrays["bias"] = f"{z}.bias"
        return z

    return Flow(build)


def embedding(call: Call) -> Flow:
    return table(call, str(call.size("num_embeddings")), str(call.size("embedding_dim")), "weight")


def layer_norm(call: Call) -> Flow:
    for parameter in ("elementwise_affine", "bias"):
        if not call.flag(parameter):
            raise call.cannot(parameter, "layer_norm has gains and shifts")
    shape = call.given("normalized_shape").value
    if isinstance(shape, list) and len(shape) != 1:
        raise call.cannot("normalized_shape", "layer_norm goes over the features alone")
    eps = spelled(call.number("eps"))

    def build(network: Network, x: str) -> str:
        n = network.equation("n", f"layer_norm({x}, eps = {eps})")
        network.arrays |= {"weight": f"{n}.layer_norm.gain", "bias": f"{n}.layer_norm.shift"}
        return n

    return Flow(build)


def dropout(call: Call) -> Flow:
    rate = call.rate("p")
    return Flow(lambda network, x: x if rate == 0 else network.equation("d", f"dropout({x}, {rate!r}, mask = step)"))


def sequential(call: Call) -> Flow:
    """Layers one behind the other; a recurrent one gives its states, too, and cannot stand among them."""
    items = call.items("layers")
    if len(items) == 1 and isinstance(named := items[0].value, Record):  # `OrderedDict(…)`
        items = [each for each in named.fields.values() if isinstance(each, Given)]
    for item in items:
        if isinstance(item.value, Made) and item.value.constructor.states is not None:
            what = f"{item.value.constructor.name} gives its states, too, which no layer of a Sequential takes"
            raise problem("E606", what, item.span, fix="a class with `forward`, which takes `y, _ = self.rnn(x)`")
        if not isinstance(item.value, Made):
            raise problem("E606", "a Sequential of layers of the library is read", item.span)
    return chain(items, call.lowering)


def refused(call: Call) -> Meaning:
    why, fix = REFUSED[call.name]
    raise problem("E606", f"{call.name}: {why}", call.made.span, fix=fix)


# --- activations ----------------------------------------------------------------------------------------------------


def activated(call: Call, v: str) -> str:
    """What an activation that is a layer computes of a value."""
    match call.name:
        case "LeakyReLU":
            return f"leaky_relu({v}, slope = {spelled(call.number('negative_slope'))})"
        case "ELU" | "CELU":
            return f"{call.name.lower()}({v}, alpha = {spelled(call.number('alpha'))})"
        case "GELU":
            return f"{'gelu' if call.word('approximate', ('none', 'tanh')) == 'none' else 'gelu_tanh'}({v})"
        case "Softplus":
            if call.number("beta") != 1:
                raise call.cannot("beta", "softplus has beta=1")
            return f"softplus({v})"
        case "Hardtanh":
            return f"clip({v}, {spelled(call.number('min_val'))}, {spelled(call.number('max_val'))})"
        case "Hardshrink" | "Softshrink":
            name = "hard_shrink" if call.name == "Hardshrink" else "soft_shrink"
            return f"{name}({v}, limit = {spelled(call.number('lambd'))})"
        case _:
            known = FUNCTIONS[ONE_FUNCTION[call.name]]
            return known.format(v) if "{}" in known else f"{known}({v})"


def width_of(made: Made) -> str | None:
    """How many features a layer is told that it takes."""
    given = next((made.arguments[name].value for name in (*WIDTHS, "normalized_shape") if name in made.arguments), None)
    given = given[-1].value if isinstance(given, list) and given else given
    return str(given) if isinstance(given, int) else None


def activation_layer(call: Call) -> Flow:
    return Flow(lambda network, x: network.equation("y", activated(call, x)))


def over_features(call: Call) -> Flow:
    """Softmax, LogSoftmax and GLU, along the features."""
    name = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "GLU": "glu"}[call.name]

    def build(network: Network, x: str) -> str:
        if name == "softmax":
            given = network.now or Built(x, network.is_sequence)
            return network.equation("w", softmax(replace(given, text=x), call.given("dim").value, call.made.span))
        if call.given("dim").value not in (-1, 2 if network.is_sequence else 1):
            raise call.cannot("dim", f"{call.name} goes over the features here", "dim=-1")
        network.width = None if name == "glu" else network.width
        return network.equation("y", f"{name}({x})")

    return Flow(build)


def _layer(name: str, signature: str, reads: str, lower: Lower, *, has_weights: bool = True) -> Constructor:
    return Constructor(name, LIBRARY, signature, frozenset(reads.split()), lower, has_weights=has_weights)


_SHAPED = {
    "LeakyReLU": ("negative_slope=0.01, inplace=False", "negative_slope"),
    "ELU": ("alpha=1.0, inplace=False", "alpha"),
    "CELU": ("alpha=1.0, inplace=False", "alpha"),
    "GELU": ("approximate='none'", "approximate"),
    "Softplus": ("beta=1.0, threshold=20.0", "beta"),
    "Hardtanh": ("min_val=-1.0, max_val=1.0, inplace=False", "min_val max_val"),
    "Hardshrink": ("lambd=0.5", "lambd"),
    "Softshrink": ("lambd=0.5", "lambd"),
    **dict.fromkeys(ONE_FUNCTION, ("inplace=False", "")),
}
CONSTRUCTORS: tuple[Constructor, ...] = (
    _layer("Linear", "in_features, out_features, bias=True, device=None, dtype=None", "out_features bias", linear),
    _layer(
        "Embedding",
        "num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, "
        "sparse=False, _weight=None, _freeze=False, device=None, dtype=None",
        "num_embeddings embedding_dim",
        embedding,
    ),
    _layer(
        "LayerNorm",
        "normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, device=None, dtype=None",
        "normalized_shape eps elementwise_affine bias",
        layer_norm,
    ),
    _layer("Sequential", "*layers", "layers", sequential),
    _layer("Dropout", "p=0.5, inplace=False", "p", dropout, has_weights=False),
    _layer("Identity", "*args", "args", same, has_weights=False),
    _layer("Flatten", "start_dim=1, end_dim=-1", "", flatten, has_weights=False),
    *(_layer(name, "dim=None" if name != "GLU" else "dim=-1", "dim", over_features, has_weights=False)
      for name in ("Softmax", "LogSoftmax", "GLU")),
    *(
        Constructor(name, LIBRARY, signature, frozenset(reads.split()), activation_layer, activated, has_weights=False)
        for name, (signature, reads) in _SHAPED.items()
    ),
    *(Constructor(name, LIBRARY, None, frozenset(), refused) for name in REFUSED),
)  # fmt: skip
