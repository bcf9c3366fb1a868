"""Kernel text as a shared library: g++, a small runtime, and a cache in the user's cache folder."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rnnc.resources import resource_path
from rnnc.simulator.source import FILE, KernelTextError, cpu_text

_SHIM = "templates/cuda/cpu"
# A shadow stack would not know of the runtime's own switch between stacks.
_MACHINE = ("-fcf-protection=none",) if platform.machine() in ("x86_64", "AMD64") else ()
_COMMON = ("-std=c++17", "-g1", "-fPIC", "-fvisibility=hidden", "-U_FORTIFY_SOURCE", *_MACHINE)
# A CUDA thread may wait for ever, punning through pointers is CUDA's habit, and no sum is contracted behind one's back.
_KERNEL = (
    *_COMMON,
    "-Og",  # kernels run for milliseconds here, and -O1 takes g++ half as long again, -O2 twice as long
    "-w",
    "-fno-strict-aliasing",
    "-fwrapv",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-finite-loops",
    "-fno-optimize-sibling-calls",
    "-fsanitize=alignment,bounds",
)
_RACE = ("-fsanitize=thread", "--param=tsan-distinguish-volatile=1")


class CompilerMissing(ImportError):
    """Kernel text cannot be compiled for this machine's CPU; the message names the remedy."""


def build(text: str, *, race: bool = False, defines: tuple[str, ...] = ()) -> Path:
    """The shared library of a kernel text, from the cache where it was built before.

    With `race` every access to memory is instrumented. Raises KernelTextError with the compiler's message, and
    CompilerMissing where there is no g++.
    """
    compiler = find_compiler()
    source = cpu_text(text)
    flags = (*_KERNEL, *(_RACE if race else ()), *defines, f"-I{_folder()}")
    runtime = _runtime(compiler)
    library = _place("kernels", source, flags, (str(runtime),))
    if not library.exists():
        _compile_kernels(compiler, source, flags, runtime, library)
    return library


def find_compiler() -> str:
    """The C++ compiler: `$CXX`, else g++. Raises CompilerMissing, which names the remedy."""
    if sys.platform != "linux":
        raise CompilerMissing(f"CUDA on the CPU runs on Linux, not on {sys.platform}: use a container or a card")
    name = os.environ.get("CXX") or "g++"
    found = shutil.which(name)
    if found is None:
        raise CompilerMissing(f"CUDA on the CPU needs the compiler {name}, which is not installed: apt install g++")
    return found


def cache_folder() -> Path:
    """Where built libraries are kept; where no cache can be written, a folder that goes when the process ends."""
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: no home
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnc" / "simulator"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    return Path(_passing_folder().name)


@functools.cache
def _passing_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rnnc-simulator-")


def _folder() -> Path:
    return resource_path(f"{_SHIM}/device.h").parent


@functools.cache
def _version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout


@functools.cache
def _shim_text() -> str:
    return "".join(f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in sorted(_folder().iterdir()))


def _place(kind: str, source: str, flags: tuple[str, ...], more: tuple[str, ...] = ()) -> Path:
    parts = (source, *flags, *more, _version(find_compiler()), _shim_text())
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return cache_folder() / f"{kind}-{digest[:32]}.so"


def _runtime(compiler: str) -> Path:
    """The runtime's library, which all kernels share; built once, which takes some seconds."""
    flags = (*_COMMON, "-O2", "-Wall", "-Wextra")
    library = _place("runtime", "", flags)
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            out = Path(folder) / library.name
            _run([compiler, *flags, "-shared", str(_folder() / "runtime.cpp"), "-o", str(out), "-Wl,-z,defs"])
            out.replace(library)
    return library


def _compile_kernels(compiler: str, source: str, flags: tuple[str, ...], runtime: Path, library: Path) -> None:
    """Compiling and linking are two calls: a linker that is told of a sanitizer would add the sanitizer's library."""
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        # The unit has the name that its lines bear: debugging information sometimes takes one for the other.
        path, unit, out = Path(folder) / FILE, Path(folder) / "unit.o", Path(folder) / library.name
        path.write_text(source, encoding="utf-8")
        _run([compiler, *flags, "-x", "c++", "-c", str(path), "-o", str(unit)])
        _run([compiler, "-shared", str(unit), str(runtime), "-o", str(out), "-lm"])
        out.replace(library)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise KernelTextError(f"g++ refuses the kernel text:\n{done.stderr.strip()}")
