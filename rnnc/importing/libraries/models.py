"""The layers of Keras that stand around recurrent ones in a model, and layers one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnc.importing.equations import Built
from rnnc.importing.formulas.written import WIDER
from rnnc.importing.libraries.everywhere import same, table
from rnnc.importing.libraries.keras import other
from rnnc.importing.libraries.keras_ways import sequence_here
from rnnc.importing.pieces import padding
from rnnc.importing.pieces.axes import check_features, is_plain, other_axes
from rnnc.importing.pieces.lowering import Call, Lowering, constructor_of
from rnnc.importing.pieces.network import Flow, Meaning, Network, built
from rnnc.importing.pieces.pieces import Piece, output_of
from rnnc.importing.python.signature import WIDTHS
from rnnc.importing.python.values import Applied, Computed, Given, Made, Reference, Tensor, is_input, problem

ANY_AXES = ("Dropout", "Identity")  # layers that do the same to every number
OF_FEATURES = ("Linear", "LayerNorm", "Dense", "Sequential")  # those that need nothing but the features in their place


def sequential(call: Call) -> Flow:
    """Layers one behind the other."""
    return chain(call.items("layers"), call.lowering)


def among_others(layer: Given, lowering: Lowering) -> Meaning:
    """What a layer means that is not alone: with other names of variables it is a definition of its own."""
    found = lowering.meaning(layer)
    is_named = isinstance(found, Piece) and (found.scope is not None or found.layout is not None)
    return lowering.named(found) if isinstance(found, Piece) and is_named else found


def chain(layers: list[Given], lowering: Lowering) -> Flow:
    """Layers one behind the other."""
    shapes = [shape for each in layers if (shape := shape_of(each)) is not None]
    layers = [each for each in layers if not is_input(each)]
    lowering.is_chain = len(layers) > 1
    meanings = [(layer.value, among_others(layer, lowering)) for layer in layers]

    def build(network: Network, x: str) -> str:
        network.alone = network.alone and len(meanings) == 1
        network.is_row = not network.weights
        given = replace(network.now, text=x) if network.now is not None else Built(x, network.is_sequence)
        if shapes and len(shapes[0]) > 1:
            network.steps = shapes[0][0]
        for made, meaning in meanings:
            assert isinstance(made, Made)
            given = behind(meaning, made, network, given)
        network.width, network.now = given.width, given
        return given.text

    return Flow(build)


def behind(meaning: Meaning, made: Made, network: Network, given: Built) -> Built:
    """A layer behind what it is given."""
    network.is_sequence, network.width = given.is_sequence, given.width
    if given.repeats and not is_recurrent(made):
        fix = "put the recurrent layer first"
        raise problem("E606", "one value for every step is read before a recurrent layer", made.span, fix=fix)
    name, is_function = made.constructor.name, made.constructor.is_activation
    if not (is_plain(given) or is_function or name in ANY_AXES):
        check_features(given, name, made.span)
        if name not in OF_FEATURES:
            raise other_axes(given, name, made.span)
    if given.padding == padding.PACKED:
        raise padding.packed(name, made.span)
    network.repeats, network.now = False, given
    if isinstance(meaning, Piece):
        sequence_here(made, network)
    text = built(meaning, network, given.text)
    now = network.now
    network.now = None
    assert now is not None
    if isinstance(meaning, Piece) and made.constructor.library == "keras":
        network.reference = text
    network.told(made)
    width = output_of(meaning) if isinstance(meaning, Piece) else network.width
    if network.is_sequence != now.is_sequence:
        return Built(text, network.is_sequence, given.steps_first, width, network.repeats)
    if now is given and given.padding and name.lower() not in padding.KEEP_ZEROS and name not in padding.KEEP_ALL:
        now = replace(now, padding=padding.NUMBERS)
    return replace(now, text=text, width=width, repeats=network.repeats)


def shape_of(item: Given) -> list[int | None] | None:
    """The sizes of what comes in, but for the rows, where a layer is told them; None: one that is not known."""
    made = item.value
    if not isinstance(made, Made):
        return None
    for name, skip in (("shape", 0), ("input_shape", 0), ("batch_shape", 1), ("batch_input_shape", 1)):
        given = made.arguments.get(name)
        if given is not None and isinstance(given.value, list):
            values = [each.value for each in given.value[skip:]]
            return [each if isinstance(each, int) and not isinstance(each, bool) else None for each in values]
    return None


def told(source: Tensor, order: Sequence[Tensor]) -> str | None:
    """How many features comes in, where a text tells: by a shape, or by the first layer of PyTorch's that reads it."""
    if isinstance(source, Applied):
        shape = shape_of(source.layer)
        return str(shape[-1]) if shape is not None and 0 < len(shape) < 3 and shape[-1] is not None else None
    for each in order:
        made = each.layer.value if isinstance(each, Applied) else None
        if isinstance(each, Applied) and isinstance(made, Made) and source in map(_origin, each.inputs):
            found = [made.arguments[name].value for name in WIDTHS if name in made.arguments]
            if found and isinstance(found[0], int):
                return str(found[0])
    return None


