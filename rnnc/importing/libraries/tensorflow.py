"""`tf.nn.rnn_cell` and the drivers of `tf.nn`, as of TensorFlow 1.15 and `tf.compat.v1`."""

from __future__ import annotations

import re
from dataclasses import replace

from rnnc.importing.formulas import slices
from rnnc.importing.libraries.states import kept
from rnnc.importing.pieces import library
from rnnc.importing.pieces.further import given
from rnnc.importing.pieces.head import state_in
from rnnc.importing.pieces.lowering import NOTHING_KEPT, Call, Constructor
from rnnc.importing.pieces.masks import one_each
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.pieces.pieces import Piece, behind_itself, input_of, output_of, piece
from rnnc.importing.pieces.rows import (
    Lower,
    Option,
    flag,
    function,
    limit,
    listed,
    number,
    optional_size,
    row,
    size,
    spelled,
)
from rnnc.importing.pieces.shared import width
from rnnc.importing.python.values import Given

LIBRARY = "tf"
# Functions of tf, tf.nn and tf.math that the language has under some name.
ACTIVATIONS = {
    **{name: name for name in (
        "tanh", "sigmoid", "relu", "softplus", "log_sigmoid", "softsign", "relu6", "leaky_relu", "elu", "selu", "silu",
        "swish", "gelu", "identity", "sin", "cos", "tan", "atan", "sinh", "cosh", "exp", "expm1", "log1p", "abs",
        "sign", "square", "sqrt", "erf", "erfc", "softmax", "log_softmax", "asin", "acos", "asinh", "acosh", "atanh",
    )},
    "hard_sigmoid": "hard_sigmoid",
    "linear": "identity",
    "exponential": "exp",
    "sparsemax": "sparsemax",
    "crelu": "crelu",
}  # fmt: skip


def cell(name: str, signature: str, definition: str, /, **options: Option) -> Constructor:
    return row(LIBRARY, name, signature, definition, **options)


# --- wrappers and stacks that have a say in what they are ----------------------------------------------------------

# Cells of which `Dropout` drops the state h where it is told no more, and the places of their other states.
_ONLY_H = "RNN GRU UGRNN IntersectionRNN MinimalRNN ComplementCFN IndRNN IndyGRU"
_C_AND_H = """
    LSTM BasicLSTM LSTMBlock CoupledLSTM LayerNormLSTM WeightNormLSTM RecurrentDropoutLSTM NAS PhasedLSTM ConvLSTM1D
    ConvLSTM2D ConvLSTM3D GroupLSTM IndyLSTM
"""
HAS_H = {**{name: list[int]() for name in _ONLY_H.split()}, **{name: [0] for name in _C_AND_H.split()}}


def dropout(call: Call) -> Piece:
    """DropoutWrapper: new masks for every step, or one for the whole sequence."""
    one = call.cell("cell", further=True)
    arguments: dict[str, str | Piece | list[Piece]] = {"inner": one}
    for option in ("input_keep", "state_keep", "output_keep"):
        arguments[option] = spelled(call.fraction(f"{option}_prob"))
        if call.fraction(f"{option}_prob") == 0:
            raise call.cannot(f"{option}_prob", NOTHING_KEPT)
    if call.fraction("state_keep_prob") < 1:
        alone = kept(call)
        if one.definition not in HAS_H or alone != HAS_H[one.definition]:
            arguments["kept"] = listed(map(str, alone))
    if call.flag("variational_recurrent"):
        arguments["mask"] = "sequence"
        call.lowering.remarks.add(
            "`variational_recurrent` of DropoutWrapper draws one mask for a whole batch; here every row has its own"
        )
    return piece("Dropout", arguments)


def residual(call: Call) -> Piece:
    """ResidualWrapper: the input and the output are added, or what a function makes of them."""
    one, names = call.cell("cell"), ("x", "y")
    text = call.formula("residual_fn", names) if call.has("residual_fn") else "x + y"
    if text in ("x + y", "y + x"):
        return piece("Residual", {"inner": one})
    found = piece("ResidualBy", {"inner": one, "join": call.written("residual_fn", names, text)})
    if "x_axis" not in text and "concat(" not in text:
        return found
    own = output_of(one)
    wide = slices.implied("x", "y", int(own), text) if own is not None else None
    if own is None or wide is None:  # of any width
        return replace(found, wide="input")
    return replace(found, wide=str(wide), wider=max(0, wide - int(own)) if slices.is_whole("y", text) else 0)


