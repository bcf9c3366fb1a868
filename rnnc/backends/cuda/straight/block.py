"""Where values are in memory, and how kernels are launched: what writes lines of the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from rnnc.backends.cuda.analysis.joined import Part
from rnnc.backends.cuda.kernels.elements import Elements, Home, total_of
from rnnc.backends.cuda.kernels.kernel import PARAMETERS, Kernel
from rnnc.backends.cuda.kernels.shared import Shared
from rnnc.backends.cuda.spelling.spelled import Spelled
from rnnc.backends.cuda.spelling.view import moved, position, shifted
from rnnc.ir.operations.reduction import EXTREMA
from rnnc.ir.program import DType, Op, Type, Value
from rnnc.ir.size import Size

Mapped = tuple[Value, Part]  # a value, and what of it is computed
ADDED = 16  # bytes of parameters that a step of a captured loop may have in addition
DTYPES = {DType.FLOAT: "dt", DType.INT: "cp.int32", DType.BOOL: "cp.bool_"}


class Block:
    """Writes lines of the host. `time` is the number of steps there; there are at most `most`."""

    def __init__(self, shared: Shared, time: str, around: Block | None = None, *, most: str | None = None) -> None:
        self.shared, self.time, self.around = shared, time, around
        self.most = most or time  # steps that there may be: of stretches the last one may be shorter
        self.lines: list[str] = []
        self.before: list[str] = []  # lines that allocate, once, before the loop that this block is the body of
        self.definitions: dict[Value, Op] = {} if around is None else dict(around.definitions)
        self.numbers: dict[Value, float | int | bool | Size] = {} if around is None else dict(around.numbers)
        self.homes: dict[Value, Home] = {}
        self.targets: dict[Value, Home] = {}  # arrays that are there already, for results
        self._promised: dict[Value, str] = {}  # the lines that allocate arrays which have a name already

    def line(self, text: str) -> None:
        self.lines.append(text)

    def ahead(self, text: str) -> None:
        """Append a line that need not be done again for every step."""
        (self.lines if self.around is None else self.before).append(text)

    # --- places -------------------------------------------------------------------------------------------------------

    def home(self, value: Value) -> Home | None:
        """Where a value is in memory, here or around."""
        block: Block | None = self
        while block is not None:
            if value in block.homes:
                return block.homes[value]
            block = block.around
        return None

    def place(self, value: Value, array: str, index: str = "", *, nullable: bool = False, wide: bool = False) -> None:
        self.homes[value] = Home(array, index, nullable, wide)

    def array(self, value: Value) -> str:
        """The array of a value that is in memory, as all others hold floats."""
        home = self.home(value)
        if home is None:
            raise KeyError(f"no array holds {value.name!r}")
        return f"{home.host}.astype(dt, copy=False)" if home.wide else home.host

    def size(self, size: Size) -> str:
        return self.shared.sizes.text(size)

    def shape(self, type: Type, time: str | None = None) -> str:
        """The shape of an array, as a tuple."""
        return f"({''.join(f'{n}, ' for n in self.extents(type, time))})"

    def count(self, type: Type, time: str | None = None) -> str:
        """How many elements an array has."""
        return " * ".join(f"({n})" if " " in n else n for n in self.extents(type, time)) or "1"

    def extents(self, type: Type, time: str | None = None) -> list[str]:
        leads = ([time or self.time] if type.time else []) + (["B"] if type.batch else [])
        return [*leads, *map(self.size, type.shape)]

    def allocate(self, value: Value, hint: str = "v") -> Home:
        """The array that a value will be in: given, or new."""
        home = self.promised(value, hint)
        if value in self._promised:
            self.ahead(self._promised.pop(value))
        self.homes[value] = home
        return home

    def promised(self, value: Value, hint: str = "v") -> Home:
        """The array that a value will be in, which `allocate` makes."""
        if value not in self.targets:
            name, wide = self.shared.names.new(value.name or hint), self._is_extremum(value)
            self.shared.wide |= wide
            dtype = "wt" if wide else DTYPES[value.type.dtype]
            text = f"{name} = cp.empty({self.shape(value.type, self.most)}, {dtype})"
            shorter = value.type.time and self.most != self.time
            self._promised[value] = text
            self.targets[value] = Home(name, f"[:{self.time}]" if shorter else "", wide=wide)
        return self.targets[value]

    def _is_extremum(self, value: Value) -> bool:
        """Of halves, a largest or smallest number is kept as it was computed: what it is subtracted from is computed
        again there, and not rounded (of `exp(x - max(x))` the one alone would be)."""
        op = self.definitions.get(value)
        return op is not None and op.name in EXTREMA and value.type.dtype is DType.FLOAT

    # --- kernels ------------------------------------------------------------------------------------------------------

    def map(self, type: Type, group: Sequence[Mapped]) -> None:
        """Write one kernel that computes values, or parts of them; several where it would have too many parameters."""
        goals: dict[Value, Home] = {}
        for whole, part in group:
            if whole not in goals:
                goals[whole] = self.allocate(whole)
                if whole is not part.value:
                    self.scattered(goals[whole])
                del self.homes[whole]  # not yet there for the kernel that writes it

        def body(some: Sequence[Mapped], e: Elements, n: str) -> None:
            index = e.index(type, n)
            found = [(whole, part, e.get(part.value, index)) for whole, part in some]
            for whole, part, text in found:
                place = n
                if whole is not part.value:
                    at = shifted(position(type, index, part.axis), e.kernel.size(part.start))
                    place = e.flat(whole.type, moved(type, index, part.axis, at))
                e.write(whole, goals[whole], place, text)

        self.launch_group(body, group, type)
        self.homes.update(goals)

    def launch_group(
        self, body: Callable[[Sequence[Mapped], Elements, str], None], group: Sequence[Mapped], space: Type
    ) -> None:
        """As `launch`, for each of a group: in halves where a kernel may not have as many parameters."""
        kernel, threads = self._kernel(partial(body, group), space)
        if len(group) == 1 or 8 * len(kernel.arguments) <= PARAMETERS - ADDED:
            self.call(kernel, threads)
            return
        for half in (group[: len(group) // 2], group[len(group) // 2 :]):
            self.launch_group(body, half, space)

    def scattered(self, home: Home) -> None:
        """Take note that an array is written part by part, by the threads that have the elements of parts."""

    def launch(self, body: Callable[[Elements, str], None], space: Type, times: str = "") -> None:
        """Write a kernel and its call: `body` for each element of an array of type `space`, by its place `n`; as many
        times as `times` says on the host."""
        self.call(*self._kernel(body, space, times))

    def _kernel(self, body: Callable[[Elements, str], None], space: Type, times: str = "") -> tuple[Kernel, str]:
        """Such a kernel, and over how many elements it is launched."""
        kernel = Kernel(self.shared.sizes.variables)
        elements = self.elements(kernel)
        many = kernel.whole(times if times.isidentifier() else "times", times) if times else ""
        kernel.line(f"const long long total = {total_of([*elements.extents(space), *filter(None, [many])])};")
        first = "blockIdx.x * (long long)blockDim.x + threadIdx.x"
        with kernel.braces(f"for (long long n = {first}; n < total; n += (long long)gridDim.x * blockDim.x)"):
            body(elements, "n")
        return kernel, self.count(space) + (f" * {times}" if times else "")

    def elements(self, kernel: Kernel) -> Elements:
        """What writes elements into a kernel of this block."""
        return Spelled(kernel, self.home, self.definitions, self.numbers, self.time)

    def entered(self, kernel: Kernel) -> Kernel:
        """A kernel with what must stand before its statements."""
        return kernel

    def call(self, kernel: Kernel, threads: str) -> None:
        """Write the launch of a kernel over so many elements."""
        self.line(self.shared.call(self.entered(kernel), threads))
