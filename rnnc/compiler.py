"""The pipeline: text → model → programs → passes → derivatives → passes → the text of a module."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from rnnc.autodiff import Differentiated, PerStep, Save, differentiate, tape_per_step
from rnnc.backends.unit import Emitted, Header, Unit
from rnnc.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Source, Span
from rnnc.ir.model import Model
from rnnc.ir.program import Program
from rnnc.passes import AFTER, BEFORE
from rnnc.passes.manager import Dump, Pass, Remark, Timing, UnknownPass, check_names, pass_names, run_passes
from rnnc.passes.memory import plan_memory
from rnnc.semantics.check import check_file
from rnnc.semantics.elaborate import Reading, elaborate, file_scope, read_definition
from rnnc.semantics.scopes.choose import choose
from rnnc.syntax import ast
from rnnc.syntax.errors.damage import remains
from rnnc.syntax.parse import parse, parse_partial
from rnnc.version import __version__

# The targets, each with its package in rnnc.backends, which has a function `emit`.
TARGETS = {"numpy": "numpy", "tf": "tensorflow", "cuda": "cuda"}
REPEATED_PASSES = pass_names((*BEFORE, *AFTER))  # those of single programs
PASSES = (*REPEATED_PASSES, plan_memory.name)

# What a target is better without. TensorFlow copies the parts of a tensor: one call for several gates costs two copies.
# A kernel computes all gates of a unit in one thread, whatever they are called; and it never writes down the products
# of a sum, while operands of a contraction are arrays for which threads wait.
UNWANTED = {"tf": frozenset({"group"}), "cuda": frozenset({"group", "dot"})}

# How CUDA runs loops: from the host, as one kernel without or with meetings of blocks, or what seems to cost least; and
# no loop at all, which is how every target has linear recurrences.
STRATEGIES = ("auto", "step", "block", "cluster", "persistent", "scan")

Result = TypeVar("Result")


class BadRequest(ValueError):
    """A request that no source could satisfy: an unknown target, pass or way to save."""


@dataclass(frozen=True)
class Compiled:
    """One module and how it came about; `notes` say what of a request could not be done."""

    emitted: Emitted
    unit: Unit
    remarks: tuple[Remark, ...]
    dumps: tuple[Dump, ...]
    timings: tuple[Timing, ...]
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.emitted.text


def names_in(text: str) -> tuple[str, ...]:
    """The names between commas, `"i, f"`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def compile_source(
    source: Source,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    *,
    target: str = "numpy",
    save: str = "all",
    no_passes: frozenset[str] = frozenset(),
    expose: tuple[str, ...] = (),
    dump_after: str | None = None,
    rounding: str | None = None,
    verify_passes: bool = False,
) -> Compiled:
    """Compile one cell or network of a source. Raises DiagnosticError (the source) or BadRequest (the request).

    `options` bind compile-time parameters and free sizes, as text of the language or Python values. `save` is "all",
    "states" or "every=K". `rounding` is a layout whose library holds constants in float32: so do these.
    """
    if target not in TARGETS:
        raise BadRequest(f"there is no target {target!r}; there are {', '.join(TARGETS)}")
    saved = parse_save(save)
    try:
        check_names(no_passes, PASSES)
        check_names([dump_after] if dump_after else [], REPEATED_PASSES)
    except UnknownPass as error:
        raise BadRequest(str(error)) from error
    options, strategy = split_strategy(options or {}, target)
    model = model_of(source, name, options, expose=expose, rounding=rounding)
    run = _Pipeline(no_passes | UNWANTED.get(target, frozenset()), dump_after, verify_passes)
    unit = run.unit(model, saved, header(source, model, save, no_passes, strategy))
    unit = replace(unit, strategy="auto" if strategy == "scan" else strategy)  # what loops are left for the planner
    emitted = run.timed("(module)", lambda: _emit(unit, target))
    notes = () if strategy == "auto" else import_module("rnnc.backends.cuda.report").departures(unit, emitted, strategy)
    return Compiled(emitted, unit, tuple(dict.fromkeys(run.remarks)), tuple(run.dumps), tuple(run.timings), notes)


def model_of(
    source: Source,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    *,
    expose: tuple[str, ...] = (),
    rounding: str | None = None,
) -> Model:
    """The model of one definition, before any pass. Raises DiagnosticError."""
    file, path, chosen = _chosen(source, name)
    return elaborate(file, path, chosen, options, expose=expose, rounding=rounding)


def reading_of(source: Source, name: str | None = None, options: Mapping[str, object] | None = None) -> Reading:
    """`model_of`, with the names and equations that the model was read from. Raises DiagnosticError."""
    file, path, chosen = _chosen(source, name)
    return read_definition(file_scope(file, path), chosen, options)


def unit_of(source: Source, model: Model, save: str = "all") -> tuple[Unit, tuple[Remark, ...]]:
    """What every target gets, after the passes, and what these say. Raises BadRequest (`save`)."""
    run = _Pipeline(frozenset(), None, False)
    unit = run.unit(model, parse_save(save), header(source, model, save, frozenset()))
    return unit, tuple(dict.fromkeys(run.remarks))