def wrapped(call: Call) -> Meaning:
    """What changes where or how a cell runs, not what it computes: a device, or a driver over a sequence."""
    return call.lowering.meaning(call.given("cell"), inside=call.inside)


def multi(call: Call) -> Meaning:
    """MultiRNNCell: a network of layers, or a cell of them where it stands inside another."""
    cells = call.items("cells")
    places = [id(cell.value) for cell in cells]
    if not call.lowering.several.isdisjoint(places):  # those that stand here alone, and twice, are instances then, too
        call.lowering.several |= {place for place in places if places.count(place) > 1}
        return _stacked(call)
    first = {id(cell.value): k for k, cell in reversed(list(enumerate(cells)))}  # the layer that names the variables
    if len(first) == len(cells):
        return _stacked(call)
    several = {k: call.lowering.cell(cells[k], call.name) for k in sorted(first.values())}
    same = [first[id(cell.value)] for cell in cells]
    if call.inside is not None:
        return piece("MultiCell", {"cells": [several[k] for k in same], "same": listed(map(str, same))})
    if len(first) == 1:
        return piece("SharedLayers", {"inner": several[0], "layers": str(len(cells))})

    def build(network: Network, x: str) -> str:
        names: dict[int, str] = {}
        wide = behind_itself([several[k] for k in same], same)
        for k, one in several.items():
            network.use(one, x if k == 0 else names[0])
            names[k] = f"f[{k}]"
            network.use_as(names[k], one.text)
        if x == "x" and wide is not None:
            network.inputs["x"] = f"x[{wide}]"
        for k in same:
            x = network.run("y", names[k], x)
        if network.alone:
            network.layouts[LIBRARY] = [f'scope {name} = "multi_rnn_cell/cell_{k}"' for k, name in names.items()]
            network.options[LIBRARY] = 'constants = "float32"'
        return x

    return Flow(build)


def _stacked(call: Call) -> Piece:
    pieces = call.cells("cells")
    found = piece("Multi" if call.inside is None else "MultiCell", {"cells": pieces})
    return replace(found, wide=width(pieces))


# --- drivers -------------------------------------------------------------------------------------------------------


def bidirectional(call: Call) -> Meaning:
    """Both directions of a layer. Images have no axis of their own to put outputs together along; and what a text makes
    of the outputs is said as it is written."""
    merge = call.lowering.merge
    forward = call.cell("cell_fw", further=True)
    one = call.given("cell_fw").value is call.given("cell_bw").value
    backward = forward if one else call.cell("cell_bw", further=True)
    image = ", " in (input_of(forward) or "")
    parts = {(k, part): state_in((forward, backward)[k], part) for k, part in merge.parts} if merge is not None else {}
    if None in parts.values():
        call.lowering.remarks.add("left out: what is made of final states that no definition of the library tells")
        call.lowering.merge = merge = None
    if merge is None and not image:
        return (
            piece("SharedBidirectional", {"inner": forward})
            if one
            else piece("Bidirectional", {"fw": forward, "bw": backward})
        )

    def build(network: Network, x: str) -> str:
        network.use(forward, x)
        network.use(backward, x)
        definition, ways = ("SharedBidirectional", shared) if one else ("Bidirectional", apart)
        (fw, bw), sides = ways(network, x)
        along = ", axis = filters" if image else ""
        result = f"concat({fw}, {bw}{along})"
        if merge is not None:
            states = {each: f"{sides[each[0]]}{member}" for each, member in parts.items()}
            result = one_each(network, merge.of(fw, bw, states), inside=True)
        if network.alone:
            order = [] if one else [f"order state = [{', '.join(sides)}]"]  # whatever that of the formula
            lines = library.scopes(definition, LIBRARY)
            layer = sides[0].partition(".")[0]
            network.layouts[LIBRARY] = [*(re.sub(r"^scope \w+", f"scope {layer}", line) for line in lines), *order]
            network.options[LIBRARY] = 'constants = "float32"'
        return result

    def shared(network: Network, x: str) -> tuple[tuple[str, str], tuple[str, str]]:
        f = network.named("f", forward.text)
        g = network.named("g", f) if parts else f  # what runs twice leaves no state
        fw = network.run("fw", f, given(forward, x))
        bw = network.run("bw", g, given(forward, x, "reverse({})"))
        return (fw, f"reverse({bw})"), (f, g)

    def apart(network: Network, x: str) -> tuple[tuple[str, str], tuple[str, str]]:
        both = f"bidirectional(forward = {forward.text}, backward = {backward.text}, merge = none)"
        layer = network.named("layer", both) if parts else both
        y = network.run("y", layer, given(forward, x), apart=True)
        layer = layer if parts else y
        return (f"{y}.forward", f"{y}.backward"), (f"{layer}.forward", f"{layer}.backward")

    return Flow(build)


