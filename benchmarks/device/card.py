"""Whether there is a card."""

from __future__ import annotations

import sys
from typing import Any


def card() -> Any:
    """CuPy, where it has a device; None, after a message, where there is none."""
    try:
        import cupy

        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # no CuPy, no driver, no device: each has its own kind of error
        print(f"there is no CUDA device here: {error}", file=sys.stderr)
        return None
    if not count:
        print("there is no CUDA device here", file=sys.stderr)
        return None
    return cupy
