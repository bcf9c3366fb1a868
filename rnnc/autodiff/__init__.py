"""Derivatives of whole programs (`differentiate`), and the tape between the two halves."""

from rnnc.autodiff.differentiate import Save, differentiate
from rnnc.autodiff.tape import Differentiated, PerStep, Remark, TapeEntry, prune_tape, tape_per_step

__all__ = ["Differentiated", "PerStep", "Remark", "Save", "TapeEntry", "differentiate", "prune_tape", "tape_per_step"]