def _origin(tensor: Tensor) -> Tensor:
    """What has as many features, and is not made of it."""
    while isinstance(tensor, Computed) and tensor.alike is not None:
        tensor = tensor.alike
    return tensor


def embedding(call: Call) -> Flow:
    if call.flag("mask_zero"):
        call.lowering.remarks.add("`mask_zero` of Embedding is left out: give the lengths of the rows instead")
    return table(call, str(call.size("input_dim")), str(call.size("output_dim")), "embeddings")


def dense(call: Call) -> Flow:
    units, given = call.size("units"), call.given("activation").value
    given = given.last if isinstance(given, Reference) else given
    over_units = given in ("softmax", "log_softmax", *WIDER)  # functions of whole vectors, of whatever size they are
    activation = str(given) if over_units else call.function("activation")
    bias = call.flag("use_bias")

    def build(network: Network, x: str) -> str:
        product = f"linear(v: {x}, out = {units}, bias = false)" if not bias else f"dense({x}, {units})"
        z = network.equation("z", product)
        network.width = None if activation in WIDER else str(units)
        network.arrays["kernel"] = f"{z}.weight" if bias else f"{z}.v"
        if bias:
            network.arrays["bias"] = f"{z}.bias"
        function = f", activation = {activation}" if activation not in (None, "identity") else ""
        network.reference = f"keras.layers.Dense({units}{function}{'' if bias else ', use_bias = false'})"
        return z if activation in (None, "identity") else network.equation("y", f"{activation}({z})")

    return Flow(build)


def dropout_layer(call: Call) -> Flow:
    rate = call.rate("rate")

    def build(network: Network, x: str) -> str:
        network.reference = "" if rate == 0 else None
        return x if rate == 0 else network.equation("d", f"dropout({x}, {rate!r}, mask = step)")

    return Flow(build)


def time_distributed(call: Call) -> Flow:
    """A layer of one step at every step, which is what such layers do here anyway."""
    given = call.given("layer")
    made = given.value
    if not isinstance(made, Made):
        raise call.wrong("layer", "a layer")
    if is_recurrent(made):
        raise call.cannot("layer", "every step would be a sequence of its own", "a layer of one step, such as Dense")
    meaning = call.lowering.meaning(given)

    def build(network: Network, x: str) -> str:
        sequence_here(call.made, network)
        y = built(meaning, network, x)
        network.arrays = {f"layer/{name}": text for name, text in network.arrays.items()}  # as files of Keras have it
        return y

    return Flow(build)


def is_recurrent(made: Made) -> bool:
    """Whether a layer goes over the steps of a sequence."""
    return constructor_of(made).runs is not None or "return_sequences" in made.constructor.parameters


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
    replace(other("Dropout", "rate, noise_shape=None, seed=None, **kwargs", "rate", dropout_layer), has_weights=False),
)
# What only says what comes in; the signature has grown over time.
_SHAPE = "shape=None, batch_size=None, dtype=None, sparse=None, batch_shape=None, name=None, tensor=None, **kwargs"
CONSTRUCTORS = (*LAYERS, other("Input", _SHAPE, "", same), other("InputLayer", _SHAPE, "", same))
