"""What became of each loop of a module, for people: as one kernel or not, and which of its products blocks share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rnnc.backends.cuda.kernels.looped import Looped
from rnnc.backends.cuda.loops.captured import varying
from rnnc.backends.cuda.module import loops as loops_of
from rnnc.backends.unit import Emitted, Unit
from rnnc.ir.program import Op, Spans, walk
from rnnc.passes.manager import Remark

PASS_NAME = "strategies"
DONE = frozenset({"one-kernel", "uncoupled-axes"})


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
    for report in looped.products:
        if report.apart:
            text = f"blocks do not share the product {report.name}: {report.apart}"
            yield "product-apart", text, report.spans or looped.spans


def departures(unit: Unit, emitted: Emitted, strategy: str) -> tuple[str, ...]:
    """What a module does in another way than the strategy that was asked for, and why; what a device has no room for
    shows there."""
    found: dict[str, list[str]] = {}
    for looped in loops_of(emitted):
        if strategy == "scan" and len(looped.loops) == 1:
            why = "is a loop, no linear recurrence: the planner picks how it runs"
        elif strategy in ("block", "cluster", "persistent") and looped.kernel is None:
            why = f"goes step by step from the host: {looped.refusal}"
        else:
            continue
        programs = found.setdefault(f"what {_place(looped.spans)} {why}", [])
        programs += [looped.program] if looped.program not in programs else []
    notes = [f"{', '.join(programs)}: {text}" for text, programs in found.items()]
    programs = [unit.forward, *([unit.step] if unit.step else []), unit.train, unit.backward]
    scans = any(isinstance(node, Op) and node.name.startswith("scan_") for p in programs for node in walk(p.nodes))
    if scans and strategy != "scan":
        notes.append("linear recurrences are scans, which are no loops: --no-pass recurrences leaves them in loops")
    return tuple(f"strategy {strategy}: {note}" for note in notes)


def _place(spans: Spans) -> str:
    lines = sorted({span.line for span in spans})
    listed = ", ".join(map(str, lines))
    return "is left" if not lines else f"line {listed} says" if len(lines) == 1 else f"lines {listed} say"
