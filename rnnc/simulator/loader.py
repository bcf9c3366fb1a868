"""Generated CUDA modules on a machine without a GPU: their `import cupy` is answered by the stand-in."""

from __future__ import annotations

import builtins
import hashlib
import linecache
from types import ModuleType
from typing import Any

from rnnc.backends.escape import identifier
from rnnc.simulator.cublas import Ctypes
from rnnc.simulator.cupy_like import Cupy, How


def load(text: str, name: str, how: How | None = None) -> ModuleType:
    """The module of a generated text, whose CuPy runs kernels on the CPU.

    The module has its own `__import__`; `sys.modules`, and what others import, stay as they are. `how` says with which
    schedule and checks kernels run.
    """
    path = f"<rnnc {identifier(name)} on the CPU {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    module = ModuleType(f"rnnc_simulated_{identifier(name)}")
    module.__file__ = path
    cupy = Cupy(how)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _Import(cupy)}
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    exec(compile(text, path, "exec"), module.__dict__)
    module.__dict__["_address"] = cupy.address  # CuPy's arrays have their memory elsewhere than NumPy's
    module.__dict__["_device_of"] = _device_of
    return module


class _Import:
    """`__import__` with an answer of its own for CuPy."""

    def __init__(self, cupy: Cupy) -> None:
        self._cupy, self._ctypes = cupy, Ctypes(cupy.cuda.libraries)

    def __call__(self, name: str, *context: Any, **more: Any) -> Any:
        parts = name.split(".")
        if name == "ctypes":
            return self._ctypes
        if parts[0] != "cupy":
            return builtins.__import__(name, *context, **more)
        names = more.get("fromlist", context[2] if len(context) > 2 else ())
        found: Any = self._cupy
        for part in parts[1:] if names else ():
            found = _member(found, part)
        return found


def _device_of(_: Any) -> int:
    """On which device an array is: there is one."""
    return 0


def _member(module: Any, part: str) -> Any:
    if part not in vars(module):
        raise ModuleNotFoundError(f"the stand-in for CuPy has no {part}")
    return getattr(module, part)
