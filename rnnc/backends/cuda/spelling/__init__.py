"""How CUDA says each operation. Importing the modules fills the tables."""

from __future__ import annotations

from rnnc.backends.cuda.spelling import elementwise, lines, optional, reduction, time, view, window
from rnnc.backends.cuda.spelling.entry import LINES, MAPS, REDUCTIONS

__all__ = ["LINES", "MAPS", "REDUCTIONS", "elementwise", "lines", "optional", "reduction", "time", "view", "window"]
