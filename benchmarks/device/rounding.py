"""Dtypes as rows name them: those of arrays, and "tf32", float32 whose products everybody may round to TF32."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

TF32 = "tf32"
_ASKED_FOR = "CUPY_TF32"  # generated modules and CuPy look there; peers are told by `is_asked_for`


def stored(dtype: str) -> str:
    """The dtype of arrays."""
    return "float32" if dtype == TF32 else dtype


def is_asked_for() -> bool:
    """Whether products may round float32 now; else float32 means float32, for all."""
    return os.environ.get(_ASKED_FOR, "0") != "0"


@contextmanager
def products_in(dtype: str) -> Generator[None]:
    """While rows of a dtype run."""
    before = os.environ.get(_ASKED_FOR)
    os.environ[_ASKED_FOR] = str(int(dtype == TF32))
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ASKED_FOR]
        else:
            os.environ[_ASKED_FOR] = before
