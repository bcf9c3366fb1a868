"""How TensorFlow says each operation: one entry for every row of the table of operations.

All symbols exist in TensorFlow 1.15 and in the current release, and all have derivatives of the orders that are needed.
"""

from rnnc.backends.tensorflow.spelling import contraction, elementwise, reduction, selection, time, view
from rnnc.backends.tensorflow.spelling.entry import SPELLINGS, Spelling

__all__ = ["SPELLINGS", "Spelling", "contraction", "elementwise", "reduction", "selection", "time", "view"]
