"""What `rnnc verify` does: compile a description, and prove or compare the module."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType

from rnnc.compiler import PASSES, Compiled, compile_source, model_of
from rnnc.diagnostics import Source
from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model
from rnnc.verify.live.report import LiveComparison, Ways, against_live
from rnnc.verify.proving.proofs import prove
from rnnc.verify.proving.ways import half_types, lacking, running, strategies, titled
from rnnc.verify.records.fit import choose_layout, find_layout
from rnnc.verify.records.narrowed import in_half_type
from rnnc.verify.records.recorded import against
from rnnc.verify.records.recording import load_recording
from rnnc.verify.records.widths import with_width
from rnnc.verify.report import Report
from rnnc.verify.running.graphs import GraphRunner
from rnnc.verify.running.placing import notes, placed
from rnnc.verify.running.runner import ModuleRunner

EVERY_PASS = frozenset(PASSES)


def verify_source(
    source: Source,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    *,
    target: str = "numpy",
    seed: int = 0,
    common: bool = False,
) -> Report:
    """Prove the module of one cell or network. Sizes that `options` leave open are chosen small. With `common` there
    are only the rows that every target has: no half types, and no other ways to run loops.

    Raises DiagnosticError (the source, E805: no sizes suit it) or BadRequest (the target).
    """
    compiled = compile_source(source, name, options, target=target)
    model, module = _runner(compiled, target)
    _, plain = _compiled(source, name, options, target, no_passes=EVERY_PASS)
    if common:
        return _told(prove(model, module, plain, seed=seed), target)
    ways = dict(_other_ways(source, name, options, target, compiled))
    report = prove(model, module, plain, seed=seed, halves=half_types(target), ways=ways)
    return _told(replace(report, notes=(*compiled.notes, *report.notes, *lacking(target))), target)


def verify_against(
    source: Source,
    path: Path,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    *,
    target: str = "numpy",
    layout: str | None = None,
    common: bool = False,
) -> Report:
    """Compare the module of one cell or network with recorded arrays. Where a target has them, so are its other ways to
    run loops, and its half types at the recorded arguments; not with `common`.

    Raises DiagnosticError (the source, E801-E804: the recording does not fit it) or BadRequest (the target).
    """
    recording = load_recording(path)
    options = with_width(source, name, options, recording)
    chosen = choose_layout(model_of(source, name, options), layout, recording)
    compiled = compile_source(source, name, options, target=target, rounding=_rounding(chosen))
    model, module = _runner(compiled, target)
    report = against(model, module, recording, layout=chosen.name)
    if common:
        return _told(report, target)
    rows, notes = list(report.rows), [*compiled.notes, *report.notes]
    for way, other in _other_ways(source, name, options, target, compiled, _rounding(chosen)):
        with running(way) as told:
            rows += titled(way, against(model, other, recording, layout=chosen.name).rows)
        notes += told
    for half in half_types(target):
        found, told = in_half_type(model, module, recording, chosen, half)
        rows, notes = [*rows, *found], [*notes, *told]
    return _told(replace(report, rows=tuple(rows), notes=(*notes, *lacking(target))), target)


def verify_live(
    source: Source,
    library: str,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    *,
    target: str = "numpy",
    layout: str | None = None,
) -> Report:
    """Compare the module of one cell or network with the live cell of `library` ("tf" or "keras") that the layout
    names, which is the one called like the library unless `layout` says another.

    Raises DiagnosticError (the source, E801-E807: there is no counterpart, it cannot be run, or does not fit),
    BadRequest (the target) or ImportError (the target's own library).
    """
    chosen = find_layout(model_of(source, name, options), layout or library)
    compiled = compile_source(source, name, options, target=target, rounding=_rounding(chosen))
    model = compiled.unit.model
    module = placed(compiled.text, model.name, target)
    ways = module_ways(model, module, target)
    if target != "tf" or library != "tf" or model.masks or not hasattr(module, "Cell"):
        return _told(against_live(LiveComparison(model, chosen, library, ways)), target)
    with tempfile.TemporaryDirectory() as folder:
        cell = Path(folder) / "cell.py"
        cell.write_text(compiled.text, encoding="utf-8")
        return against_live(LiveComparison(model, chosen, library, ways, cell))


def module_ways(model: Model, module: ModuleType, target: str) -> Ways:
    """The ways in which a module of a target is run: by the contract, and as TensorFlow's programs do."""

    @cache
    def contract(time_major: bool) -> ModuleRunner:
        return ModuleRunner(model, module, time_major=time_major)

    @cache
    def graph(driver: str, time_major: bool) -> GraphRunner:
        return GraphRunner(model, module, driver, time_major=time_major)

    if target != "tf":
        return {"the module": contract}
    return {
        "the module": contract,
        "dynamic, tf.gradients": partial(graph, "dynamic"),
        "static, tf.gradients": partial(graph, "static"),
    }


def _other_ways(
    source: Source,
    name: str | None,
    options: Mapping[str, object] | None,
    target: str,
    compiled: Compiled,
    rounding: str | None = None,
) -> Iterator[tuple[str, ModuleRunner]]:
    """The description of a module compiled to run its loops in other ways, each with what reports call it."""
    for way in strategies(compiled):
        changed = {**(options or {}), "strategy": way}
        yield f"strategy {way}", _compiled(source, name, changed, target, rounding=rounding)[1]


def _told(report: Report, target: str) -> Report:
    """The report, which also says where the module ran."""
    return replace(report, notes=(*report.notes, *notes(target)))


def _rounding(layout: WeightLayout) -> str | None:
    return layout.name if dict(layout.options).get("constants") == "float32" else None


def _compiled(
    source: Source,
    name: str | None,
    options: Mapping[str, object] | None,
    target: str,
    *,
    no_passes: frozenset[str] = frozenset(),
    rounding: str | None = None,
) -> tuple[Model, ModuleRunner]:
    return _runner(compile_source(source, name, options, target=target, no_passes=no_passes, rounding=rounding), target)


def _runner(compiled: Compiled, target: str) -> tuple[Model, ModuleRunner]:
    model = compiled.unit.model
    return model, ModuleRunner(model, placed(compiled.text, model.name, target))
