"""NVIDIA's own compiler as a judge: it needs no GPU and no driver, refuses what is no CUDA, and counts registers."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rnnc.simulator.compile import cache_folder
from rnnc.simulator.source import FILE, PRELUDE_BEGIN, KernelTextError, prelude

ARCHITECTURES = ("sm_80", "sm_90")
_OPTIONS = ("-std=c++17", "-fmad=false", "-ftz=true", "--ptxas-options=-v")  # CuPy adds the third one

_ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
_PROPERTIES = re.compile(r"Function properties for (\w+)")
_STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_REGISTERS = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")


class NvrtcMissing(Exception):
    """NVRTC cannot be asked on this machine; the message names the remedy."""


@dataclass(frozen=True)
class KernelResources:
    """What one thread, and for shared memory one block, of a kernel needs. Sizes are in bytes; spills are what
    registers do not hold, counted once per place in the code."""

    name: str
    arch: str
    registers: int
    stack: int
    spill_stores: int
    spill_loads: int
    static_shared: int


def compile_kernels(
    text: str, archs: Sequence[str] = ARCHITECTURES, options: Sequence[str] = ()
) -> tuple[KernelResources, ...]:
    """All kernels of a text for each architecture ("sm_80"), in the order of the compiler's own report.

    The prelude is put in front of a text that lacks it. The compiler takes seconds, so the cache folder keeps what it
    said of a text. Raises KernelTextError with the compiler's messages and the lines of the text, and NvrtcMissing.
    """
    whole = text if PRELUDE_BEGIN in text else f'{prelude()}\n#line 1 "{FILE}"\n{text}'
    found: list[KernelResources] = []
    for arch in archs:
        found.extend(read_log(_log(whole, arch, options)))
    return tuple(found)


def machine_code(text: str, arch: str, options: Sequence[str] = ()) -> tuple[bytes, str]:
    """What the compiler makes of a whole text for an architecture (a cubin), and its log.

    Raises KernelTextError and NvrtcMissing.
    """
    nvrtc = _nvrtc()
    program = nvrtc.createProgram(text, FILE, (), ())
    try:
        nvrtc.compileProgram(program, (f"-arch={arch}", *_OPTIONS, *options))
        return nvrtc.getCUBIN(program), nvrtc.getProgramLog(program)
    except nvrtc.NVRTCError as error:
        log = nvrtc.getProgramLog(program).strip("\0\n ")
        raise KernelTextError(f"NVRTC refuses the kernel text ({arch}):\n{log or error}") from error
    finally:
        nvrtc.destroyProgram(program)


def _log(text: str, arch: str, options: Sequence[str]) -> str:
    """The log of a compilation, now or earlier, by the same version."""
    parts = (text, arch, *_OPTIONS, *options, str(_nvrtc().getVersion()))
    place = cache_folder() / f"nvrtc-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}.log"
    with contextlib.suppress(OSError):
        return place.read_text(encoding="utf-8")
    _, log = machine_code(text, arch, options)
    with contextlib.suppress(OSError):  # there may be no room for it
        own = place.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        own.write_text(log, encoding="utf-8")
        own.replace(place)
    return log


def read_log(log: str) -> Iterator[KernelResources]:
    """The kernels that a log of `ptxas -v` tells of."""
    kernel, about = None, ""
    for line in log.splitlines():
        if match := _ENTRY.search(line):
            kernel, about = KernelResources(match[1], match[2], 0, 0, 0, 0, 0), match[1]
        elif match := _PROPERTIES.search(line):
            about = match[1]
        elif kernel is not None and about == kernel.name and (match := _STACK.search(line)):
            stack, stores, loads = (int(group) for group in match.groups())
            kernel = replace(kernel, stack=stack, spill_stores=stores, spill_loads=loads)
        elif kernel is not None and (match := _REGISTERS.search(line)):
            shared = _SHARED.search(line)
            yield replace(kernel, registers=int(match[1]), static_shared=int(shared[1]) if shared else 0)
            kernel = None


def _nvrtc() -> Any:
    try:
        nvrtc = importlib.import_module("cupy.cuda").nvrtc
        nvrtc.getVersion()
    except Exception as error:  # the package is missing, or the library that it loads
        raise NvrtcMissing(
            f"NVRTC is not there ({error}): pip install cupy-cuda12x nvidia-cuda-nvrtc-cu12 (no GPU is needed)"
        ) from error
    return nvrtc
