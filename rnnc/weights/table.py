"""Arrays as a file holds them: by name, with what the file says about the layers that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np

from rnnc.verify.arrays import Array, DTypeLike
from rnnc.verify.errors import VerifyError, near_misses

UNREADABLE = "E811"
OTHER_MEANING = "E812"
NO_CELL = "E813"
STACK = "stacked_rnn_cells"  # the scope of Keras's cells that are one behind the other, each in one of its class

Files = dict[str, bytes]  # what is written, by what follows the path that the user gave
FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True)
class Table:
    """`facts` by array: what the file says of its layer ("reset_after": "true"). `ordered`: arrays stand in the order
    of the model's layers. `numbered`: the last part of a name is only the position in its layer. `others` by array:
    what else it may be called. `scattered`: scopes of layers that are attributes of a class: nothing tells which of
    those beside one another comes first. `implied`: arrays of zeros that the file does without. `notes`: for people.
    """

    arrays: Mapping[str, Array]
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    ordered: bool = False
    numbered: bool = False
    others: Mapping[str, str] = field(default_factory=dict[str, str])
    scattered: frozenset[str] = frozenset()
    implied: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def only(self, patterns: Iterable[str], without: Iterable[str]) -> Table:
        """The arrays whose names fit one of `patterns` (all, if there are none) and none of `without`.

        Raises VerifyError (E803) where a pattern fits nothing.
        """
        wanted = tuple(patterns)
        chosen = {name for pattern in wanted for name in self._fitting(pattern)} if wanted else set(self.arrays)
        chosen -= {name for pattern in without for name in self._fitting(pattern)}
        return self.keep(name for name in self.arrays if name in chosen)

    def _fitting(self, pattern: str) -> list[str]:
        """By names; where none fits, by what else arrays are called."""
        found = [name for name in self.arrays if fnmatchcase(name, pattern)]
        found = found or [name for name in self.arrays if fnmatchcase(self.others.get(name, name), pattern)]
        if not found:
            raise VerifyError("E803", f"no array's name fits {pattern!r}{near_misses(pattern, self.arrays)}")
        return found

    def keep(self, names: Iterable[str]) -> Table:
        """The arrays of these names."""
        return replace(self, arrays={name: self.arrays[name] for name in names})


def float_type(arrays: Mapping[str, Array]) -> DTypeLike:
    """The one type of all arrays. Raises VerifyError (E812) where there are several, or one that is no float."""
    found: dict[str, str] = {}
    for name, array in arrays.items():
        found.setdefault(str(array.dtype), name)
    if len(found) > 1:
        listed = ", ".join(f"{dtype} ({name!r})" for dtype, name in found.items())
        raise VerifyError(OTHER_MEANING, f"the arrays are of several types: {listed}", fix="convert them to one type")
    (dtype,) = found or {"float32": ""}
    if dtype not in FLOATS:
        raise VerifyError(OTHER_MEANING, f"the arrays are {dtype}; weights are {', '.join(FLOATS)}")
    return np.dtype(dtype)
