"""`rnnc explain FILE[:NAME]`: what the compiler made of every line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain
from typing import TYPE_CHECKING

import click

from rnnc.cli import options as shared
from rnnc.cli.files import read, standard_output
from rnnc.cli.messages import Failure, painter, say
from rnnc.cli.tables import print_table
from rnnc.compiler import Compiled, compile_source
from rnnc.diagnostics import Source, Span
from rnnc.passes.manager import Remark, Timing
from rnnc.render import Paint, Style, annotate, screen
from rnnc.syntax.printing.extents import definition_lines
from rnnc.syntax.source import FileName

if TYPE_CHECKING:
    from rnnc.cli.loops import Loops

STYLES: dict[str, Style] = {"done": "help", "missed": "warning", "info": "note"}
SIGNS = {"done": "+", "missed": "-", "info": "="}


DEVICES = ("a100", "h100", "h200", "here")


def _numbers(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[int, ...]:
    """`1,16` as (1, 16)."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r} should be numbers from 1 on, such as 1,16,64", ctx, param)
    return tuple(map(int, parts))


@click.command("explain", cls=shared.FileCommand)
@shared.file_name
@shared.define
@shared.target
@click.option("--timings", is_flag=True, help="Also print how long each pass took.")
@click.option("--device", type=click.Choice(DEVICES), help="For cuda: the device that loops would run on.  [h100]")
@click.option("--batch", "rows", callback=_numbers, metavar="N,…", help="For cuda: sizes of the batch.  [1,16,64]")
@click.option("--dtype", "dtypes", callback=shared.comma_separated, multiple=True, metavar="NAME,…", help="For cuda.")
def command(
    file: FileName,
    options: dict[str, str],
    target: str,
    timings: bool,
    device: str | None,
    rows: tuple[int, ...],
    dtypes: tuple[str, ...],
) -> None:
    """Show under each line what the compiler made of it (+), what it could not do and why (-), and facts (=).

    For cuda also how each loop would run on a device, as the module's own planner decides there, which of its products
    blocks share, and what registers each kernel takes (where NVRTC is installed).
    """
    if target != "cuda" and (device or rows or dtypes):
        raise click.UsageError("--device, --batch and --dtype are for --target cuda")
    source = read(file.path)
    compiled = compile_source(source, file.name, options, target=target)
    for note in compiled.notes:
        say(note)
    loops = _loops(compiled, device) if target == "cuda" else None
    if loops is not None and (unknown := [name for name in dtypes if name not in loops.dtypes]):
        raise click.UsageError(f"--dtype takes {', '.join(loops.dtypes)}, not {unknown[0]!r}")
    paint = painter(sys.stdout)
    remarks = compiled.remarks if loops is None else (*compiled.remarks, *loops.remarks)
    with standard_output():
        for line in explanation(source, compiled.unit.model.name, remarks, paint):
            click.echo(line, color=True)
    if timings:
        _gap()
        print_table("", ("pass", "runs", "ms"), timing_rows(compiled.timings))
    if loops is not None:
        _explain_loops(loops, device or "h100", rows or (1, 16, 64), dtypes or ("float32",))


def _loops(compiled: Compiled, device: str | None) -> Loops:
    """What there is to say of a CUDA module."""
    from rnnc.cli.loops import Loops, device_model

    return Loops(compiled, device_model(device or "h100"))


def _explain_loops(loops: Loops, device: str, rows: Sequence[int], dtypes: Sequence[str]) -> None:
    """Products, plans, and kernels, for which NVRTC takes its time; plans need sizes that may not be given."""
    from rnnc.cli import loops as tables
    from rnnc.simulator.nvrtc import NvrtcMissing

    if loops.loops:
        _gap()
        print_table("products of a step, where a loop is one kernel", tables.PRODUCT_HEADINGS, _plain(loops.products()))
    if loops.loops and not loops.open_sizes:
        _gap()
        model = loops.device
        title = f"loops on {device}: {model.multiprocessors} multiprocessors, {model.shared_bytes >> 10} KiB each"
        print_table(title, tables.PLAN_HEADINGS, _plain(loops.plans(rows, dtypes)))
    _gap()
    try:
        print_table("kernels", tables.KERNEL_HEADINGS, _plain(loops.kernels(dtypes)))
    except NvrtcMissing as error:
        say(f"no registers are shown: {error}")
    if loops.open_sizes:
        names = ", ".join(loops.open_sizes)
        raise Failure(f"how loops run depends on sizes that are open ({names}): give them: -D {loops.open_sizes[0]}=…")


def _gap() -> None:
    with standard_output():
        click.echo()


def _plain(rows: Iterable[Sequence[str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Rows of a table without colour."""
    return (("", row) for row in rows)


def explanation(source: Source, name: str, remarks: Iterable[Remark], paint: Paint) -> Iterator[str]:
    """Definition NAME of the file and all that have remarks, annotated, those of imported files too; then what belongs
    to no line."""
    sources = {source: list[tuple[int, str, Style]]()}
    cited: dict[Source, set[int]] = {}
    nowhere: list[str] = []
    for remark in dict.fromkeys(remarks):
        text, style = f"{SIGNS[remark.kind]} {remark.pass_name}: {remark.message}", STYLES[remark.kind]
        places = sorted(remark.spans, key=_by_place)
        if not places:
            nowhere.append(paint(screen(text), style))
            continue
        first, lines = places[0], sorted({place.line for place in places if place.source == places[0].source})
        also = f" (with {_lines(lines[1:])})" if len(lines) > 1 else ""
        sources.setdefault(first.source, []).append((first.line, text + also, style))
        cited.setdefault(first.source, set()).update(lines)
    for at, found in sources.items():
        if at != source:
            yield f"\n{screen(at.name)}"
        yield from annotate(at, found, paint, _shown(at, cited.get(at, set()), name if at == source else None))
    if nowhere:
        yield from ("", *nowhere)


def _shown(source: Source, cited: Set[int], name: str | None) -> Set[int] | None:
    """The lines of definition NAME and of all that hold a cited line; None, for all, where there is one definition."""
    extents = definition_lines(source)
    if len(extents) <= 1:
        return None
    wanted = [lines for other, lines in extents if other == name or not cited.isdisjoint(lines)]
    return {*cited, *chain.from_iterable(wanted)}


def timing_rows(timings: Iterable[Timing]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """For every pass how often it ran and the milliseconds of all its runs, then the sum."""
    runs: dict[str, list[float]] = {}
    for timing in timings:
        runs.setdefault(timing.pass_name, []).append(1000 * timing.seconds)
    for name, times in runs.items():
        yield "", (name, str(len(times)), f"{sum(times):.1f}")
    yield "bold", ("all", "", f"{sum(map(sum, runs.values())):.1f}")


def _by_place(span: Span) -> tuple[str, int, int]:
    return span.source.name, span.start, span.end


def _lines(numbers: list[int]) -> str:
    """`line 4`, `lines 4 and 5`, `lines 4, 5 and 7`."""
    *rest, last = map(str, numbers)
    return f"lines {', '.join(rest)} and {last}" if rest else f"line {last}"
