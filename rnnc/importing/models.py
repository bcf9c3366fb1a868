"""The layers of Keras that stand around recurrent ones in a model, and layers one behind the other."""

from __future__ import annotations

from rnnc.importing.joined import is_input
from rnnc.importing.keras import other, sequence_here
from rnnc.importing.lowering import Call, Lowering
from rnnc.importing.pieces import Flow, Meaning, Network, Piece, built
from rnnc.importing.values import Given, Made, Reference, problem


def sequential(call: Call) -> Flow:
    """Layers one behind the other."""
    return chain([each for each in call.items("layers") if not is_input(each)], call.lowering)


def chain(layers: list[Given], lowering: Lowering) -> Flow:
    """Layers one behind the other."""
    lowering.is_chain = len(layers) > 1
    meanings = [(layer.value, lowering.meaning(layer)) for layer in layers]

    def build(network: Network, x: str) -> str:
        network.alone = len(meanings) == 1
        for made, meaning in meanings:
            assert isinstance(made, Made)
            if isinstance(meaning, Piece):
                sequence_here(Call(made, lowering, None), network)
            x = built(meaning, network, x)
        return x

    return Flow(build)


def placeholder(call: Call) -> Flow:
    return Flow(lambda network, x: x)


def embedding(call: Call) -> Flow:
    rows, width = call.size("input_dim"), call.size("output_dim")
    if call.flag("mask_zero"):
        call.lowering.remarks.add("`mask_zero` of Embedding is left out: give the lengths of the rows instead")

    def build(network: Network, x: str) -> str:
        if x != "x" or network.lines:
            raise problem("E606", "Embedding stands first: it takes whole numbers", call.made.span)
        network.inputs = "input x[]: int"
        return network.equation("e", f"embedding(x, {rows}, {width})")

    return Flow(build)


def dense(call: Call) -> Flow:
    units, given = call.size("units"), call.given("activation").value
    given = given.last if isinstance(given, Reference) else given
    over_units = given in ("softmax", "log_softmax")  # functions of whole vectors, for which equations have no place
    activation = str(given) if over_units else call.function("activation")
    bias = call.flag("use_bias")

    def build(network: Network, x: str) -> str:
        product = f"linear(v: {x}, out = {units}, bias = false)" if not bias else f"dense({x}, {units})"
        z = network.equation("z", product)
        return z if activation in (None, "identity") else network.equation("y", f"{activation}({z})")

    return Flow(build)


def dropout_layer(call: Call) -> Flow:
    rate = call.rate("rate")
    return Flow(lambda network, x: x if rate == 0 else network.equation("d", f"dropout({x}, {rate!r}, mask = step)"))


def time_distributed(call: Call) -> Meaning:
    """A layer at every step, which is what layers are here anyway."""
    return call.lowering.meaning(call.given("layer"))


LAYERS = (
    other("Sequential", "layers=None, trainable=True, name=None", "layers", sequential),
    other("TimeDistributed", "layer, **kwargs", "layer", time_distributed),
    other(
        "Embedding",
        "input_dim, output_dim, embeddings_initializer='uniform', embeddings_regularizer=None, "
        "embeddings_constraint=None, mask_zero=False, weights=None, lora_rank=None, lora_alpha=None, "
        "quantization_config=None, **kwargs",
        "input_dim output_dim mask_zero",
        embedding,
    ),
    other(
        "Dense",
        "units, activation=None, use_bias=True, kernel_initializer='glorot_uniform', bias_initializer='zeros', "
        "kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, "
        "bias_constraint=None, lora_rank=None, lora_alpha=None, quantization_config=None, **kwargs",
        "units activation use_bias",
        dense,
    ),
    other("Dropout", "rate, noise_shape=None, seed=None, **kwargs", "rate", dropout_layer),
)
# What only says what comes in; the signature has grown over time.
_SHAPE = "shape=None, batch_size=None, dtype=None, sparse=None, batch_shape=None, name=None, tensor=None, **kwargs"
CONSTRUCTORS = (*LAYERS, other("Input", _SHAPE, "", placeholder), other("InputLayer", _SHAPE, "", placeholder))
