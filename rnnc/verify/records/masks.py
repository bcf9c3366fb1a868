"""Recorded dropout masks as a model's random sites want them."""

from __future__ import annotations

import numpy as np

from rnnc.ir.model import MaskInfo
from rnnc.verify.arrays import Array, Arrays, reshape
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.fit import Fit


def site_masks(fit: Fit, masks: Arrays, time_major: bool, steps: int, batch: int) -> Arrays | None:
    """Masks by random site, [time, batch, *axes] or [batch, *axes], of recorded ones by site; None where none are
    recorded (not training).

    A mask may have been recorded for all rows or all steps at once: without that axis, or with one place on it.
    E804: a site without a mask, or a mask that changes within the sequence it is drawn for.
    """
    if not fit.recording.under("mask"):
        return None
    lost = [site.name for site in fit.model.masks if site.name not in masks]
    if lost:
        message = f"{fit.recording.name} records no mask of {', '.join(map(repr, lost))}"
        raise VerifyError("E804", message, fix="leave out the option (-D) that drops there, or record the mask")
    return {site.name: _spread(masks[site.name], site, fit, time_major, steps, batch) for site in fit.model.masks}


def _spread(array: Array, site: MaskInfo, fit: Fit, time_major: bool, steps: int, batch: int) -> Array:
    """One mask on all steps and rows."""
    shape = tuple(axis.size.evaluate(fit.sizes) for axis in site.axes)
    if not shape and array.ndim > 1 and array.shape[-1] == 1:  # one number per row, with an axis of its own
        array = array[..., 0]
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
