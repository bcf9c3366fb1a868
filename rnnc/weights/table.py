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

Files = dict[str, bytes]  # what is written, by what follows the path that the user gave
FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True)
class Table:
    """`facts` by array: what the file says of its layer ("reset_after": "true"). `ordered`: arrays stand in the order
    of the model's layers. `numbered`: the last part of a name is only the position in its layer. `notes`: for people.
    """

    arrays: Mapping[str, Array]
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    ordered: bool = False
    numbered: bool = False
    notes: tuple[str, ...] = ()

    def only(self, patterns: Iterable[str], without: Iterable[str]) -> Table:
        """The arrays whose names fit one of `patterns` (all, if there are none) and none of `without`.

        Raises VerifyError (E803) where a pattern fits nothing.
        """
        wanted, unwanted = tuple(patterns), tuple(without)
        for pattern in (*wanted, *unwanted):
            if not any(fnmatchcase(name, pattern) for name in self.arrays):
                raise VerifyError("E803", f"no array's name fits {pattern!r}{near_misses(pattern, self.arrays)}")
        return self.keep(
            name
            for name in self.arrays
            if (not wanted or any(fnmatchcase(name, p) for p in wanted))
            and not any(fnmatchcase(name, p) for p in unwanted)
        )

    def keep(self, names: Iterable[str]) -> Table:
        """The arrays of these names."""
        return replace(self, arrays={name: self.arrays[name] for name in names})

    def renamed(self, new: Mapping[str, str]) -> Table:
        """Arrays under other names (those that are not in `new` keep theirs)."""
        return replace(
            self,
            arrays={new.get(name, name): array for name, array in self.arrays.items()},
            facts={new.get(name, name): facts for name, facts in self.facts.items()},
        )


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
