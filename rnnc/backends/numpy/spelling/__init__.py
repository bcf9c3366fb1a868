"""How NumPy says each operation: one entry for every row of the table of operations."""

from rnnc.backends.numpy.spelling import contraction, elementwise, reduction, selection, time, view
from rnnc.backends.numpy.spelling.entry import SPELLINGS, Spelling, View, Written

__all__ = [
    "SPELLINGS",
    "Spelling",
    "View",
    "Written",
    "contraction",
    "elementwise",
    "reduction",
    "selection",
    "time",
    "view",
]
