"""Kernel text on its way to g++: which kernels it has, and the few places where CUDA is no C++."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from rnnc.resources import resource_text

PRELUDE_BEGIN = "// --- rnnc prelude: begin ---"
PRELUDE_END = "// --- rnnc prelude: end ---"
FILE = "kernels.cu"  # how messages call the kernel text

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_KERNEL = re.compile(
    r'extern\s+"C"\s+__global__\s+(?:void\s+)?'
    r"(?P<attributes>(?:__\w+__\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*)*)(?:void\s+)?(?P<name>(?!__)\w+)\s*\("
)
_CLUSTER = re.compile(r"__cluster_dims__\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?(?:,\s*(\d+)\s*)?\)")
_SHARED = re.compile(
    r"extern\s+__shared__\s+(?:(?:__align__|alignas)\s*\([^()]*\)\s*)?(?P<type>\w[\w\s:]*?)\s+"
    r"(?:(?:__align__|alignas)\s*\([^()]*\)\s*)?(?P<name>\w+)\s*\[\s*\]\s*;"
)


class KernelTextError(Exception):
    """Kernel text that cannot be compiled; the message carries the compiler's, with lines of the text."""


@dataclass(frozen=True)
class KernelHead:
    """A kernel as its text declares it; `cluster` is the number of blocks in its `__cluster_dims__`, 1 without;
    `restrict` says of each parameter whether it is `__restrict__`."""

    name: str
    cluster: int
    restrict: tuple[bool, ...]


def prelude() -> str:
    """The device functions that kernel text builds on, as NVRTC compiles them, between two marker lines."""
    return resource_text("templates/cuda/prelude.cuh")


@lru_cache(maxsize=16)  # every launch asks
def find_kernels(text: str) -> tuple[KernelHead, ...]:
    """All kernels of a text. Each is declared `extern "C" __global__`, so that it keeps its name."""
    bare = _bare(text)
    found = (
        KernelHead(match["name"], _cluster(match["attributes"]), _restrict(bare[match.end() :]))
        for match in _KERNEL.finditer(bare)
    )
    return tuple({head.name: head for head in found}.values())


def without_prelude(text: str) -> str:
    """The text with blank lines where the prelude stands, so that all other lines keep their numbers."""
    if PRELUDE_BEGIN not in text or PRELUDE_END not in text:
        return text
    before, rest = text.split(PRELUDE_BEGIN, 1)
    inside, after = rest.split(PRELUDE_END, 1)
    return before + "\n" * inside.count("\n") + after


def cpu_text(text: str) -> str:
    """What g++ compiles for a kernel text. Raises KernelTextError where it declares shared memory in a way that the
    simulator does not know."""
    body = _SHARED.sub(_carve, without_prelude(text))
    bare = _bare(body)
    if "__shared__" in bare:
        _refuse(bare[: bare.index("__shared__")])
    depth = at = 0
    for match in re.finditer(r"rnnc_cpu::shared_memory", bare):
        depth += bare.count("{", at, match.start()) - bare.count("}", at, match.start())
        at = match.start()
        if not depth:
            _refuse(bare[:at])
    entries = "".join(f"RNNC_ENTRY({head.name})\n" for head in find_kernels(text))
    head = '#include "device.h"\n#include "prelude.h"\n'
    return f'{head}#line 1 "{FILE}"\n{body}\n#line 1 "entries"\n#include "entry.h"\n{entries}'


def _refuse(before: str) -> NoReturn:
    line = before.count("\n") + 1
    form = "inside a function, as `extern __shared__ type name[];`"
    raise KernelTextError(f"{FILE}:{line}: shared memory is declared {form} only")


def _bare(text: str) -> str:
    """The text without comments, on the same lines."""
    return _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n") or " ", text)


def _cluster(attributes: str) -> int:
    match = _CLUSTER.search(attributes)
    sizes = [int(size) for size in match.groups() if size] if match else []
    product = 1
    for size in sizes:
        product *= size
    return product


def _restrict(text: str) -> tuple[bool, ...]:
    """Of each parameter, from the text behind the opening parenthesis."""
    depth, at = 1, 0
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return tuple("__restrict__" in parameter for parameter in text[: at - 1].split(","))


def _carve(match: re.Match[str]) -> str:
    """An unsized array in shared memory is a pointer to the block's shared memory."""
    lines = "\n" * match[0].count("\n")
    return f"{match['type']}* const {match['name']} = ({match['type']}*)rnnc_cpu::shared_memory();{lines}"
