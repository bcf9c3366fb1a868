"""What `rnnc verify` does: compile a description, and prove or compare the module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rnnc.compiler import PASSES, compile_source, model_of
from rnnc.diagnostics import Source
from rnnc.ir.model import Model
from rnnc.runtime import load_module
from rnnc.verify.fit import choose_layout
from rnnc.verify.proofs import prove
from rnnc.verify.recorded import against
from rnnc.verify.recording import load_recording
from rnnc.verify.report import Report
from rnnc.verify.runner import ModuleRunner
from rnnc.verify.widths import with_width

EVERY_PASS = frozenset(PASSES)


def verify_source(
    source: Source,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    *,
    target: str = "numpy",
    seed: int = 0,
) -> Report:
    """Prove the module of one cell or network. Sizes that `options` leave open are chosen small.

    Raises DiagnosticError (the source, E805: no sizes suit it) or BadRequest (the target).
    """
    model, module = _compiled(source, name, options, target)
    _, plain = _compiled(source, name, options, target, no_passes=EVERY_PASS)
    return prove(model, module, plain, seed=seed)


def verify_against(
    source: Source,
    path: Path,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    *,
    target: str = "numpy",
    layout: str | None = None,
) -> Report:
    """Compare the module of one cell or network with recorded arrays.

    Raises DiagnosticError (the source, E801-E804: the recording does not fit it) or BadRequest (the target).
    """
    recording = load_recording(path)
    options = with_width(source, name, options, recording)
    chosen = choose_layout(model_of(source, name, options), layout, recording)
    constants = dict(chosen.options).get("constants")
    rounding = constants if isinstance(constants, str) else None
    model, module = _compiled(source, name, options, target, rounding=rounding)
    return against(model, module, recording, layout=chosen.name)


def _compiled(
    source: Source,
    name: str | None,
    options: Mapping[str, object] | None,
    target: str,
    *,
    no_passes: frozenset[str] = frozenset(),
    rounding: str | None = None,
) -> tuple[Model, ModuleRunner]:
    compiled = compile_source(source, name, options, target=target, no_passes=no_passes, rounding=rounding)
    model = compiled.unit.model
    return model, ModuleRunner(model, load_module(compiled.text, model.name))
