"""Straight code: nodes become kernels and products, stage by stage.

A value is in stage s where s operations that combine many elements (reductions, products, loops) lie before it. Maps
are computed where they are read, so a kernel of stage s holds all maps between memory and what it writes. A map is
written to memory itself only where a product, a loop or the caller reads it, or where computing it twice costs more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

from rnnc.backends.cuda.analysis.behind import Behind, chains, in_order
from rnnc.backends.cuda.analysis.joined import NOTHING, Part, element_type, joined
from rnnc.backends.cuda.analysis.products import Product, by_letter, product_of, windows
from rnnc.backends.cuda.kernels.shared import Shared
from rnnc.backends.cuda.spelling import LINES, MAPS
from rnnc.backends.cuda.straight.again import Again
from rnnc.backends.cuda.straight.block import Block
from rnnc.backends.cuda.straight.implicit import Implicit
from rnnc.backends.cuda.straight.reductions import write_reduction
from rnnc.backends.cuda.straight.scan import write_line
from rnnc.backends.escape import number as literal
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.shapes import untouched
from rnnc.ir.program import DType, Loop, Node, Op, Type, Value, reads
from rnnc.ir.size import Size

COSTLY = frozenset({  # what is not worth computing twice
    "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "log_sigmoid", "sin", "cos", "tan", "atan", "sinh",
    "cosh", "asin", "acos", "asinh", "acosh", "atanh", "erf", "pow", "div", "mod", "unpatches", "lookup", "sqrt",
    "rsqrt",
})  # fmt: skip
DEEP = 24  # maps in a row: longer chains are cut, so that expressions stay short
REPEATED = 128  # statements that are written again for other elements: more are not written, for the same reason


class Straight(Block, ABC):
    """Writes nodes, in stages. How loops are written is for `loops/body.py` to say: they hold blocks themselves."""

    fuses = False  # whether products are computed where they are read: then what they are inside of cannot wait
    waits = False  # whether results that nobody reads from memory may be written later than they could be

    def __init__(self, shared: Shared, time: str, around: Block | None = None, *, most: str | None = None) -> None:
        super().__init__(shared, time, around, most=most)
        self._stage: dict[Value, int] = {}
        self._when: dict[Value, int] = {}  # the stages in which maps are written to memory
        self._ends: set[Value] = set()  # maps that end a stage
        self._windows: set[Value] = set()  # what is not written down
        self.chains: dict[Loop, list[Behind]] = {}  # loops that can run behind others, by the first one
        self.spared: dict[Value, list[str]] = {}  # the plans of kernels that compute a value by themselves
        self._guarded: tuple[Sequence[str], int] = (), 0  # where the last lines under a condition end

    def write(self, nodes: Sequence[Node], results: Iterable[Value]) -> None:
        """Write nodes; `results` are in memory afterwards, or are constants."""
        results = list(results)
        for node in nodes:
            if isinstance(node, Op):
                self._define(node)
        nodes = [node for node in nodes if isinstance(node, Loop) or node.outs[0] not in self.numbers]
        if self.around is None:
            self.chains = chains(nodes, results)
            nodes = in_order(nodes, self.chains) if self.chains else nodes
        self._windows = windows(nodes, results)
        maps: dict[int, list[Value]] = {}
        combined: dict[int, list[Node]] = {}
        for value in self._in_memory(nodes, set(results)):
            maps.setdefault(self._when[value], []).append(value)
        for node in nodes:
            if not _is_map(node):
                combined.setdefault(self._stage_of(node.outs), []).append(node)
        for stage in sorted({*maps, *combined}):
            found = combined.get(stage, [])
            for node in found:
                if isinstance(node, Op):
                    with self._unless(self._plans(node.outs[0])):
                        self._combine(node)
            loops = [node for node in found if isinstance(node, Loop)]
            if loops:
                self.write_loops(loops)
            written: dict[tuple[str, ...], list[Value]] = {}
            for value in maps.get(stage, ()):
                written.setdefault(self._plans(value), []).append(value)
            for plans, values in written.items():
                with self._unless(plans):
                    self._maps(values)
        for value in results:
            if value in self.numbers:
                self._constant(value)
        assert not self._promised, "an array was promised that nothing writes"

    @abstractmethod
    def write_loops(self, loops: Sequence[Loop]) -> None:
        """Write loops that do not need one another; their results are in memory afterwards."""

    def _plans(self, value: Value) -> tuple[str, ...]:
        """The variables of kernels that compute a value by themselves, where they run."""
        return tuple(self.spared.get(value, ()))

    @contextmanager
    def _unless(self, plans: Sequence[str]) -> Generator[None]:
        """Lines for where none of those kernels runs."""
        start = len(self.lines)
        yield
        lines = self.lines[start:]
        del self.lines[start:]
        self.unless(plans, lines)

    def unless(self, plans: Sequence[str], lines: Sequence[str]) -> None:
        """Append lines that are for where no kernel of some runs, if there are any."""
        if plans and lines:
            if self._guarded != (plans, len(self.lines)):
                self.lines.append(f"if {' and '.join(f'{plan} is None' for plan in plans)}:")
            lines = ["    " + line for line in lines]
        self.lines += lines
        self._guarded = plans, len(self.lines)

    @property
    def waited(self) -> bool:
        """Whether results were written later than they could have been."""
        return any(when != self._stage[value] for value, when in self._when.items())

    def far(self, type: Type) -> bool:
        """Whether reading values of a type from memory takes longer than computing them again."""
        del type
        return False

    def _define(self, op: Op) -> None:
        attrs = Attrs(op)
        if op.name == "const":
            self.numbers[op.out] = attrs.scalar("value")
        elif op.name == "extent":
            self.numbers[op.out] = attrs.size("size")
        else:
            self.definitions.update((out, op) for out in op.outs)

    def _stage_of(self, values: Sequence[Value]) -> int:
        return max((self._stage.get(v, 0) for v in values), default=0)

    def _in_memory(self, nodes: Sequence[Node], results: set[Value]) -> list[Value]:
        """The maps that are written to memory, with the stages of all values."""
        while True:  # once, but for maps that end a stage
            ends = len(self._ends)
            self._stages(nodes)
            kept = self._kept(nodes, results)
            if len(self._ends) == ends:
                return kept

    def _stages(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            behind = self.chains.get(node, ()) if isinstance(node, Loop) else ()
            read = [*reads(node), *(v for one in behind for v in reads(one.inside))]
            stage = self._stage_of(read)
            if _is_map(node):
                stage = max([stage, *(self._stage[v] + 1 for v in read if v in self._ends)])
            for out in node.outs:
                self._stage[out] = stage if _is_map(node) else stage + 1

    def _kept(self, nodes: Sequence[Node], results: set[Value]) -> list[Value]:
        """The maps that are written to memory, in the order of their definitions."""
        maps = [out for node in nodes if _is_map(node) for out in node.outs]
        entered = {seq for behind in self.chains.values() for one in behind for seq, _ in one.inside.xs}
        kept = {v for v in maps if (v in results and not self.waits) or v in entered or v in self._ends}
        readers: dict[Value, set[tuple[int, Type]]] = {}
        uses: Counter[Value] = Counter()
        for node in nodes:
            if isinstance(node, Loop) or product_of(node) is not None:
                kept.update(v for v in reads(node) if v in self.definitions and v not in self._windows)
                continue
            for arg in node.args:
                uses[arg] += 1
                stage = self._stage_of(node.outs)
                readers.setdefault(arg, set()).add((stage, element_type(node).with_(dtype=DType.FLOAT)))
        sums = {out for node in nodes if self.fuses and product_of(node) is not None for out in node.outs}
        depth: dict[Value, int] = {}
        cost: dict[Value, int] = {}
        again = Again()
        for node in nodes:
            if not (isinstance(node, Op) and _is_map(node)):
                continue
            inside = [a for a in node.args if a not in kept and a in depth]
            if node.outs[0] in self._windows:  # each number is read once for every offset
                kept.update(a for a in inside if cost[a] or depth[a] > 1)
                continue
            for out in node.outs:
                depth[out] = 1 + max((depth[a] for a in inside), default=0)
                cost[out] = _is_costly(node) + sum(cost[a] for a in inside)
                spread = readers.get(out, set())
                same = {(self._stage[out], out.type.with_(dtype=DType.FLOAT))}
                combined = any(stage > self._stage[out] for stage, _ in spread)
                summing = not sums.isdisjoint(node.args)
                elsewhere = uses[out] > 1 and not spread <= same
                dear = cost[out] and (elsewhere or (combined and uses[out] > 1)) and not self.far(out.type)
                # What is kept in this stage is in memory for the next one.
                made = [a for a in node.args if a in depth and not (a in kept and self._stage[a] < self._stage[out])]
                if again.enter(node, out, made) > REPEATED:
                    self._ends.add(out)
                    again.end(out)
                now = out in results and (summing or (cost[out] and uses[out]))  # others can wait: see below
                if depth[out] >= DEEP or dear or (combined and summing) or now or out in self._ends:
                    kept.add(out)
                elif summing and out not in kept:
                    sums.add(out)
        shapes = {v: v.type.with_(dtype=DType.FLOAT) for v in maps if v in kept or v in results}
        last: dict[Type, int] = {}
        for value, shape in shapes.items():
            last[shape] = max(self._stage[value], last.get(shape, 0))
        # Those that wait come with the last ones of their shape.
        self._when |= {v: self._stage[v] if v in kept else last[shape] for v, shape in shapes.items()}
        return list(shapes)

    def _constant(self, value: Value) -> None:
        """A number that the caller wants as an array."""
        number = self.numbers[value]
        text = self.size(number) if isinstance(number, Size) else literal(number)
        self.line(f"{self.allocate(value).host}[...] = {text}")

    def _combine(self, node: Op) -> None:
        product = product_of(node)
        if product is not None:
            self._product(node, product)
        elif node.name in LINES:
            self.line_of(node)
        else:
            self.reduction(node)

    def line_of(self, op: Op) -> None:
        """Write an operation along lines."""
        write_line(self, op)

    def reduction(self, op: Op) -> None:
        """Write an operation of which each element combines many."""
        write_reduction(self, op)

    def _product(self, op: Op, product: Product) -> None:
        if not self._windows.isdisjoint(op.args):
            Implicit(self, op, product).write()
            return
        sizes = by_letter(op, self.time, "B", self.size)
        left, right = (self.array(arg) for arg in op.args)
        goal = self.allocate(op.out, "product").host
        self.line(product.text(left, right, goal, sizes.__getitem__))

    def _maps(self, values: Sequence[Value]) -> None:
        """One kernel for all maps of a stage that have the same shape, or are put together from parts that have it."""
        groups: dict[Type, list[tuple[Value, Part]]] = {}
        for value in values:
            found = joined(value, self.definitions)
            if found is not None:
                self.definitions.update((op.out, op) for op in found[1])
            for part in [Part(value, 0, NOTHING)] if found is None else found[0]:
                groups.setdefault(part.value.type.with_(dtype=DType.FLOAT), []).append((value, part))
        for type, group in groups.items():
            self.map(type, group)


def _is_costly(op: Op) -> bool:
    """Whether an operation is not worth computing twice; a reshape, where places are divided by sizes."""
    if op.name == "reshape":
        (x,) = op.args
        return x.type.rank - sum(untouched(x.type, op.out.type)) > 1
    return op.name in COSTLY


def _is_map(node: Node) -> bool:
    return isinstance(node, Op) and node.name in MAPS
