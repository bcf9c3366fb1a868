"""rnnc: a compiler for recurrent cells.

>>> import rnnc
>>> lstm = rnnc.compile("lstm.rnn", units=128)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnnc.version import __version__

if TYPE_CHECKING:
    from rnnc.api import check, compile
    from rnnc.diagnostics import Diagnostic, DiagnosticError, Source, Span

__all__ = ["Diagnostic", "DiagnosticError", "Source", "Span", "__version__", "check", "compile"]


def __getattr__(name: str) -> Any:
    """Import on demand: the command line does not need the Python interface, nor NumPy."""
    if name in ("check", "compile"):
        from rnnc import api

        return getattr(api, name)
    if name in ("Diagnostic", "DiagnosticError", "Source", "Span"):
        from rnnc import diagnostics

        return getattr(diagnostics, name)
    raise AttributeError(f"module 'rnnc' has no attribute {name!r}")
