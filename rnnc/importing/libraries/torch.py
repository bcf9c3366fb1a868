"""`torch.nn.RNN`, `LSTM` and `GRU`, and their cells."""

from __future__ import annotations

from rnnc.importing.libraries.layers import layered
from rnnc.importing.pieces.lowering import Call, Constructor
from rnnc.importing.pieces.network import Meaning
from rnnc.importing.pieces.pieces import Piece, Recurrence, piece
from rnnc.importing.pieces.rows import Option, bound, flag, optional_size, size
from rnnc.importing.python.values import Made

LIBRARY = "torch"
ACTIVATIONS = {"tanh": "tanh", "relu": "relu"}

# PyTorch's layers have no forget bias beside the bias: where a layout adds it, it is added to what is read.
OPTIONS: dict[str, dict[str, Option]] = {
    "RNN": {"units": size("hidden_size"), "bias": flag("bias")},
    "LSTM": {"units": size("hidden_size"), "bias": flag("bias"), "forget_bias": "0.0"},
    "GRU": {"units": size("hidden_size"), "bias": flag("bias"), "reset": "after", "gate_bias": "0.0"},
}


def cell(call: Call) -> Piece:
    """One layer of one direction."""
    definition = call.name.removesuffix("Cell")
    options = dict(OPTIONS[definition])
    if "proj_size" in call.made.constructor.parameters and call.given("proj_size").value != 0:
        options["proj"] = optional_size("proj_size")
    if definition == "RNN":
        options["activation"] = str(call.word("nonlinearity", ("tanh", "relu")))
    return bound(call, definition, options)


def layers(call: Call) -> Meaning:
    """Layers, in one direction or both, with dropout between them."""
    one, count, both = cell(call), call.size("num_layers"), call.flag("bidirectional")
    if count > 1:
        return layered(call, [one] * count, both=both)
    return piece("Bidirectional", {"fw": one, "bw": one}) if both else one


def recurrence(call: Call) -> Recurrence:
    """What a layer runs among others, layer by layer."""
    one, count, both = cell(call), call.size("num_layers"), call.flag("bidirectional")
    rate = call.rate("dropout") if count > 1 else 0.0
    return Recurrence(((one,) * (1 + both),) * count, rate, steps_first=not call.flag("batch_first"))


def states_of(made: Made) -> tuple[str, ...]:
    """The states of a layer, in the order of PyTorch."""
    return ("h", "c") if made.constructor.name == "LSTM" else ("h",)


def _layer(name: str, signature: str) -> Constructor:
    return Constructor(name, LIBRARY, signature, _LAYER_READS, layers, states=states_of, runs=recurrence)


_SIZES = "input_size, hidden_size, num_layers=1, "
_REST = "bias=True, batch_first=False, dropout=0.0, bidirectional=False, "
_READS = "hidden_size num_layers bias dropout bidirectional proj_size nonlinearity batch_first"
_LAYER_READS = frozenset(_READS.split())
_CELL_READS = frozenset(("hidden_size", "bias", "nonlinearity"))
CONSTRUCTORS = (
    _layer("RNN", f"{_SIZES}nonlinearity='tanh', {_REST}device=None, dtype=None"),
    _layer("LSTM", f"{_SIZES}{_REST}proj_size=0, device=None, dtype=None"),
    _layer("GRU", f"{_SIZES}{_REST}device=None, dtype=None"),
    Constructor(
        "RNNCell",
        LIBRARY,
        "input_size, hidden_size, bias=True, nonlinearity='tanh', device=None, dtype=None",
        _CELL_READS,
        cell,
    ),
    Constructor("LSTMCell", LIBRARY, "input_size, hidden_size, bias=True, device=None, dtype=None", _CELL_READS, cell),
    Constructor("GRUCell", LIBRARY, "input_size, hidden_size, bias=True, device=None, dtype=None", _CELL_READS, cell),
)
