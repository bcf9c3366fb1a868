"""What is asked of whoever evaluates expressions, by those who read what they do to tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import Reference, Remarks


class Reads(Evaluates, Protocol):
    """Gives expressions their values, knows what libraries have, and is told what a person should know."""

    @property
    def remarks(self) -> Remarks:
        """What a person should know of the text that no description says."""
        ...

    def knows(self, reference: Reference, /) -> bool:
        """Whether a library has a cell or layer of this name."""
        ...

    def functions_of(self, path: str, /) -> Mapping[str, str]:
        """The functions of one tensor of the library that a dotted name is of, as the language has them."""
        ...
