"""Finds the arrays of a layout among those of a file, whatever a model calls its layers.

`rnnc.verify.records.match` knows the scopes that drivers put in front. Here are, beyond that, variables by number
(Keras 3), endings for the place of a layer (PyTorch's `_l1`), and layers that are only told apart by their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from rnnc.ir.layout import WeightLayout
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.match import Matching, match_variables
from rnnc.weights.table import STACK, Table

Names = dict[str, str]  # the names that a layout may know, by those of the file
CELLS = frozenset({"simple_rnn_cell", "gru_cell", "lstm_cell", "stacked_rnn_cells"})  # as Keras calls its classes
NOT_IN_ORDER = "the layers are attributes of a model's class: nothing in the file tells which of them comes first"
BY_NAME = "--cell with what `rnnc import` makes of the class has Keras's names; --only takes one layer after the other"


@dataclass(frozen=True)
class Found:
    """For every array of a layout the arrays of the file; `notes` say what was taken for granted."""

    matching: Matching
    notes: tuple[str, ...] = ()


def find(layout: WeightLayout, table: Table) -> Found:
    """The arrays of a layout. Raises VerifyError (E803) where they are not there, not all, or not alone."""
    own = _by_position(
        layout, table, _by_cells(layout, table.arrays) if table.numbered else {n: n for n in table.arrays}
    )
    others = _by_position(layout, table, {name: table.others.get(name, name) for name in table.arrays})
    found = _first_fitting(layout, [*_readings(layout, table, own), (others, ())])
    if isinstance(found, Found):
        return found
    if table.scattered:
        in_order = _first_fitting(layout, _readings(layout, replace(table, scattered=frozenset()), own))
        if isinstance(in_order, Found):
            (diagnostic,) = found.diagnostics
            notes = [*(note.message for note in diagnostic.notes), NOT_IN_ORDER]
            raise VerifyError(diagnostic.code, diagnostic.message, notes=notes, fix=BY_NAME) from found
    raise found


def _first_fitting(layout: WeightLayout, readings: Iterable[tuple[Names, tuple[str, ...]]]) -> Found | VerifyError:
    """By the first reading that fits; why the first of all does not, where none does."""
    first: VerifyError | None = None
    for renamed, notes in readings:
        back = {new: name for name, new in renamed.items()}
        try:
            if len(back) < len(renamed):
                twice = next(new for name, new in renamed.items() if back[new] != name)
                raise VerifyError(
                    "E803", f"several arrays could be called {twice!r}", fix="--only tells which are meant"
                )
            matching = match_variables(layout, list(back))
        except VerifyError as error:
            first = first or error
            continue
        if matching.renamed is not None:
            scope, other = matching.renamed
            notes = (*notes, f"the file has {other!r} where the layout {layout.name!r} has {scope!r}")
        variables = {name: tuple(back[v] for v in found) for name, found in matching.variables.items()}
        return Found(Matching(variables, matching.renamed), notes)
    assert first is not None
    return first


def _readings(layout: WeightLayout, table: Table, own: Names) -> Sequence[tuple[Names, tuple[str, ...]]]:
    """The file's names as they are, and as other names that are as good; each with what it takes for granted."""
    wanted, names = [array.name for array in layout.arrays], list(own.values())
    readings: list[tuple[Names, tuple[str, ...]]] = [(own, ())]
    ways: tuple[Callable[[Sequence[str], Sequence[str], Table], Names | None], ...] = (
        with_other_ending,
        numbered_alike,
        layers_in_order,
        scopes_in_order,
    )
    for way in ways:
        new = way(wanted, names, table)
        if new is not None:
            pairs = dict.fromkeys((_scope(old) or old, _scope(to) or to) for old, to in new.items())
            note = "; ".join(f"{old!r} is taken for {to!r}" for old, to in pairs if old != to)
            readings.append(({name: new[text] for name, text in own.items()}, (note,)))
    return readings


# --- cells of a stack ---------------------------------------------------------------------------------------------


