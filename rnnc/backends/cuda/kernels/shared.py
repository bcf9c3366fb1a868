"""What the functions of one module share: names, and the kernels that they launch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rnnc.backends.cuda.kernels.kernel import Kernel
from rnnc.backends.cuda.kernels.looped import Looped
from rnnc.backends.escape import Names, string
from rnnc.backends.sizes import Sizes

# Of a block. One to a multiprocessor is enough: else the compiler spills registers for the sake of more of them.
THREADS = 256
WIDTH, SHORT = 112, 48  # of the lines of a kernel's parameters; and where they stand behind its name


@dataclass
class Kernels:
    """The kernels of a module, in texts that are compiled at once: those of the program that asked for them first, and
    each kernel that is a loop. Two whose texts differ in names alone, as layers of a stack do, are one.

    `strategy`: how loops run; with `step` none becomes a kernel.
    """

    strategy: str = "auto"
    names: dict[str, str] = field(default_factory=dict[str, str])  # from the text without names to that of the kernel
    programs: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    count: Counter[str] = field(default_factory=Counter[str])  # of the kernels by program
    loops: list[Looped] = field(default_factory=list[Looped])  # how each loop was written, for people

    def name(self, kernel: Kernel, program: str, *, alone: bool = False) -> str:
        """The name under which a kernel is launched: that of its program and a number. `alone`: it is a text for
        itself, of that name."""
        text = "\n".join([f"({_wrapped(kernel.head())}) {{", *("  " + line for line in kernel.needed()), "}"])
        key = kernel.anonymous(text)
        if key not in self.names:
            self.count[program] += 1
            self.names[key] = name = f"{program}_{self.count[program]}"
            mine = self.programs.setdefault(name if alone else program, [])
            head = f'extern "C" __global__ void __launch_bounds__({THREADS}, 1) {name}'
            mine.append("\n".join([*kernel.comments(), head + text]))
        return self.names[key]


def _wrapped(parameters: Sequence[str]) -> str:
    """Parameters on as many lines as they need."""
    lines = [""]
    for number, parameter in enumerate(parameters, start=1):
        text = parameter + "," * (number < len(parameters))
        if len(lines[-1]) + len(text) > WIDTH:
            lines.append("")
        lines[-1] += f" {text}" if lines[-1] else text
    return lines[0] if len(lines[0]) <= SHORT and len(lines) == 1 else "\n    " + "\n    ".join(lines)


class Shared:
    """Names and sizes of one function, and the kernels of all."""

    def __init__(self, kernels: Kernels, program: str, sizes: Sequence[str], names: Names) -> None:
        self.kernels, self.program, self.names = kernels, program, names
        self.wide = False  # whether arrays of the dtype `wt` are wanted, in which halves are computed
        self.sizes = Sizes(sizes, names)

    def call(self, kernel: Kernel, threads: str) -> str:
        """The line that launches a kernel."""
        name = self.kernels.name(kernel, self.program)
        arguments = [argument.host for argument in kernel.arguments.values()]
        return f"launch({', '.join([string(name), threads, *arguments])})"