def stack_bidirectional(call: Call) -> Meaning:
    """The dynamic stack and the static one, whose layers have no scope of their own in front of the directions."""
    ways = call.items("cells_fw"), call.items("cells_bw")
    if len(ways[0]) != len(ways[1]):
        raise call.wrong("cells_bw", f"as long as `cells_fw`: {len(ways[0])}")
    is_static = call.name == "stack_bidirectional_rnn"
    if any(one.value is other.value for one, other in zip(*ways, strict=True)):
        return _stack_of_shared(call, [*zip(*ways, strict=True)], is_static=is_static)
    forward, backward = call.cells("cells_fw"), call.cells("cells_bw")
    return piece("StackedBidirectional", {"fw": forward, "bw": backward, "static": "true" if is_static else "false"})


def _stack_of_shared(call: Call, layers: list[tuple[Given, Given]], *, is_static: bool) -> Flow:
    """A stack of both directions with one object as both cells of a layer, in some of its layers."""
    cells = [
        (one, one if pair[0].value is pair[1].value else call.lowering.cell(pair[1], call.name))
        for pair in layers
        for one in [call.lowering.cell(pair[0], call.name)]
    ]

    def build(network: Network, x: str) -> str:
        lines: list[str] = []
        ends: list[tuple[str, str]] = []
        for k, (one, other) in enumerate(cells):
            scope = f"stack_bidirectional_rnn/cell_{k}{'' if is_static else '/bidirectional_rnn'}"
            network.use(one, x)
            network.use(other, x)
            if one is other:
                f = network.named("f", one.text)
                fw, bw = network.run("fw", f, x), network.run("bw", f, f"reverse({x})")
                lines.append(f'scope {f} = "{scope}/fw"')
                ends.append((f, bw))  # the states of the first run are those of the instance
                along = ", axis = filters" if ", " in (input_of(one) or "") else ""
                x = f"concat({fw}, reverse({bw}){along})"
            else:
                both = f"bidirectional(forward = {one.text}, backward = {other.text})"
                x = network.run("y", both, x)
                ends.append((f"{x}.forward", f"{x}.backward"))
                lines += [
                    f'scope {x}.{side} = "{scope}/{way}"' for side, way in (("forward", "fw"), ("backward", "bw"))
                ]
            if k < len(cells) - 1 and one is other:
                x = network.equation("y", x)
        if network.alone:
            order = ", ".join(each for way in zip(*ends, strict=True) for each in way)
            network.layouts[LIBRARY] = [*lines, f"order state = [{order}]"]
            network.options[LIBRARY] = 'constants = "float32"'
        return x

    return Flow(build)


def raw(call: Call) -> Piece:
    """raw_rnn: a loop that the caller writes."""
    why = "what a function of your own hands from step to step is not told by the call"
    raise call.cannot("loop_fn", why, "import the cell alone, and call `step` of its module in the loop")


def special(name: str, signature: str, reads: str, lower: Lower) -> Constructor:
    return Constructor(name, LIBRARY, signature, frozenset(reads.split()), lower)