def kept_of(model: Model, saves: Sequence[str] = ("all",)) -> list[list[PerStep]]:
    """What the forward pass keeps of every step for the backward pass, for each way to save. Raises BadRequest."""
    ways: list[Save] = [parse_save(save) for save in saves]
    run = _Pipeline(frozenset(), None, False)
    prepared = run_passes(model.forward, BEFORE).program
    return [tape_per_step(run.derive(prepared, way)) for way in ways]


def _chosen(source: Source, name: str | None) -> tuple[ast.File, Path | None, str]:
    file = parse(source)
    path = path_of(source)
    return file, path, choose(file, path, name, Span(source, 0, 0))


def check(source: Source) -> list[Diagnostic]:
    """Everything that is wrong with a source: of every definition, in the order of the text."""
    diagnostics = Diagnostics()
    try:
        file = parse_partial(source, diagnostics)
        check_file(remains(file, list(diagnostics)), path_of(source), diagnostics)
    except DiagnosticError as error:
        diagnostics.extend(error.diagnostics)
    return list(diagnostics)


def path_of(source: Source) -> Path | None:
    """The file of a source, beside which imports are looked for; None for text that is no file."""
    path = Path(source.name)
    try:
        return path if path.is_file() else None
    except (OSError, ValueError):
        return None


def parse_save(text: str) -> Save:
    """`all`, `states`, `every=K`."""
    if text == "all" or text == "states":
        return "all" if text == "all" else "states"
    word, equals, number = str(text).partition("=")  # from Python anything may be given
    if word == "every" and equals and number.isdecimal() and 0 < int(number) < 2**31:
        return int(number)
    raise BadRequest(f"--save takes all, states or every=K with K from 1 on, not {text!r}")


def split_strategy(options: Mapping[str, object], target: str) -> tuple[Mapping[str, object], str]:
    """The options of the source, and how CUDA runs loops. Raises BadRequest where there is no such way."""
    if target != "cuda" or "strategy" not in options:
        return options, "auto"
    strategy = str(options["strategy"])
    if strategy not in STRATEGIES:
        raise BadRequest(f"there is no strategy {strategy!r}; there are {', '.join(STRATEGIES)}")
    return {name: value for name, value in options.items() if name != "strategy"}, strategy


def header(source: Source, model: Model, save: str, no_passes: frozenset[str], strategy: str = "auto") -> Header:
    """What the head of the module says of its origin."""
    options = [f"{n} = {v}" for n, v in model.options]
    options += [f"save = {save}"] if save != "all" else []
    options += [f"strategy = {strategy}"] if strategy != "auto" else []
    options += [f"without {', '.join(sorted(no_passes))}"] if no_passes else []
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    return Header(Path(source.name).name, digest, ", ".join(options), __version__)


def _emit(unit: Unit, target: str) -> Emitted:
    emit: Callable[[Unit], Emitted] = import_module(f"rnnc.backends.{TARGETS[target]}").emit
    return emit(unit)


class _Pipeline:
    """Runs passes and derivatives for one module, and keeps what they say."""

    def __init__(self, disabled: frozenset[str], dump_after: str | None, verify: bool) -> None:
        self.disabled = disabled
        self.dump_after = () if dump_after is None else (dump_after,)
        self.verify = verify
        self.remarks: list[Remark] = []
        self.dumps: list[Dump] = []
        self.timings: list[Timing] = []

    def timed(self, name: str, work: Callable[[], Result]) -> Result:
        """What `work` gives; how long it took is noted like the time of a pass."""
        start = time.perf_counter()
        result = work()
        self.timings.append(Timing(name, time.perf_counter() - start))
        return result

    def unit(self, model: Model, save: Save, head: Header) -> Unit:
        prepared = self._run(model.forward, BEFORE)
        derived = self.derive(prepared, save)
        forward = self._run(prepared, AFTER)
        train = self._run(derived.train, AFTER)
        backward = self._run(derived.backward, AFTER)
        step = None if model.step is None else self._run(self._run(model.step, BEFORE, quiet=True), AFTER, quiet=True)
        return Unit(model, forward, step, train, backward, head)

    def derive(self, program: Program, save: Save) -> Differentiated:
        """The program and its derivative, with a tape as `save` says."""
        derived = self.timed("(gradients)", lambda: differentiate(program, save))
        self.remarks += [Remark("gradients", r.code, "info", r.message, r.spans) for r in derived.remarks]
        if plan_memory.name not in self.disabled:
            derived, remarks = self.timed(plan_memory.name, lambda: plan_memory.run(derived))
            self.remarks += remarks
        return derived

    def _run(self, program: Program, passes: tuple[Pass, ...], *, quiet: bool = False) -> Program:
        result = run_passes(
            program,
            passes,
            disabled=self.disabled,
            dump_after=() if quiet else self.dump_after,
            verify_each=self.verify,
        )
        if not quiet:
            self.remarks += result.remarks
            self.dumps += result.dumps
        self.timings += result.timings
        return result.program
