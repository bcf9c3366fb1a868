"""Directions of Keras's recurrent layers, and what such a layer runs that shares its states with others."""

from __future__ import annotations

from dataclasses import replace

from rnnc.importing.pieces import library
from rnnc.importing.pieces.lowering import Call
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.pieces.pieces import Piece, Recurrence, piece
from rnnc.importing.python.values import Given, Made, problem

LIBRARY = "keras"


def sequence_here(made: Made, network: Network) -> None:
    """E606: what comes in is the last step of another layer."""
    if not network.is_sequence:
        fix = "return_sequences=True in the layer before"
        name = made.constructor.name
        raise problem("E606", f"{name} takes a sequence, and gets one step", made.span, fix=fix)


def bidirectional(call: Call) -> Meaning:
    """Both directions of a layer, which is copied for the way back."""
    merge = call.word("merge_mode", ("concat", "sum", "mul", "ave", None))
    (forward, backward), sequences = directions(call)
    words = {"concat": "concat", "sum": "sum", "mul": "product", "ave": "mean", None: "none"}
    is_image = library.find(forward.definition).takes is not None
    if sequences and merge == "concat" and not is_image and not call.lowering.is_chain:
        return piece("Bidirectional", {"fw": forward, "bw": backward})

    def build(network: Network, x: str) -> str:
        sequence_here(call.made, network)
        network.use(forward, x)
        network.use(backward, x)
        network.is_sequence, network.width = sequences, None
        ways = f"forward = {forward.text}, backward = {backward.text}"
        whole = sequences and merge is not None and not is_image
        layer = f"bidirectional({ways}, merge = {words[merge] if whole else 'none'})"
        y = network.run("y", layer, x, apart=not whole)
        network.scopes |= {f"{y}.{side}": f"{side}_layer" for side in ("forward", "backward")}
        if network.alone:
            lines = library.scopes("Bidirectional", LIBRARY)
            network.layouts[LIBRARY] = [line.replace("y.", f"{y}.", 1) for line in lines]
        if merge is not None:
            steps = "" if sequences else ", return_sequences = false"
            layers = f'{y}.forward, {y}.backward, merge_mode = "{merge}"{steps}'
            network.reference = f"keras.layers.Bidirectional({layers})"
        if network.alone and merge is not None:
            network.options[LIBRARY] = f"reference = {network.reference}"
        if whole:
            return y
        ends = (f"{y}.forward", f"{y}.backward") if sequences else (f"last({y}.forward)", f"at({y}.backward, 0)")
        return merged(merge, *ends, axis=", axis = filters" if is_image else "")

    return Flow(build)


def recurrence(call: Call) -> Recurrence:
    """What a layer runs that others hand states to, or take some from."""
    if call.name == "Bidirectional":
        merge = call.word("merge_mode", ("concat", "sum", "mul", "ave", None))
        if merge is None:
            raise call.cannot("merge_mode", "a layer with states that others read or give has one output", "'concat'")
        cells, sequences = directions(call)
        return Recurrence((cells,), merge=lambda a, b: merged(merge, a, b, ""), sequences=sequences, steps_first=False)
    span = call.made.span
    plain = {"return_sequences": Given(True, span), "go_backwards": Given(False, span)}
    found = call.lowering.meaning(Given(replace(call.made, arguments={**call.made.arguments, **plain}), span))
    assert isinstance(found, Piece), "layers of one cell are pieces"
    sequences, backwards = call.flag("return_sequences"), call.flag("go_backwards")
    return Recurrence(((found,),), backwards=backwards, sequences=sequences, steps_first=False)


def states_of(made: Made) -> tuple[str, ...]:
    """The states of a layer in the order of Keras."""
    name = made.constructor.name
    inner = made.arguments["layer"].value if name == "Bidirectional" else None
    if isinstance(inner, Made):
        return states_of(inner)
    return ("h", "c") if "LSTM" in name else ("h",)


def directions(call: Call) -> tuple[tuple[Piece, Piece], bool]:
    """The cells of both directions, and whether all steps come out."""
    forward, sequences = direction(call, "layer", backwards=False)
    if not call.has("backward_layer"):
        return (forward, forward), sequences
    backward, other = direction(call, "backward_layer", backwards=True)
    if other != sequences:
        raise call.cannot("backward_layer", "both layers return sequences, or neither")
    return (forward, backward), sequences


def merged(merge: str | None, a: str, b: str, axis: str) -> str:
    match merge:
        case "concat":
            return f"concat({a}, {b}{axis})"
        case "sum":
            return f"{a} + {b}"
        case "mul":
            return f"{a} * {b}"
        case "ave":
            return f"({a} + {b}) / 2"
        case _:
            return f"forward: {a}, backward: {b}"


def direction(call: Call, parameter: str, *, backwards: bool) -> tuple[Piece, bool]:
    """The cell of a layer inside Bidirectional, and whether it returns sequences."""
    given = call.given(parameter)
    made = given.value
    if not isinstance(made, Made) or "return_sequences" not in made.constructor.parameters:
        raise call.wrong(parameter, "a recurrent layer")
    inner = Call(made, call.lowering, None)
    if inner.flag("go_backwards") != backwards:
        raise call.cannot(parameter, "forward layers go forwards, and a layer given for the way back goes backwards")
    sequences = inner.flag("return_sequences")
    ways = {"return_sequences": Given(True, given.span), "go_backwards": Given(False, given.span)}
    plain = replace(made, arguments={**made.arguments, **ways})
    found = call.lowering.meaning(Given(plain, given.span))
    if isinstance(found, Flow):
        raise call.wrong(parameter, "a layer of one cell")
    return multi_cell(found), sequences


def multi_cell(found: Piece) -> Piece:
    """Layers as one cell, where only a cell may stand."""
    return replace(found, definition="MultiCell") if found.definition == "Multi" else found
