"""`rnnc explain FILE[:NAME]`: what the compiler made of every line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Set
from itertools import chain

import click

from rnnc.cli import options as shared
from rnnc.cli.files import read, standard_output
from rnnc.cli.messages import painter
from rnnc.cli.tables import print_table
from rnnc.compiler import compile_source
from rnnc.diagnostics import Source, Span
from rnnc.passes.manager import Remark, Timing
from rnnc.render import Paint, Style, annotate, screen
from rnnc.syntax.extents import definition_lines
from rnnc.syntax.source import FileName

STYLES: dict[str, Style] = {"done": "help", "missed": "warning", "info": "note"}
SIGNS = {"done": "+", "missed": "-", "info": "="}


@click.command("explain", cls=shared.FileCommand)
@shared.file_name
@shared.define
@shared.target
@click.option("--timings", is_flag=True, help="Also print how long each pass took.")
def command(file: FileName, options: dict[str, str], target: str, timings: bool) -> None:
    """Show under each line what the compiler made of it (+), what it could not do and why (-), and facts (=)."""
    source = read(file.path)
    compiled = compile_source(source, file.name, options, target=target)
    paint = painter(sys.stdout)
    with standard_output():
        for line in explanation(source, compiled.unit.model.name, compiled.remarks, paint):
            click.echo(line, color=True)
        if timings:
            click.echo()
    if timings:
        print_table("", ("pass", "runs", "ms"), timing_rows(compiled.timings))


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
