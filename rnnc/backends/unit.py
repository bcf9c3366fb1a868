"""What every backend gets: a model and its programs after the passes, and what the head of a file says; and gives."""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.ir.model import Model
from rnnc.ir.program import Program


@dataclass(frozen=True)
class Header:
    """Where the text came from. `options` is what was bound and which passes ran, as one line."""

    source_name: str
    source_sha256: str
    options: str
    version: str


@dataclass(frozen=True)
class Unit:
    """One module to write.

    `forward` and `step` run without gradients (`step` is None where the model cannot stream); `train` is `forward` with
    ports "tape" among its outputs; `backward` takes them, parameters and cotangents, and gives gradients.
    """

    model: Model
    forward: Program
    step: Program | None
    train: Program
    backward: Program
    header: Header
    strategy: str = "auto"  # how CUDA runs loops


@dataclass(frozen=True)
class Emitted:
    """A module. What else there is to say of one, its target has in a class of its own."""

    text: str
