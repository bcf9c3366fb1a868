"""What became of each loop of a module, for people: as one kernel or not, and which of its products blocks share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnc.backends.cuda.products import product_of
from rnnc.backends.cuda.steps import varying
from rnnc.ir.program import NO_SPANS, Loop, Op, Spans, walk
from rnnc.ir.size import Size, product
from rnnc.passes.manager import Remark

if TYPE_CHECKING:
    from rnnc.backends.cuda.teams.block import TeamBlock, TeamLoop

PASS_NAME = "strategies"
DONE = frozenset({"one-kernel", "uncoupled-axes"})
ALONE = "each thread sums up its own elements"
SHARED, STORED = "where its sums are read", "into memory, since other threads read its sums"


@dataclass(frozen=True)
class ProductReport:
    """A product of a step: its columns, how many numbers are summed for each (None where nobody knows), and where.

    `apart` says why every thread sums up its own elements; without it blocks share the product.
    """

    name: str
    columns: Size
    summed: Size | None
    how: str
    apart: str
    spans: Spans


@dataclass(frozen=True)
class Looped:
    """A loop as a program has it; `refusal` says why it is no kernel, else there are one and what wrote it. Several
    loops: as one kernel, where that costs less than their own."""

    program: str
    loops: tuple[Loop, ...]
    refusal: str
    team: TeamBlock | None = None
    kernel: TeamLoop | None = None
    lag: int = 0  # how many steps the last one is behind the first one

    @property
    def spans(self) -> Spans:
        """The lines that the loop comes from."""
        return NO_SPANS.union(
            *(loop.spans or NO_SPANS.union(*(node.spans for node in walk(loop.body))) for loop in self.loops)
        )

    def products(self) -> list[ProductReport]:
        """Those of a step, where the loop is one kernel."""
        if self.team is None:
            return []
        nodes = [node for loop in self.loops for node in loop.body]
        return [self._product(self.team, node) for node in nodes if product_of(node) and isinstance(node, Op)]

    def _product(self, team: TeamBlock, op: Op) -> ProductReport:
        found = team.tiled.get(op.out)
        weights = next((arg.name for arg in op.args if not arg.type.batch), "")
        name = weights or op.out.name or "of two values"
        if found is None:
            return ProductReport(name, product(op.out.type.shape), None, ALONE, team.apart[op.out], op.spans)
        how = SHARED if team.home(op.out) is None else STORED
        return ProductReport(name, found.columns, found.summed, how, "", op.spans)


def remarks(loops: Iterable[Looped]) -> list[Remark]:
    """What `rnnc explain` says at the lines of loops, once for all programs of which it is true."""
    found: dict[tuple[str, str, Spans], list[str]] = {}
    for looped in loops:
        for kind, message, spans in _facts(looped):
            programs = found.setdefault((kind, message, spans), [])
            programs += [looped.program] if looped.program not in programs else []
    return [
        Remark(PASS_NAME, code, "done" if code in DONE else "missed", f"{', '.join(programs)}: {text}", spans)
        for (code, text, spans), programs in found.items()
    ]


def _facts(looped: Looped) -> Iterator[tuple[str, str, Spans]]:
    if looped.kernel is None:
        text = f"this loop goes step by step from the host: {looped.refusal}"
        alone = varying(looped.loops[0])
        if alone != looped.refusal:
            text += f"; no steps are captured together: {alone}" if alone else "; some steps are a captured graph"
        yield "step-by-step", text, looped.spans
        return
    meet, many = looped.kernel.meetings, len(looped.loops)
    what = "this loop can run" if many == 1 else f"these {many} loops can run together"
    what += f", the last one {looped.lag} step{'s' * (looped.lag != 1)} behind the first one," if looped.lag else ""
    text = f"{what} as one kernel, whose blocks meet {meet} time{'s' * (meet != 1)} a step"
    yield "one-kernel", text + (", one team for all rows" if looped.kernel.alone else ""), looped.spans
    if looped.kernel.heads:
        axes = " x ".join(axis.label or str(axis.size) for axis in looped.kernel.heads)
        text = f"nothing in a step couples {axes}: teams, which never meet, share these heads before features"
        yield "uncoupled-axes", text, looped.spans
    for report in looped.products():
        if report.apart:
            text = f"blocks do not share the product {report.name}: {report.apart}"
            yield "product-apart", text, report.spans or looped.spans