def _by_cells(layout: WeightLayout, names: Collection[str]) -> Names:
    """`rnn/stacked_rnn_cells/gru_cell_1/0` as `rnn/layer_2/gru_cell/0`: Keras counts the cells of a stack by class."""
    places: dict[str, dict[str, None]] = {}
    for array in layout.arrays:
        if found := re.fullmatch(r"((?:.*/)?)layer_\d+/([^/]+)", _scope(array.name)):
            places.setdefault(found[1], {})[_scope(array.name)] = None
    orders = dict.fromkeys(tuple(map(_last, scopes)) for scopes in places.values())
    stacks: dict[str, dict[str, None]] = {}
    for name in names:
        if found := re.fullmatch(rf"((?:.*/)?){STACK}/[^/]+", _scope(name)):
            stacks.setdefault(found[1], {})[_scope(name)] = None
    new: Names = {}
    alike = _by_numbers(stacks, places)
    for front, cells in stacks.items():
        in_order = sorted(cells, key=_natural)
        told = [tuple(map(_last, places[alike[front]]))] if front in alike else []
        fits = sorted(map(_own_kind, in_order))
        fitting = [order for order in told if sorted(order) == fits] or [o for o in orders if sorted(o) == fits]
        for k, kind in enumerate(fitting[0]) if len(fitting) == 1 else ():
            cell = next(each for each in in_order if each not in new and _own_kind(each) == kind)
            new[cell] = f"{front}layer_{k}/{kind}"
    theirs, ours = _only_inside(map(_scope, names)), _only_inside(_scope(array.name) for array in layout.arrays)
    known = CELLS | {_own_kind(array.name.rpartition("/")[0]) for array in layout.arrays}
    for front, own in _by_numbers(theirs, ours).items():  # a cell with a name of its own, which is not of another class
        if _own_kind(theirs[front]) not in known:
            new[theirs[front]] = _joined(front, _last(ours[own]))
    return {name: _joined(new.get(_scope(name), _scope(name)), _last(name)) for name in names}


def _by_numbers(theirs: Collection[str], ours: Collection[str]) -> Names:
    """The layout's scopes by those of a file, which count layers in a whole session, and may stand inside of others."""
    known = {_plain(scope.rstrip("/")) for scope in ours}
    ends = {scope: _known_end(scope.rstrip("/"), known) for scope in theirs}
    new = {scope: scope for scope in theirs if scope in ours}
    for kind in known:
        some = sorted(
            (scope for scope in theirs if _plain(ends[scope]) == kind), key=lambda scope: _natural(ends[scope])
        )
        own = sorted((scope for scope in ours if _plain(scope.rstrip("/")) == kind), key=_natural)
        if len(some) == len(own):
            new.update(zip(some, own, strict=True))
    return new


def _only_inside(scopes: Iterable[str]) -> dict[str, str]:
    """Scopes that are alone inside of another, by that."""
    inside: dict[str, dict[str, None]] = {}
    for scope in scopes:
        if "/" in scope:
            inside.setdefault(_scope(scope), {})[scope] = None
    return {front: next(iter(some)) for front, some in inside.items() if len(some) == 1}


# --- variables by number -----------------------------------------------------------------------------------------


def _by_position(layout: WeightLayout, table: Table, own: Names) -> Names:
    """`lstm/lstm_cell/0` as `lstm/lstm_cell/kernel`: the layout has the variables of a layer in their order."""
    if not table.numbered:
        return own
    scopes: dict[str, list[str]] = {}
    for array in layout.arrays:
        scopes.setdefault(_scope(array.name), []).append(_last(array.name))
    groups: dict[str, list[str]] = {}
    for name, text in own.items():
        groups.setdefault(_scope(text), []).append(name)
    found: Names = {}
    for group, members in groups.items():
        as_many = {scope: tuple(parts) for scope, parts in scopes.items() if len(parts) == len(members)}
        alike = {scope: parts for scope, parts in as_many.items() if _plain(scope) == _plain(group)}
        fitting = dict.fromkeys((alike or as_many).values())
        parts = next(iter(fitting)) if len(fitting) == 1 else tuple(_last(own[name]) for name in members)
        found.update({name: _joined(group, part) for name, part in zip(members, parts, strict=True)})
    return found


# --- the place of a layer as an ending ---------------------------------------------------------------------------


def with_other_ending(wanted: Sequence[str], names: Sequence[str], table: Table) -> Names | None:
    """Names that end in something else than the layout's `_l0`, or in nothing, all in the same way."""
    common = _common_start([name[::-1] for name in wanted])[::-1]
    ending = common[common.find("_") :] if "_" in common else ""
    stems = {name.removesuffix(ending) for name in wanted}
    if len(wanted) < 2 or not ending or "" in stems or len(names) != len(wanted):
        return None
    parts = {re.split(r"[./]", name)[-1]: name for name in names}
    longest = max(stems, key=len)
    endings = {part.removeprefix(longest) for part in parts if part.startswith(longest)}
    fitting = [other for other in endings if {stem + other for stem in stems} == parts.keys()]
    if len(fitting) != 1 or fitting[0] == ending:
        return None
    (other,) = fitting
    return {name: name.removesuffix(other) + ending for name in names}


# --- layers by their order ---------------------------------------------------------------------------------------


def layers_in_order(wanted: Sequence[str], names: Sequence[str], table: Table) -> Names | None:
    """The outermost scopes that differ, one after the other, where they hold the same names."""
    cut, own_cut = _common_scope(names), _common_scope(wanted)
    ordered = table.ordered and not (table.numbered and cut)  # Keras 3 orders layers, and not what is in one
    theirs = _grouped(name[len(cut) :] for name in names)
    ours = _grouped(name[len(own_cut) :] for name in wanted)
    if len(theirs) != len(ours) or "" in theirs or "" in ours or not _orderly(list(theirs), ordered):
        return None
    if _beside_others([cut + old for old in theirs], table.scattered):
        return None
    found: Names = {}
    for old, new in zip(theirs if ordered else sorted(theirs, key=_natural), ours, strict=True):
        if set(theirs[old]) != set(ours[new]):
            return None
        found.update({f"{cut}{old}/{rest}": f"{own_cut}{new}/{rest}" for rest in theirs[old]})
    return found


