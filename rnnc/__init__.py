"""rnnc: a compiler for recurrent cells.

>>> import rnnc
>>> lstm = rnnc.compile("lstm.rnn", units=128)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnnc.version import __version__

if TYPE_CHECKING:
    from rnnc.api import check, compile, describe
    from rnnc.diagnostics import Diagnostic, DiagnosticError, Source, Span
    from rnnc.notebook import load_ipython_extension
    from rnnc.pictures.description import Description

__all__ = [
    "Description",
    "Diagnostic",
    "DiagnosticError",
    "Source",
    "Span",
    "__version__",
    "check",
    "compile",
    "describe",
    "load_ipython_extension",
]


def __getattr__(name: str) -> Any:
    """Import on demand: the command line does not need the Python interface, nor NumPy."""
    if name in ("check", "compile", "describe"):
        from rnnc import api

        return getattr(api, name)
    if name in ("Diagnostic", "DiagnosticError", "Source", "Span"):
        from rnnc import diagnostics

        return getattr(diagnostics, name)
    if name == "Description":
        from rnnc.pictures import description

        return description.Description
    if name == "load_ipython_extension":  # `%load_ext rnnc`
        from rnnc import notebook

        return notebook.load_ipython_extension
    raise AttributeError(f"module 'rnnc' has no attribute {name!r}")
