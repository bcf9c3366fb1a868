"""Kernels that were compiled ahead, in the folder of the modules, so that a device's minutes are not spent on NVRTC.

`ahead.py` makes them where rnnc is. Where the card is, `use` answers the same texts with these files; texts that nobody
foresaw are compiled there. The results say which compiler made the kernels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = "cubins"
ARCHITECTURE = "sm_90"


def place(folder: Path, code: str) -> Path:
    """Where the kernels of a text are."""
    return folder / FOLDER / f"{hashlib.sha256(code.encode()).hexdigest()[:32]}.cubin"


def use(cupy: Any, folder: Path) -> None:
    """From now on `cupy.RawModule` takes texts that were compiled ahead from the folder, on devices they are for."""
    make: Callable[..., Any] = cupy.RawModule
    if "sm_" + cupy.cuda.Device().compute_capability != ARCHITECTURE or not (folder / FOLDER).is_dir():
        return

    def module(*, code: str | None = None, **more: Any) -> Any:
        known = code is not None and place(folder, code).exists()
        return make(path=str(place(folder, str(code)))) if known else make(code=code, **more)

    cupy.RawModule = module
