"""How wide the output of a cell of the library is: its definition is read, with the arguments of a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from rnnc.compiler import model_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.pieces import library

_NUMBERS = re.compile(r"[-+\d.e\[\], ]+|true|false|none")


def width_of(definition: str, arguments: Mapping[str, str]) -> str | None:
    """The size of the output's last axis; None where the arguments do not tell. Functions among them change no size."""
    parameters = library.find(definition).parameters
    told = [
        (name, value)
        for name, value in arguments.items()
        if _NUMBERS.fullmatch(value) or value in parameters[name].choices
    ]
    return _read(definition, tuple(told))


@lru_cache(maxsize=1024)
def _read(definition: str, arguments: tuple[tuple[str, str], ...]) -> str | None:
    text = "\n".join(library.find(name).text() for name in library.closure([definition], known=True))
    try:
        model = model_of(Source("<library>", text), definition, dict(arguments))
    except DiagnosticError:  # an input decides it
        return None
    shape = model.outputs[0].type.shape
    size = shape[-1].constant if shape else None
    return str(size) if size is not None else None
