"""Where the module of a target runs: CUDA's without a device on the CPU, with the simulator's CuPy."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from rnnc.runtime import load_module

NO_DEVICE = "there is no CUDA device: the kernels ran on the CPU"


def placed(text: str, name: str, target: str) -> ModuleType:
    """The module of a generated text, ready to run here. Raises ImportError where its library is missing."""
    if target != "cuda":
        return load_module(text, name)
    if has_device():
        module = load_module(text, name)
    else:
        from rnnc.simulator.cupy_like import How
        from rnnc.simulator.loader import load

        module = load(text, name, How(late=True))
    vars(module)["_CAPTURED"] = 2  # so that the few steps of a proof are enough for a graph
    if module._STRATEGY == "block":  # so that weights are in shared memory, too, which small ones are not
        vars(module)["_REGISTERS"] = ()
    return module


def notes(target: str) -> tuple[str, ...]:
    """What a report should say of where a target's modules ran."""
    return (NO_DEVICE,) if target == "cuda" and not has_device() else ()


@cache
def has_device() -> bool:
    """Whether CuPy is here and finds a device."""
    try:
        return int(import_module("cupy").cuda.runtime.getDeviceCount()) > 0
    except Exception:  # no CuPy, no driver, one that is too old: CuPy has an exception for each
        return False
