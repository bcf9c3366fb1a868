"""What to do about names of cells that nothing here reads: a slip, or another cell, which may be among the examples."""

from __future__ import annotations

import re
from collections.abc import Collection

from rnnc.semantics.near import distance

# Files of `examples/`, and the cells in them that libraries have under these names (with `Cell` behind them or not).
_EXAMPLES = """
    additive ran, clockwork clockworkrnn cwrnn, conv_gru convgru convgru1d convgru2d, delta_net deltanet, dnc dnc,
    elman elman jordan elmanrnn, fast_grnn fastgrnn fastrnn, fast_slow fastslow fastslowrnn fsrnn,
    fast_weights fastweights layernormfastweightsbasicrnn, gru_d grud, highway_rnn rhn recurrenthighway,
    hyper_lstm hyperlstm, janet janet, lem lem, ligru ligru, lmu lmu lmufft, liquid cfc ltc, lru lru, mamba mamba s6,
    mgu mgu, min_gru mingru minlstm, mogrifier mogrifier mogrifierlstm, multiplicative multiplicativelstm mirnn,
    mut mut1 mut2 mut3, narx narx narxrnn, nested_lstm nestedlstm, ntm ntm, ode_rnn odernn,
    on_lstm onlstm orderedneuronslstm, pred_rnn predrnn stlstm spatiotemporallstm, qrnn qrnn, reservoir esn echostate,
    retention retention, rg_lru rglru, rwkv rwkv, skip_rnn skiprnn skiplstm skipgru, star star, sub_lstm sublstm,
    time_lstm timelstm, weighted_average rwa, xlstm xlstm mlstm slstm
"""
EXAMPLES = {name: each.split()[0] for each in _EXAMPLES.split(",") for name in each.split()[1:]}
ATTENDS = re.compile(r"Attention|seq2seq|Decoder")  # to what another network gives
KNOWN = "known are the recurrent cells and layers of TensorFlow, Keras, PyTorch; any other is written by its equations"
OTHER = "it is another cell than those that `rnnc import` reads: write its equations"
MEMORY = f"{OTHER}, with what it attends to as `input memory[place, size] per row`"
SHORT = 11  # letters of names in which one is missing at most
SHORTEST = 4  # of names in which none is replaced, nor put in front: those are other cells


def advice(path: str, known: Collection[str]) -> str:
    """What a person who wrote the name can do."""
    name = path.rpartition(".")[2]
    bare = re.sub(r"(cell|layer)$", "", name.lower())
    if bare in EXAMPLES:
        return f"`rnnc import` does not read it; examples/{EXAMPLES[bare]}.rnn has such a cell"
    near = [each for each in known if is_slip(name, each)]
    if near and not _has_words_in_front(name, known):
        return f"did you mean `{min(near, key=lambda each: (distance(name, each), each))}`?"
    if ATTENDS.search(path):
        return MEMORY
    return OTHER if name.endswith("Cell") else KNOWN


def is_slip(name: str, other: str) -> bool:
    """Whether the one may be meant by the other: few letters differ, or `Cell` is missing. Cells with other
    numbers in their names are others: `Grid2LSTMCell`."""
    a, b = name.lower(), other.lower()
    allowed = 1 if min(len(a), len(b)) <= SHORT else 2
    if re.findall(r"\d", a) != re.findall(r"\d", b):
        return False
    if len(a) <= SHORTEST and (a[1:] == b or (len(a) == len(b) and sorted(a) != sorted(b))):
        return False
    return b == f"{a}cell" or (abs(len(a) - len(b)) <= allowed and distance(a, b) <= allowed)


def _has_words_in_front(name: str, known: Collection[str]) -> bool:
    """`xLSTMCell` is no slip of a name, but another cell."""
    return any(name != each and name.endswith(each) and each.endswith("Cell") for each in known)
