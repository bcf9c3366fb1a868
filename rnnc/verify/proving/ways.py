"""What CUDA's modules have and others have not: half types, and several ways to run a loop."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace

from rnnc.backends.cuda.module import loops
from rnnc.compiler import Compiled
from rnnc.verify.proving.halves import HALVES, TF32, Half, halves_here
from rnnc.verify.report import Row

CUDA = "cuda"
FORCED = ("step", "block", "persistent")  # of the strategies; clusters are a way of `block`, and compile like it


def half_types(target: str) -> tuple[Half, ...]:
    """Those that modules of a target compute in, as far as they can be had here; and TF32."""
    return (*halves_here(), TF32) if target == CUDA else ()


def strategies(compiled: Compiled) -> tuple[str, ...]:
    """The ways to run loops that a module has beside the one that its planner picks: none where one is asked for, or
    where no loop can be a kernel and all go step by step."""
    has_kernels = any(looped.kernel for looped in loops(compiled.emitted))
    return FORCED if has_kernels and compiled.unit.strategy == "auto" else ()


@contextmanager
def running(way: str) -> Generator[list[str]]:
    """While a module runs in another way: what it warns of (that there is no room for it) becomes notes."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield notes
    notes += dict.fromkeys(f"{way}: {warning.message}" for warning in caught)


def titled(way: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows that say in which way they were found."""
    return tuple(replace(row, name=f"{way}, {row.name}") for row in rows)


def lacking(target: str) -> tuple[str, ...]:
    """What a report should say of half types that cannot be had."""
    lost = [half.name for half in HALVES if target == CUDA and half not in halves_here()]
    return tuple(f"there are no rows of {name}, which needs ml_dtypes: pip install ml_dtypes" for name in lost)
