"""The fused kernels of `tf.contrib.rnn` of TensorFlow 1.15, and what makes fused layers of cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rnnc.importing.libraries.tensorflow import special, wrapped
from rnnc.importing.pieces.lowering import Call
from rnnc.importing.pieces.pieces import Piece, piece
from rnnc.importing.pieces.rows import bound, flag, limit, number, size
from rnnc.importing.pieces.scopes import scope_of
from rnnc.importing.python.values import Made


def block_lstm(call: Call) -> Piece:
    """The fused kernels, which clip at positive limits only."""
    clips = call.has("cell_clip") and call.number("cell_clip") > 0
    options = {
        "units": size("num_units"),
        "peepholes": flag("use_peephole"),
        "forget_bias": number("forget_bias"),
        **({"cell_clip": limit("cell_clip")} if clips else {}),
    }
    found = bound(call, "LSTMBlock", options)
    return replace(found, layout="tf_fused") if call.name == FUSED else found


def numbered(layers: Iterable[Made]) -> dict[int, str]:
    """What TensorFlow calls fused layers, by identity: of several with one name all but the first have a number."""
    found: dict[int, str] = {}
    counts: dict[str, int] = {}
    for made in layers:
        while made.constructor.name == REVERSED and isinstance(inner := made.arguments["cell"].value, Made):
            made = inner
        name = scope_of(made) if made.constructor.name == FUSED and id(made) not in found else None
        if name is not None:
            counts[name] = counts.get(name, -1) + 1
            found[id(made)] = f"{name}_{counts[name]}" if counts[name] else name
    return found


def block_gru(call: Call) -> Piece:
    """`cell_size` is the old name of `num_units`."""
    if call.has("num_units") == call.has("cell_size"):
        raise call.cannot("cell_size", "exactly one of `num_units` and `cell_size` is given")
    options = {"units": size("num_units" if call.has("num_units") else "cell_size")}
    return bound(call, "GRU", options, layout="tf_block" if call.name == "GRUBlockCell" else None)


def time_reversed(call: Call) -> Piece:
    if call.inside is not None:
        raise call.cannot("cell", f"a reversed layer is a network, which {call.inside} cannot hold")
    one = call.cell("cell")
    return piece("TimeReversed", {"inner": one})


FUSED, REVERSED = "LSTMBlockFusedCell", "TimeReversedFusedRNN"
_GRU_BLOCK = "num_units=None, cell_size=None, reuse=None, name='gru_cell'"

CONSTRUCTORS = (
    special(
        "LSTMBlockCell",
        "num_units, forget_bias=1.0, cell_clip=None, use_peephole=False, dtype=None, reuse=None, name='lstm_cell'",
        "num_units forget_bias cell_clip use_peephole",
        block_lstm,
    ),
    special(
        FUSED,
        "num_units, forget_bias=1.0, cell_clip=None, use_peephole=False, reuse=None, dtype=None, "
        "name='lstm_fused_cell'",
        "num_units forget_bias cell_clip use_peephole",
        block_lstm,
    ),
    *(special(name, _GRU_BLOCK, "num_units cell_size", block_gru) for name in ("GRUBlockCell", "GRUBlockCellV2")),
    special("FusedRNNCellAdaptor", "cell, use_dynamic_rnn=False", "cell", wrapped),
    special(REVERSED, "cell", "cell", time_reversed),
)
