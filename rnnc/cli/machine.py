"""What this machine has: interpreters, libraries, compilers and devices, each really tried.

A library is imported in a process of its own: one that was built for another processor takes that process down, not
this one.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from rnnc.compiler import TARGETS

SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """Whether something is here, and its version, or what went wrong."""

    name: str
    present: bool
    detail: str


@dataclass(frozen=True)
class Target:
    """Whether modules of a target run here; `lacks` says why not, `remedy` what to do, `note` what works anyway."""

    name: str
    works: bool
    lacks: str = ""
    remedy: str = ""
    note: str = ""


NUMPY = """
import numpy
try:
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    text = f"{blas['name']} {blas.get('version', '')}"
except (TypeError, KeyError):
    text = "unknown (this NumPy does not say)"
print(numpy.__version__)
print(text)
"""
TENSORFLOW = "import tensorflow; print(tensorflow.__version__)"
CUPY = "import cupy; print(cupy.__version__)"
NVRTC = """
from cupy_backends.cuda.libs import nvrtc
print(".".join(map(str, nvrtc.getVersion())) + ", which compiles kernels for `rnnc explain --target cuda` too")
"""
DEVICE = """
import ctypes, sys
cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
assert cuda.cuInit(0) == 0, "the driver does not start"
count, version, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(128)
cuda.cuDriverGetVersion(ctypes.byref(version))
cuda.cuDeviceGetCount(ctypes.byref(count))
assert count.value, "there is no device"
cuda.cuDeviceGetName(name, 128, 0)
print(f"{count.value} x {name.value.decode()}, CUDA {version.value // 1000}.{version.value % 1000 // 10}")
"""


def findings() -> list[Finding]:
    """Everything that the targets need, in the order in which it is shown."""
    numpy = _tried("NumPy", "numpy", NUMPY)
    version, _, blas = numpy.detail.partition("\n")
    return [
        Finding("Python", True, f"{platform.python_version()} ({sys.executable})"),
        Finding("NumPy", numpy.present, version),
        Finding("BLAS", numpy.present, blas if numpy.present else "comes with NumPy"),
        _tried("TensorFlow", "tensorflow", TENSORFLOW),
        _tried("CuPy", "cupy", CUPY),
        _tried("NVRTC", "cupy_backends", NVRTC),
        _run("CUDA device", [sys.executable, "-c", DEVICE]),
        _compiler(),
    ]


def targets(found: Sequence[Finding]) -> list[Target]:
    """What each target that this version writes needs of it. The first, NumPy, is the one that rnnc needs too."""
    has = {finding.name: finding for finding in found}
    needs = {
        "numpy": [(has["NumPy"], "pip install numpy")],
        "tf": [(has["TensorFlow"], "pip install 'rnnc[tf]'")],
        "cuda": [
            (has["CuPy"], "pip install 'rnnc[cuda]'"),
            (has["NVRTC"], "pip install 'rnnc[cuda]'"),
            (has["CUDA device"], "install an NVIDIA device's driver"),
        ],
    }
    return [_with_simulator(_target(name, needs[name]), has["g++"]) for name in TARGETS]


def _with_simulator(target: Target, compiler: Finding) -> Target:
    """Kernels run on the CPU where there is no device."""
    if target.name != "cuda" or target.works:
        return target
    runs = "`rnnc verify --target cuda` runs kernels on the CPU"
    return replace(target, note=runs if compiler.present else f"with g++ (apt install g++) {runs}")


def _target(name: str, needs: Sequence[tuple[Finding, str]]) -> Target:
    """A target lacks whatever is not here; the remedy is that of the first thing."""
    lacking = [(need, remedy) for need, remedy in needs if not need.present]
    if not lacking:
        return Target(name, True)
    return Target(name, False, ", ".join(f"no {need.name}" for need, _ in lacking), lacking[0][1])


def _tried(name: str, module: str, program: str) -> Finding:
    """Import a library in another process, if it is installed at all."""
    if find_spec(module) is None:
        return Finding(name, False, "not installed")
    return _run(name, [sys.executable, "-c", program])


def _compiler() -> Finding:
    path = shutil.which("g++")
    found = Finding("g++", False, "not installed") if path is None else _run("g++", [path, "--version"])
    return Finding(found.name, found.present, found.detail.partition("\n")[0])


def _run(name: str, command: Sequence[str]) -> Finding:
    """The output of a command, or the last line of its complaint."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, False, str(error))
    if done.returncode == 0:
        return Finding(name, True, done.stdout.strip())
    complaint = done.stderr.strip().splitlines()
    return Finding(name, False, complaint[-1] if complaint else f"ended with status {done.returncode}")