CELLS = (
    cell(
        "BasicRNNCell",
        "num_units, activation=None, reuse=None, name=None, dtype=None, **kwargs",
        "RNN",
        units=size("num_units"),
        activation=function("activation"),
    ),
    cell(
        "GRUCell",
        "num_units, activation=None, reuse=None, kernel_initializer=None, bias_initializer=None, name=None, "
        "dtype=None, **kwargs",
        "GRU",
        units=size("num_units"),
        activation=function("activation"),
    ),
    cell(
        "BasicLSTMCell",
        "num_units, forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None, name=None, dtype=None, **kwargs",
        "BasicLSTM",
        units=size("num_units"),
        forget_bias=number("forget_bias"),
        activation=function("activation"),
    ),
    cell(
        "LSTMCell",
        "num_units, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None, proj_clip=None, "
        "num_unit_shards=None, num_proj_shards=None, forget_bias=1.0, state_is_tuple=True, activation=None, "
        "reuse=None, name=None, dtype=None, **kwargs",
        "LSTM",
        units=size("num_units"),
        proj=optional_size("num_proj"),
        peepholes=flag("use_peepholes"),
        forget_bias=number("forget_bias"),
        cell_clip=limit("cell_clip"),
        proj_clip=limit("proj_clip"),
        activation=function("activation"),
    ),
)
WRAPPERS = (
    special(
        "DropoutWrapper",
        "cell, input_keep_prob=1.0, output_keep_prob=1.0, state_keep_prob=1.0, variational_recurrent=False, "
        "input_size=None, dtype=None, seed=None, dropout_state_filter_visitor=None, **kwargs",
        "cell input_keep_prob output_keep_prob state_keep_prob variational_recurrent dropout_state_filter_visitor",
        dropout,
    ),
    special("ResidualWrapper", "cell, residual_fn=None, **kwargs", "cell residual_fn", residual),
    special("DeviceWrapper", "cell, device, **kwargs", "cell", wrapped),
    special("MultiRNNCell", "cells, state_is_tuple=True", "cells", multi),
)
_ONE = "initial_state=None, dtype=None, "
_TWO = "initial_state_fw=None, initial_state_bw=None, dtype=None, "
_MANY = "cells_fw, cells_bw, inputs, initial_states_fw=None, initial_states_bw=None, dtype=None, sequence_length=None, "
DRIVERS = (
    special(
        "dynamic_rnn",
        f"cell, inputs, sequence_length=None, {_ONE}parallel_iterations=None, swap_memory=False, time_major=False, "
        "scope=None",
        "cell",
        wrapped,
    ),
    special("static_rnn", f"cell, inputs, {_ONE}sequence_length=None, scope=None", "cell", wrapped),
    special("raw_rnn", "cell, loop_fn, parallel_iterations=None, swap_memory=False, scope=None", "cell loop_fn", raw),
    special(
        "static_state_saving_rnn",
        "cell, inputs, state_saver, state_name, sequence_length=None, scope=None",
        "cell",
        wrapped,
    ),
    special(
        "bidirectional_dynamic_rnn",
        f"cell_fw, cell_bw, inputs, sequence_length=None, {_TWO}parallel_iterations=None, swap_memory=False, "
        "time_major=False, scope=None",
        "cell_fw cell_bw",
        bidirectional,
    ),
    special(
        "static_bidirectional_rnn",
        f"cell_fw, cell_bw, inputs, {_TWO}sequence_length=None, scope=None",
        "cell_fw cell_bw",
        bidirectional,
    ),
    special(
        "stack_bidirectional_dynamic_rnn",
        f"{_MANY}parallel_iterations=None, time_major=False, scope=None, swap_memory=False",
        "cells_fw cells_bw",
        stack_bidirectional,
    ),
    special(
        "stack_bidirectional_rnn",
        f"{_MANY}scope=None",
        "cells_fw cells_bw",
        stack_bidirectional,
    ),
)
CONSTRUCTORS = (*CELLS, *WRAPPERS, *DRIVERS)
