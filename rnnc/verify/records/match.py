"""Finds a layout's arrays among recorded variables, and a layout's states among recorded state arrays.

Whoever recorded the variables put scopes of drivers in front ("rnn/lstm_cell/kernel" for "lstm_cell/kernel") and may
have split a matrix into row shards ("kernel/part_0", "kernel/part_1"). Both are undone here, by names alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnc.ir.layout import WeightLayout, shard_ending
from rnnc.verify.arrays import Array, reshape
from rnnc.verify.errors import VerifyError, near_misses

Shards = tuple[str, ...]  # recorded names whose rows, one after the other, are one array
Candidates = Mapping[str, Shards]  # by the name of the whole
Fitting = Mapping[str, Candidates]  # for every array of a layout those that end in its name

SHOWN = 8  # names of many, in a message

OPTIONS_DECIDE = "-D NAME=VALUE: a cell's options decide which arrays it has"


def _few(listed: Sequence[str], most: int = 3) -> str:
    """The first of many, and how many more there are."""
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")


def _with_near(name: str, known: Iterable[str]) -> str:
    return f"{name!r}{near_misses(name, known)}"


@dataclass(frozen=True)
class Matching:
    """For every array of a layout the recorded variables that hold it: one, or its row shards in order."""

    variables: dict[str, Shards]
    renamed: tuple[str, str] | None = None  # the layout's outermost scope, and the one recorded in its place

    def join(self, recorded: Mapping[str, Array]) -> dict[str, Array]:
        """The layout's arrays from recorded ones."""
        return {
            name: recorded[shards[0]] if len(shards) == 1 else np.concatenate([recorded[s] for s in shards], axis=0)
            for name, shards in self.variables.items()
        }

    def split(self, arrays: Mapping[str, Array], recorded: Mapping[str, Array]) -> dict[str, Array]:
        """The reverse of `join`: arrays under recorded names; `recorded` tells the rows of every shard."""
        parts: dict[str, Array] = {}
        for name, shards in self.variables.items():
            if len(shards) > 1:
                ends = np.cumsum([recorded[s].shape[0] for s in shards])[:-1]
                pieces = np.split(arrays[name], ends, axis=0)
            else:
                pieces = [arrays[name]]
            parts.update(zip(shards, pieces, strict=True))
        return parts


def match_variables(layout: WeightLayout, recorded: Sequence[str]) -> Matching:
    """Match by scoped suffix. E803: a variable is missing, left over, or could be two arrays.

    Where that fails, a cell that was given a name of its own is recognised: its scope may stand for the layout's
    outermost one, if then everything matches.
    """
    patterns = dict.fromkeys(foreign.shards for foreign in layout.arrays)
    known = {pattern: _candidates(recorded, pattern) for pattern in patterns}
    candidates = {foreign.name: known[foreign.shards] for foreign in layout.arrays}
    try:
        return Matching(_by_suffix(layout, recorded, candidates))
    except VerifyError:
        renamed = _under_another_name(recorded, candidates)
        if renamed is None:
            raise
        return renamed


def _by_suffix(
    layout: WeightLayout, recorded: Sequence[str], candidates: Mapping[str, Candidates]
) -> dict[str, Shards]:
    fitting = {
        name: {c: shards for c, shards in every.items() if c == name or c.endswith(("/" + name, "." + name))}
        for name, every in candidates.items()
    }
    chosen = _by_common_prefix(recorded, fitting)
    if chosen is None:
        known = dict.fromkeys(candidate for every in candidates.values() for candidate in every)
        chosen = _by_elimination(recorded, known, fitting)
    used = {variable for name, candidate in chosen.items() for variable in fitting[name][candidate]}
    left = [variable for variable in recorded if variable not in used]
    if left:
        near = [_with_near(v, candidates) for v in left]
        message = f"no array of the layout {layout.name!r} is the recorded {_few(near)}"
        raise VerifyError("E803", message, fix=OPTIONS_DECIDE)
    return {name: fitting[name][candidate] for name, candidate in chosen.items()}


def _under_another_name(recorded: Sequence[str], candidates: Mapping[str, Candidates]) -> Matching | None:
    """The matching with the layout's outermost scope exchanged for the recorded one; None where not all of it fits."""
    scopes = {name.partition("/")[0] if "/" in name else None for name in candidates}
    if len(scopes) != 1 or None in scopes:
        return None
    (scope,) = scopes
    assert scope is not None
    inner = {name: name.removeprefix(scope + "/") for name in candidates}
    fitting = {
        short: {c: shards for c, shards in candidates[name].items() if c.endswith("/" + short)}
        for name, short in inner.items()
    }
    chosen = _by_common_prefix(recorded, fitting)
    if chosen is None:
        return None
    own = next(iter(chosen.items()))
    other = _prefix(own[1], own[0]).rstrip("/")
    return Matching({name: fitting[short][chosen[short]] for name, short in inner.items()}, (scope, other))


def _candidates(recorded: Sequence[str], pattern: str | None) -> dict[str, Shards]:
    """Every name that a recorded array can be known by: its own, and the stem of complete row shards."""
    found: dict[str, Shards] = {name: (name,) for name in recorded}
    if not pattern:
        return found
    ending = re.escape(shard_ending(pattern)).replace(re.escape("{}"), r"(\d+)")
    stems: dict[str, dict[int, str]] = {}
    for name in recorded:
        if shard := re.fullmatch(f"(.+){ending}", name):
            stems.setdefault(shard[1], {})[int(shard[2])] = name
    for stem, shards in stems.items():
        if sorted(shards) == list(range(len(shards))):
            found.setdefault(stem, tuple(shards[k] for k in sorted(shards)))
    return found


