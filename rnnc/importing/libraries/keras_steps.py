"""Layers of Keras without states: functions of a step, of all steps together, and those that only training has."""

from __future__ import annotations

from rnnc.importing.equations import Built
from rnnc.importing.formulas.written import WIDER
from rnnc.importing.libraries.everywhere import flatten
from rnnc.importing.libraries.keras import other
from rnnc.importing.libraries.keras_ways import sequence_here
from rnnc.importing.pieces.built import softmax
from rnnc.importing.pieces.lowering import Call, Constructor
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.pieces.rows import spelled
from rnnc.importing.python.values import problem

# Layers that compute what no description says, and why.
REFUSED = {
    "BatchNormalization": ("it has statistics of batches", "fold its numbers into the weights of the layer behind it"),
    **dict.fromkeys(
        (
            "Conv1D", "Conv2D", "Conv3D", "SeparableConv1D", "MaxPooling1D", "AveragePooling1D", "ZeroPadding1D",
            "Cropping1D",
        ),
        ("it works across steps, or on images", "compute it before the network, and import the layers behind it"),
    ),
    **dict.fromkeys(
        ("Lambda", "Reshape", "Permute", "Attention", "MultiHeadAttention", "AdditiveAttention"),
        ("a description has no counterpart of it", "write what it computes by hand, behind the layers"),
    ),
    **dict.fromkeys(
        ("GaussianNoise", "GaussianDropout", "AlphaDropout"),
        ("its noise is not among those that the language draws", "leave it out where the model is not trained"),
    ),
}  # fmt: skip


def refused(call: Call) -> Meaning:
    why, fix = REFUSED[call.name]
    raise problem("E606", f"{call.name}: {why}", call.made.span, fix=fix)


def repeat(call: Call) -> Flow:
    """One value for every step, where there are as many as come in."""
    count = call.size("n")

    def build(network: Network, x: str) -> str:
        if network.is_sequence or count != network.steps:
            why = "it makes a sequence of one value"
            why += ", and how many steps come in is not said" if network.steps is None else f" of {count} steps"
            fix = "keras.Input with as many steps, or give the value to the layer behind it as an input `per row`"
            raise problem("E606", f"RepeatVector: {why}", call.made.span, fix=fix)
        network.is_sequence = network.repeats = True
        return x

    return Flow(build)


def masking(call: Call) -> Flow:
    call.lowering.remarks.add("`Masking` is left out: give the lengths of the rows instead")
    return Flow(lambda network, x: x)


def over_time(call: Call) -> Flow:
    """One value of all steps."""
    fold = "max" if "Max" in call.name else "mean"

    def build(network: Network, x: str) -> str:
        sequence_here(call.made, network)
        network.is_sequence = False
        return network.equation("p", f"{fold}({x}, time)")

    return Flow(build)


def layer_normalization(call: Call) -> Flow:
    for parameter, wanted in (("axis", -1), ("center", True), ("scale", True), ("rms_scaling", False)):
        if call.given(parameter).value != wanted:
            raise call.cannot(parameter, f"layer_norm has {parameter}={wanted}")
    eps = spelled(call.number("epsilon"))

    def build(network: Network, x: str) -> str:
        n = network.equation("n", f"layer_norm({x}, eps = {eps})")
        network.arrays |= {"gamma": f"{n}.layer_norm.gain", "beta": f"{n}.layer_norm.shift"}
        network.reference = f"keras.layers.LayerNormalization(epsilon = {eps})"
        return n

    return Flow(build)


def spatial_dropout(call: Call) -> Flow:
    """One mask for all steps."""
    rate = call.rate("rate")
    return Flow(
        lambda network, x: x if rate == 0 else network.equation("d", f"dropout({x}, {rate!r}, mask = sequence)")
    )


# --- activations ----------------------------------------------------------------------------------------------------


def activated(call: Call, v: str) -> str:
    """What an activation that is a layer computes of a value."""
    match call.name:
        case "Activation":
            name = call.function("activation") or "identity"
            return v if name == "identity" else f"{name}({v})"
        case "LeakyReLU":
            given = "alpha" if call.has("alpha") else "negative_slope"
            return f"leaky_relu({v}, slope = {spelled(call.number(given))})"
        case "ELU":
            alpha = call.number("alpha")
            return f"elu({v})" if alpha == 1 else f"max({v}, 0.0) + {spelled(alpha)} * expm1(min({v}, 0.0))"
        case "Softmax":
            return f"softmax({v})"
        case _:
            most, slope, threshold = (call.given(name).value for name in ("max_value", "negative_slope", "threshold"))
            if slope not in (0, None) or threshold not in (0, None):
                raise call.cannot("threshold", "relu is cut at 0 here", "keras.layers.LeakyReLU for a slope")
            return f"relu({v})" if most is None else f"clip({v}, 0.0, {spelled(call.number('max_value'))})"


def activation_layer(call: Call) -> Flow:
    def build(network: Network, x: str) -> str:
        if call.name == "Softmax":
            axis = call.given("axis").value
            return network.equation("w", softmax(Built(x, network.is_sequence, False), axis, call.made.span))
        text = activated(call, x)
        if call.name == "Activation":
            network.width = network.width if text.partition("(")[0] not in WIDER else None
            network.reference = f"keras.layers.Activation({call.function('activation') or 'identity'})"
        return x if text == x else network.equation("y", text)

    return Flow(build)


_RELU = "max_value=None, negative_slope=0.0, threshold=0.0, **kwargs"
ACTIVATIONS = {
    "Activation": ("activation, **kwargs", "activation"),
    "ReLU": (_RELU, "max_value negative_slope threshold"),
    "LeakyReLU": ("negative_slope=0.3, alpha=None, **kwargs", "negative_slope alpha"),
    "ELU": ("alpha=1.0, **kwargs", "alpha"),
    "Softmax": ("axis=-1, **kwargs", "axis"),
}
CONSTRUCTORS: tuple[Constructor, ...] = (
    *(
        Constructor(name, "keras", signature, frozenset(reads.split()), activation_layer, activated, has_weights=False)
        for name, (signature, reads) in ACTIVATIONS.items()
    ),
    *(Constructor(name, "keras", None, frozenset(), refused) for name in REFUSED),
    other("RepeatVector", "n, **kwargs", "n", repeat),
    other("Masking", "mask_value=0.0, **kwargs", "mask_value", masking),
    other("Flatten", "data_format=None, **kwargs", "", flatten),
    *(
        other(f"Global{fold}Pooling1D", "data_format=None, keepdims=False, **kwargs", "", over_time)
        for fold in ("Max", "Average")
    ),
    other(
        "LayerNormalization",
        "axis=-1, epsilon=0.001, center=True, scale=True, rms_scaling=False, beta_initializer='zeros', "
        "gamma_initializer='ones', beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, "
        "gamma_constraint=None, **kwargs",
        "axis epsilon center scale rms_scaling",
        layer_normalization,
    ),
    other("SpatialDropout1D", "rate, seed=None, **kwargs", "rate", spatial_dropout),
)