def numbered_alike(wanted: Sequence[str], names: Sequence[str], table: Table) -> Names | None:
    """Scopes that are the same but for the numbers of their layers, which Keras counts by class in a whole session,
    and for what is in front of them."""
    ours = _kinds(wanted, _plain)
    known = {kind for kind, _ in ours}
    ends = {scope: _known_end(scope, known) for scope in map(_scope, names)}
    theirs = _kinds(names, lambda scope: _plain(ends[scope]))
    if {kind: len(scopes) for kind, scopes in theirs.items()} != {kind: len(scopes) for kind, scopes in ours.items()}:
        return None
    if len(set(ends.values())) < len(ends):
        return None
    pairs = [
        (old, new, kind[1])
        for kind, scopes in theirs.items()
        for old, new in zip(
            sorted(scopes, key=lambda scope: _natural(ends[scope])), sorted(ours[kind], key=_natural), strict=True
        )
    ]
    return {_joined(old, part): _joined(new, part) for old, new, parts in pairs for part in parts}


def _known_end(scope: str, known: Container[str]) -> str:
    """The longest end of a scope that is known but for its numbers; all of it where none is."""
    parts = scope.split("/")
    ends = ("/".join(parts[k:]) for k in range(len(parts)))
    return next((end for end in ends if _plain(end) in known), scope)


def scopes_in_order(wanted: Sequence[str], names: Sequence[str], table: Table) -> Names | None:
    """Whole scopes, one after the other among those that end in the same kind of cell and hold the same names."""
    ordered = table.ordered and not table.numbered
    theirs, ours = _kinds(names, _own_kind), _kinds(wanted, _own_kind)
    found: Names = {}
    if {kind: len(scopes) for kind, scopes in theirs.items()} != {kind: len(scopes) for kind, scopes in ours.items()}:
        return None
    for kind, scopes in theirs.items():
        if not _orderly(scopes, ordered) or _beside_others(scopes, table.scattered):
            return None
        for old, new in zip(scopes if ordered else sorted(scopes, key=_natural), ours[kind], strict=True):
            found.update({_joined(old, part): _joined(new, part) for part in kind[1]})
    return found


def _own_kind(scope: str) -> str:
    """The last part of a scope, without a number."""
    return _plain(_last(scope))


def _kinds(names: Sequence[str], kind: Callable[[str], str]) -> dict[tuple[str, frozenset[str]], list[str]]:
    """Scopes by their kind and the names in them."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_scope(name), []).append(_last(name))
    kinds: dict[tuple[str, frozenset[str]], list[str]] = {}
    for scope, parts in groups.items():
        kinds.setdefault((kind(scope), frozenset(parts)), []).append(scope)
    return kinds


def _grouped(names: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        first, slash, rest = name.partition("/")
        groups.setdefault(first if slash else "", []).append(rest if slash else first)
    return groups


def _orderly(scopes: Sequence[str], ordered: bool) -> bool:
    """Whether it is known which comes first: by the file, or because they only differ in a number."""
    return ordered or len({re.sub(r"\d+", "", scope).strip("_") for scope in scopes}) <= 1


def _beside_others(scopes: Iterable[str], scattered: Container[str]) -> bool:
    """Whether one that is scattered stands beside another: numbers count layers as they are made, not as they run."""
    inside: dict[str, set[str]] = {}
    for scope in scopes:
        parts = scope.split("/")
        for depth in range(len(parts)):
            inside.setdefault("/".join(parts[:depth]), set()).add("/".join(parts[: depth + 1]))
    return any(len(beside) > 1 and any(one in scattered for one in beside) for beside in inside.values())


def _plain(scope: str) -> str:
    """A scope without the numbers by which Keras tells layers of one class apart."""
    return re.sub(r"_\d+(?=/|$)", "", scope)


def _natural(name: str) -> tuple[tuple[str, int], ...]:
    """`lstm` before `lstm_2` before `lstm_10`."""
    return tuple((text, int(number or -1)) for text, number in re.findall(r"(\D*)(\d*)", name))


def _common_scope(names: Sequence[str]) -> str:
    """What stands in front of all names, up to a `/`."""
    common = _common_start([_scope(name) + "/" for name in names])
    return common[: common.rfind("/") + 1] if len({_scope(name) for name in names}) > 1 else ""


def _common_start(texts: Sequence[str]) -> str:
    """The letters that all texts begin with."""
    first, last = min(texts, default=""), max(texts, default="")
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same)


def _scope(name: str) -> str:
    return name.rpartition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _joined(scope: str, name: str) -> str:
    return f"{scope}/{name}" if scope else name
