"""What went wrong in a launch, at the kernel's own line."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rnnc.simulator.source import FILE

# In the order of the runtime's `Fault`.
KINDS = (
    "none",
    "deadlock",
    "divergence",
    "livelock",
    "out of bounds",
    "misaligned",
    "race",
    "hang",
    "stack overflow",
    "arithmetic",
    "trap",
    "resources",
)
_NOBODY = 0xFFFFFFFF
_LINE = 0x80000000


@dataclass(frozen=True)
class Fault:
    """One fault. `kind` is one of KINDS; `block` and `thread` are indices (x, y, z), None where nobody knows who it
    was; `line` counts the lines of the kernel text from 1, None where it is not known."""

    kind: str
    kernel: str
    block: tuple[int, int, int] | None
    thread: tuple[int, int, int] | None
    line: int | None
    message: str
    source: str = ""

    def __str__(self) -> str:
        who = f"kernel {self.kernel}"
        if self.block is not None:
            who += f", block {_index(self.block)}, thread {_index(self.thread or (0, 0, 0))}"
        where = f", line {self.line}" if self.line is not None else ""
        shown = f"\n  {self.line} | {self.source.strip()}" if self.source.strip() else ""
        return f"{who}{where}: {self.kind}: {self.message}{shown}"


class KernelFault(Exception):
    """A kernel did what it must not do; `fault` says what, who and where."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def read_line(place: int, library: Path) -> int | None:
    """The line of the kernel text of a place that the runtime reports: a line, or an address of machine code."""
    if place & _LINE:
        return (place & ~_LINE) or None
    return _line_of_address(place, library) if place else None


def read_index(index: list[int]) -> tuple[int, int, int] | None:
    """An index of a report; None where the runtime does not know it."""
    return None if _NOBODY in index else (index[0], index[1], index[2])


def _line_of_address(address: int, library: Path) -> int | None:
    """From the debugging information; the innermost of inlined functions that stands in the kernel text."""
    tool = shutil.which("addr2line")
    if tool is None:
        return None
    command = [tool, "-i", "-e", str(library), hex(address)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for frame in done.stdout.splitlines():
        file, _, line = frame.split(" ")[0].rpartition(":")
        if Path(file).name == FILE and line.isdigit():
            return int(line)
    return None


def _index(index: tuple[int, int, int]) -> str:
    return "({},{},{})".format(*index)
