"""cuDNN's own form of weights in TensorFlow's checkpoints: the variable `opaque_kernel` of tf.contrib.cudnn_rnn.

What its numbers mean depends on cuDNN's version and the device. A `Saver` writes the canonical arrays beside it, which
are the same weights, and which layouts describe.
"""

from __future__ import annotations

from dataclasses import replace

from rnnc.verify.errors import VerifyError
from rnnc.weights.table import OTHER_MEANING, Table

OPAQUE = "opaque_kernel"


def without_opaque(table: Table) -> Table:
    """The table without opaque variables and what an optimiser keeps for them.

    Raises VerifyError (E812) where there is nothing else.
    """
    opaque = [name for name in table.arrays if OPAQUE in name.split("/")]
    if not opaque:
        return table
    rest = [name for name in table.arrays if name not in opaque]
    if not rest:
        raise VerifyError(
            OTHER_MEANING,
            f"{opaque[0]!r} holds weights in cuDNN's own form: what its numbers mean depends on cuDNN's version and "
            "the device, and is not told by the file",
            fix="take the canonical arrays, which a Saver of TensorFlow writes beside it: …/cell_0/…/kernel",
        )
    listed = ", ".join(map(repr, opaque))
    note = f"{listed}: left out, cuDNN's own form of weights; the canonical arrays beside it are read"
    return replace(table.keep(rest), notes=(*table.notes, note))
