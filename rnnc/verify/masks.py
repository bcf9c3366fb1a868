"""Recorded dropout masks as a model's random sites want them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnc.ir.model import MaskInfo
from rnnc.verify.arrays import Array, Arrays, reshape
from rnnc.verify.errors import VerifyError, near_misses
from rnnc.verify.fit import Fit


def site_masks(fit: Fit, time_major: bool, steps: int, batch: int) -> Arrays | None:
    """Masks by random site, [time, batch, *axes] or [batch, *axes]; None where none are recorded (not training).

    A mask may have been recorded for all rows or all steps at once: without that axis, or with one place on it. A
    mask of ones may belong to a site that keeps everything, and so is none. E804: a mask without a site, a site
    without a mask, or one that changes within the sequence it is drawn for.
    """
    recorded = fit.recording.under("mask")
    if not recorded:
        return None
    sites = {mask.name: mask for mask in fit.model.masks}
    guessed = dict([pair]) if (pair := only_pair(fit)) else {}
    found: Arrays = {}
    for name, array in recorded.items():
        site = _site_of(name, dict(fit.layout.masks), recorded) or guessed.get(name)
        if site is not None:
            found[site] = _spread(array, sites[site], fit, time_major, steps, batch)
        elif not bool((array == 1).all()):
            names = [foreign for foreign, _ in fit.layout.masks]
            raise VerifyError(
                "E804",
                f"the layout {fit.layout.name!r} names no site of the recorded mask {name!r}{near_misses(name, names)}",
                notes=[f"its masks are {', '.join(map(repr, names))}" if names else "it has no masks"],
                fix=f'give the probability that is kept there (-D), or say `mask "{name}" = …` in the layout',
            )
    lost = [name for name in sites if name not in found]
    if lost:
        message = f"{fit.recording.name} records no mask of {', '.join(map(repr, lost))}"
        raise VerifyError("E804", message, fix="leave out the option (-D) that drops there, or record the mask")
    return found


def only_pair(fit: Fit) -> tuple[str, str] | None:
    """The one recorded mask that has a name of its own, and the one site that no recorded name means: they belong
    together."""
    recorded = fit.recording.under("mask")
    sites = {name: _site_of(name, dict(fit.layout.masks), recorded) for name in recorded}
    names = [name for name, site in sites.items() if site is None and not bool((recorded[name] == 1).all())]
    lost = [mask.name for mask in fit.model.masks if mask.name not in sites.values()]
    return (names[0], lost[0]) if len(names) == len(lost) == 1 else None


def _site_of(name: str, sites: Mapping[str, str], recorded: Mapping[str, Array]) -> str | None:
    """The site of "state:1": of that name, or of "state" where no other state's mask is recorded.

    As with variables, either side may have more scopes in front: "rnn/input" is "input".
    """
    stem = name.partition(":")[0]
    alone = sum(other.partition(":")[0] == stem for other in recorded) == 1
    for wanted in (name, stem) if alone else (name,):
        found = [site for foreign, site in sites.items() if _same(foreign, wanted)]
        if len(found) == 1:
            return found[0]
    return None


def _same(name: str, other: str) -> bool:
    """Whether names are equal but for scopes in front."""
    return name == other or name.endswith("/" + other) or other.endswith("/" + name)


def _spread(array: Array, site: MaskInfo, fit: Fit, time_major: bool, steps: int, batch: int) -> Array:
    """One mask on all steps and rows."""
    shape = tuple(axis.size.evaluate(fit.sizes) for axis in site.axes)
    lead = array.ndim - len(shape)
    if lead not in (0, 1, 2) or array.shape[lead:] != shape:
        raise VerifyError("E804", f"the recorded mask {array.shape} is none of {site.name!r}, which is {list(shape)}")
    if lead == 2 and not time_major:
        array = np.swapaxes(array, 0, 1)
    whole = reshape(array, *(1,) * (2 - lead), *array.shape)
    try:
        whole = np.broadcast_to(whole, (steps, batch, *shape))
    except ValueError:
        message = f"the recorded mask {array.shape} does not suit {steps} steps of {batch} rows"
        raise VerifyError("E804", message) from None
    if site.per == "step":
        return np.ascontiguousarray(whole)
    if not np.array_equal(whole, np.broadcast_to(whole[:1], whole.shape)):
        raise VerifyError(
            "E804", f"the recorded mask of {site.name!r} changes from step to step; it is drawn per sequence"
        )
    return np.ascontiguousarray(whole[0])