def _prefix(candidate: str, name: str) -> str:
    return candidate[: len(candidate) - len(name)]


def _by_common_prefix(recorded: Sequence[str], fitting: Fitting) -> dict[str, str] | None:
    """The one scope under which every array of the layout and no other variable stands; None where there is none."""
    for prefix in sorted({_prefix(c, name) for name, options in fitting.items() for c in options}):
        chosen = {name: prefix + name for name in fitting}
        if all(chosen[name] in options for name, options in fitting.items()):
            used = [variable for name, candidate in chosen.items() for variable in fitting[name][candidate]]
            if set(used) == set(recorded) and len(used) == len(recorded):
                return chosen
    return None


def _by_elimination(recorded: Sequence[str], known: Iterable[str], fitting: Fitting) -> dict[str, str]:
    """What is left where different scopes stand in front: arrays with one possible variable take it first."""
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    while len(chosen) < len(fitting):
        open_ = {
            name: [c for c, shards in options.items() if not taken.intersection(shards)]
            for name, options in fitting.items()
            if name not in chosen
        }
        missing = [name for name, options in open_.items() if not options]
        if missing:
            left = sorted(set(recorded) - taken)
            message = f"no recorded variable is the layout's {_few([_with_near(n, known) for n in missing])}"
            notes = [f"not matched: {_few([repr(v) for v in left], SHOWN)}"] if left else []
            raise VerifyError("E803", message, notes=notes, fix=OPTIONS_DECIDE)
        certain = next((name for name, options in open_.items() if len(options) == 1), None)
        if certain is None:
            name, options = next(iter(open_.items()))
            raise VerifyError(
                "E803",
                f"the layout's {name!r} could be " + " or ".join(repr(c) for c in options),
                fix="name more of the scope in the layout",
            )
        chosen[certain] = open_[certain][0]
        taken.update(fitting[certain][chosen[certain]])
    return chosen


# --- states, inputs and outputs ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Consecutive features that one recorded array holds: names and their shapes."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    actual: tuple[int, ...]  # the recorded array's own feature shape

    @property
    def side_by_side(self) -> bool:
        """Joined along the last axis as they are; otherwise each is flattened first."""
        return all(len(shape) == len(self.actual) for shape in self.shapes) and len(self.actual) > 0

    def take_apart(self, array: Array) -> dict[str, Array]:
        """Arrays [lead…, *shape] by name from a recorded one [lead…, *actual]."""
        lead = array.shape[: array.ndim - len(self.actual)]
        if len(self.names) == 1:
            return {self.names[0]: reshape(array, *lead, *self.shapes[0])}
        widths = [shape[-1] if self.side_by_side else _count(shape) for shape in self.shapes]
        parts = np.split(array, np.cumsum(widths)[:-1], axis=-1)
        return {
            name: reshape(part, *lead, *shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)
        }

    def put_together(self, arrays: Mapping[str, Array]) -> Array:
        """The recorded array's form from arrays [lead…, *shape]."""
        first = arrays[self.names[0]]
        lead = first.shape[: first.ndim - len(self.shapes[0])]
        if len(self.names) == 1:
            return reshape(first, *lead, *self.actual)
        pieces = [arrays[name] if self.side_by_side else reshape(arrays[name], *lead, -1) for name in self.names]
        return np.concatenate(pieces, axis=-1)


def group(
    what: str, features: Sequence[tuple[str, tuple[int, ...]]], recorded: Sequence[tuple[int, ...]]
) -> tuple[Group, ...]:
    """Assign features, in order, to recorded arrays (both without leading axes), as sizes determine. E804: no fit."""
    groups: list[Group] = []
    rest = list(features)
    for actual in recorded:
        taken: list[tuple[str, tuple[int, ...]]] = []
        while rest and sum(_count(shape) for _, shape in taken) < _count(actual):
            taken.append(rest.pop(0))
        candidate = Group(tuple(n for n, _ in taken), tuple(s for _, s in taken), actual)
        if not _fits(candidate):
            _mismatch(what, features, recorded)
        groups.append(candidate)
    if rest:
        _mismatch(what, features, recorded)
    return tuple(groups)


def _fits(group: Group) -> bool:
    if not group.names or sum(_count(shape) for shape in group.shapes) != _count(group.actual):
        return False
    if len(group.names) == 1:
        # Another rank is only another way of writing it down; another order of axes is not.
        (shape,) = group.shapes
        return shape == group.actual or len(shape) != len(group.actual)
    return len(group.actual) == 1 or (
        group.side_by_side and all(shape[:-1] == group.actual[:-1] for shape in group.shapes)
    )


def _mismatch(what: str, features: Sequence[tuple[str, tuple[int, ...]]], recorded: Sequence[tuple[int, ...]]) -> None:
    declared = ", ".join(f"{name}{list(shape)}" for name, shape in features)
    if not recorded:
        raise VerifyError("E804", f"no {what} are recorded, and there should be {declared}")
    raise VerifyError("E804", f"the recorded {what} {[list(r) for r in recorded]} are not {declared} in this order")


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
