"""Which recorded dropout mask belongs to which of a model's random sites: by names, else by order and sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.errors import VerifyError, near_misses
from rnnc.verify.records.fit import Fit
from rnnc.verify.records.match import group


@dataclass(frozen=True)
class Assigned:
    """Recorded masks by random site, as they were recorded, and what was taken for granted of them."""

    masks: Arrays
    notes: tuple[str, ...]
    is_ambiguous: bool  # names and sizes leave an order open


def assigned(fit: Fit, *, turned: bool = False) -> Assigned:
    """Every recorded mask at its site. E804: one belongs to none.

    A site is known by the name that the layout gives it, with or without a number ("state", "state:1"), or by its own;
    one mask may be drawn for several of the same name, and one may hold those of several side by side. Where names do
    not tell sites apart (a wrapper in a wrapper), both are taken in order, masks in the other one if `turned`. Masks of
    ones may belong to no site: what keeps everything draws none.
    """
    recorded = fit.recording.under("mask")
    shapes = {mask.name: tuple(axis.size.evaluate(fit.sizes) for axis in mask.axes) for mask in fit.model.masks}
    known = {site: foreign for foreign, site in fit.layout.masks if site in shapes}
    found: Arrays = {}
    notes: list[str] = []
    is_ambiguous = False
    for names, sites in _families(recorded, known, shapes):
        if len(names) > len(sites):
            names = [name for name in names if not _keeps_all(recorded[name])]
        pairs = _by_name(names, sites, known, recorded, shapes)
        if pairs is not None:
            found.update({site: recorded[name] for name, site in pairs.items()})
        elif len(names) == 1 and all(_ends_in(recorded[names[0]], shapes[site]) for site in sites):
            found.update(dict.fromkeys(sites, recorded[names[0]]))
            notes.append(f"the recorded mask {names[0]!r} is taken for those of {_listed(sites)}")
        elif names:
            is_ambiguous |= len(names) > 1
            names = names[::-1] if turned else names
            found.update(_in_order(names, sites, recorded, shapes))
            notes.append(f"the recorded masks {_listed(names)} are taken for those of {_listed(sites)}, in this order")
    left = [name for name in recorded if not _sites(name, known, shapes) and not _keeps_all(recorded[name])]
    lost = [site for site in shapes if site not in found]
    if len(left) == len(lost) == 1:
        found[lost[0]] = recorded[left[0]]
        notes.append(f"the recorded mask {left[0]!r} is taken for the one of {lost[0]!r}")
    elif left:
        raise _homeless(fit, left[0], lost)
    return Assigned(found, tuple(notes), is_ambiguous)


def _families(
    recorded: Mapping[str, Array], known: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[list[str], list[str]]]:
    """Recorded names that may mean the same sites, by their numbers, with these sites in the layout's order."""
    families: dict[tuple[str, ...], list[str]] = {}
    for name in recorded:
        sites = tuple(_sites(name, known, shapes))
        if sites:
            families.setdefault(sites, []).append(name)
    for sites, names in families.items():
        yield sorted(names, key=_number), list(sites)


def _sites(name: str, known: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """The sites that a recorded name may mean, whatever its number."""
    if name in shapes:
        return [name]
    found = [site for site, foreign in known.items() if _same(_stem(foreign), _stem(name))]
    return found or [site for site, foreign in known.items() if _last(foreign) == _last(name)]


def _by_name(
    names: Sequence[str],
    sites: Sequence[str],
    known: Mapping[str, str],
    recorded: Mapping[str, Array],
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, str] | None:
    """Each name with the site of that name; None where that does not suit all of them."""
    if len(names) == len(sites) == 1:
        return {names[0]: sites[0]}
    pairs: dict[str, str] = {}
    for name in names:
        own = [site for site in sites if name == site or _same(known[site], name)]
        if len(own) != 1 or own[0] in pairs.values() or not _ends_in(recorded[name], shapes[own[0]]):
            return None
        pairs[name] = own[0]
    return pairs


def _in_order(
    names: Sequence[str], sites: Sequence[str], recorded: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]
) -> Arrays:
    """Sites one after the other, each in the mask that has room for it. E804: they do not fill the masks."""
    rank = len(shapes[sites[0]])
    actual = [recorded[name].shape[max(0, recorded[name].ndim - rank) :] for name in names]
    found: Arrays = {}
    for name, part in zip(names, group("masks", [(site, shapes[site]) for site in sites], actual), strict=True):
        found.update(part.take_apart(recorded[name]))
    return found


def _homeless(fit: Fit, name: str, lost: Sequence[str]) -> VerifyError:
    names = [foreign for foreign, _ in fit.layout.masks]
    notes = [f"its masks are {_listed(names)}" if names else "it has no masks"]
    if lost:
        notes.append(f"without a mask are {_listed(lost)}, which a mask may be called, too")
    return VerifyError(
        "E804",
        f"the layout {fit.layout.name!r} names no site of the recorded mask {name!r}{near_misses(name, names)}",
        notes=notes,
        fix=f'give the probability that is kept there (-D), or say `mask "{name}" = …` in the layout',
    )


def _keeps_all(array: Array) -> bool:
    return bool((array == 1).all())


def _ends_in(array: Array, shape: tuple[int, ...]) -> bool:
    return array.shape[max(0, array.ndim - len(shape)) :] == shape


def _stem(name: str) -> str:
    return name.partition(":")[0]


def _last(name: str) -> str:
    """The name without numbers and scopes, which may be other ones."""
    return _stem(name).rpartition("/")[2]


def _number(name: str) -> int:
    number = name.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


def _same(name: str, other: str) -> bool:
    """Whether names are equal but for scopes in front: "rnn/input" is "input"."""
    return name == other or name.endswith("/" + other) or other.endswith("/" + name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
