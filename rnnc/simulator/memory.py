"""Memory by its address, as a device has it: without what it belongs to."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np


def memory_at(address: int, size: int, dtype: Any) -> Any:
    """So many bytes, as numbers; nobody keeps them alive."""
    place: Any = (ctypes.c_ubyte * size).from_address(address)
    memory: Any = np.frombuffer(place, np.uint8)
    return memory.view(dtype)
