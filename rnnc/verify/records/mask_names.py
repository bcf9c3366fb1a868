"""Which recorded dropout mask belongs to which of a model's random sites: by names, else by order and sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.errors import VerifyError, near_misses
from rnnc.verify.records.fit import Fit
from rnnc.verify.records.mask_orders import ORDERS, Order, ordered
from rnnc.verify.records.match import group


@dataclass(frozen=True)
class Assigned:
    """Recorded masks by random site, as they were recorded, and what was taken for granted of them."""

    masks: Arrays
    notes: tuple[str, ...]


def readings(fit: Fit) -> tuple[Assigned, ...]:
    """Every recorded mask at its site; several ways, the likeliest first, where names and sizes leave the order of
    wrappers open. E804: a mask belongs to no site."""
    found: dict[tuple[str, ...], Assigned] = {}
    first: VerifyError | None = None
    for order in ORDERS:
        try:
            one = _assigned(fit, order)
        except VerifyError as error:
            first = first or error
            continue
        found.setdefault(one.notes, one)
    if first is not None and not found:
        raise first
    suited = [one for one in found.values() if _suits(fit, one.masks)]
    return tuple(suited or [*found.values()][:1])


def _assigned(fit: Fit, order: Order) -> Assigned:
    """The masks, those of several wrappers in this order.

    A site is known by the name that the layout gives it, with or without a number ("state", "state:1"), or by its own;
    one mask may be drawn for several of the same name, and one may hold those of several side by side. In front may
    stand scopes, or the number of the wrapper ("0/state:1"). Masks of ones may belong to no site: what keeps everything
    draws none.
    """
    recorded = fit.recording.under("mask")
    shapes = {mask.name: tuple(axis.size.evaluate(fit.sizes) for axis in mask.axes) for mask in fit.model.masks}
    per_step = {mask.name: mask.per == "step" for mask in fit.model.masks}
    known = {site: foreign for foreign, site in fit.layout.masks if site in shapes}
    found: Arrays = {}
    used: set[str] = set()
    notes: list[str] = []
    for names, every in _families(recorded, known, shapes):
        sites = [site for site in every if site not in found]
        if len(names) > len(sites):
            names = [name for name in names if not _keeps_all(recorded[name])]
        if not sites:
            continue
        used.update(names)
        pairs = _by_name(names, sites, known, recorded, shapes)
        if pairs is not None:
            found.update({site: recorded[name] for name, site in pairs.items()})
        elif len(names) == 1 and all(_ends_in(recorded[names[0]], shapes[site]) for site in sites):
            found.update(dict.fromkeys(sites, recorded[names[0]]))
            notes.append(f"the recorded mask {names[0]!r} is taken for those of {_listed(sites)}")
        elif names:
            sites = ordered([(site, known.get(site, site), per_step[site]) for site in sites], order)
            found.update(_in_order(names, sites, recorded, shapes))
            notes.append(f"the recorded masks {_listed(names)} are taken for those of {_listed(sites)}, in this order")
    left = [name for name in recorded if name not in used and not _keeps_all(recorded[name])]
    lost = [site for site in shapes if site not in found]
    if len(left) == len(lost) == 1:
        found[lost[0]] = recorded[left[0]]
        notes.append(f"the recorded mask {left[0]!r} is taken for the one of {lost[0]!r}")
    elif left:
        raise _homeless(fit, left[0], lost)
    return Assigned(found, tuple(notes))


def _suits(fit: Fit, masks: Arrays) -> bool:
    """Whether no mask changes within the sequence that it is drawn for."""
    changing = {site.name: len(site.axes) for site in fit.model.masks if site.per != "step" and site.name in masks}
    return not any(
        masks[name].ndim - rank == 2 and not any((masks[name] == masks[name].take([0], axis)).all() for axis in (0, 1))
        for name, rank in changing.items()
    )


def _families(
    recorded: Mapping[str, Array], known: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[list[str], list[str]]]:
    """Recorded names that may mean the same sites, by their numbers, with these sites in the layout's order; what tells
    most comes first."""
    families: dict[tuple[str, ...], list[str]] = {}
    for name in recorded:
        sites = tuple(_sites(name, known, shapes))
        if sites:
            families.setdefault(sites, []).append(name)
    for sites, names in sorted(families.items(), key=lambda family: len(family[0])):
        yield sorted(names, key=_numbers), list(sites)


def _sites(name: str, known: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """The sites that a recorded name may mean, whatever its numbers: those in its scopes, as far as these are known."""
    if name in shapes:
        return [name]
    *scopes, kind = _parts(name)
    alike = {site: _parts(foreign)[:-1] for site, foreign in known.items() if _parts(foreign)[-1] == kind}
    if not scopes:
        return list(alike)
    common = {site: min(len(own), len(scopes)) for site, own in alike.items()}
    fitting = [
        site for site, own in alike.items() if all(a == b for a, b in zip(own[::-1], scopes[::-1], strict=False))
    ]
    most = max((common[site] for site in fitting), default=0)
    return [site for site in fitting if common[site] == most] or list(alike)


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
        own = [site for site in sites if name == site or _same(known[site], _plain(name))]
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


def _parts(name: str) -> list[str]:
    """Scopes and name, without the number of a wrapper in front and that of a state behind."""
    *scopes, last = name.partition(":")[0].split("/")
    return [*(scope for scope in scopes if not scope.isdecimal()), last]


def _numbers(name: str) -> list[int]:
    """What tells names apart that are alike, in the order in which they stand: `0/state:1`."""
    return [int(number) for number in re.findall("[0-9]+", name)]


def _plain(name: str) -> str:
    """The name without the number of a wrapper."""
    return re.sub("(^|/)[0-9]+/", r"\1", name)


def _same(name: str, other: str) -> bool:
    """Whether names are equal but for scopes in front: "rnn/input" is "input"."""
    return name == other or name.endswith("/" + other) or other.endswith("/" + name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
