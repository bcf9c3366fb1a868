"""What must hold of any network beyond what holds of any cell: edges (no rows, no steps, one step), what lengths mean,
and CUDA modules of every kind."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.ir.model import Model
from rnnc.ir.program import DType
from rnnc.runtime import load_module
from rnnc.simulator.cupy_like import How, Schedule
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.loader import load
from rnnc.verify.arrays import Arrays
from rnnc.verify.proving.halves import Half
from rnnc.verify.proving.invariants import (
    Differences,
    differentiate,
    gradient_pairs,
    invariant_rows,
    results_pairs,
    worst_row,
)
from rnnc.verify.proving.sample import Sample
from rnnc.verify.running.placing import has_device, placed
from rnnc.verify.running.runner import Call, ModuleRunner
from tests.support.cell_checks import TOLERANCE, Plan, Subject, Wrong, check_cell
from tests.support.cells import RandomSource
from tests.support.shared_work import share_out

STRATEGIES = ("persistent", "block", "cluster", "auto", "step")
SAVES = ("all", "all", "states", "states", "every=2", "every=3")


SCHEDULES: tuple[Schedule, ...] = ("fifo", "reversed", ("random", 1), ("random", 2))


@dataclass(frozen=True)
class Way:
    """How a CUDA module is made, and run where there is no device."""

    strategy: str
    save: str
    half: Half | None = None
    shared: bool = False  # sums and scans are cut as for long ones
    how: How = field(default_factory=How)


def way(seed: int, halves: tuple[Half, ...]) -> Way:
    """Another one for each seed: one kernel for several loops half of the time."""
    draw = random.Random(seed)
    strategy = "persistent" if seed % 2 else draw.choice(STRATEGIES)
    half = draw.choice([None, None, *halves])
    device = DeviceModel(draw.choice([1, 2, 4, 6]), shared_bytes=draw.choice([227 << 10, 227 << 10, 8 << 10, 1 << 10]))
    how = How(draw.choice(SCHEDULES), race=draw.random() < 0.2, late=True, device=device)
    return Way(strategy, draw.choice(SAVES), half, shared=draw.random() < 0.2, how=how)


def check_network(source: RandomSource, plan: Plan) -> Counter[str]:
    """NumPy's module: all that `check_cell` does, at the edges, and what holds between its runs."""
    done = check_cell(source, plan)
    compiled = compile_source(Source("random.rnn", source.text), source.name, source.options)
    model = compiled.unit.model
    module = ModuleRunner(model, load_module(compiled.text, model.name))
    subject = Subject(model, module, {n: source.sizes[n] for n in model.sizes}, plan.seed)
    runners = {"": module}
    if plan.tensorflow:
        other = compile_source(Source("random.rnn", source.text), source.name, source.options, target="tf")
        runners["TensorFlow, "] = ModuleRunner(model, load_module(other.text, model.name))
    for what, runner in runners.items():
        for name, sample in edges(subject):
            _compare(subject, runner, what + name, sample)
        _nothing_in_the_padding(subject, runner, what)
    lengths = subject.draw.lengths(subject.steps, subject.batch)
    with np.errstate(all="ignore"):  # what is past a row's end is large here
        for row in invariant_rows(model, module, subject.sample, lengths):
            if not row.error <= TOLERANCE:
                raise Wrong(f"{row.name}: off by {row.error:.3g}, {row.detail}")
    return done + Counter(edges=1)


def check_on_cuda(source: RandomSource, seed: int, how: Way) -> Counter[str]:
    """CUDA's module against the interpreter, on the CPU if need be."""
    with warnings.catch_warnings():  # small devices are asked for, and say so
        warnings.filterwarnings("ignore", ".*has no room for the strategy")
        return _on_cuda(source, seed, how)


def _on_cuda(source: RandomSource, seed: int, how: Way) -> Counter[str]:
    options = {**source.options, "strategy": how.strategy}
    text = Source("random.rnn", source.text)
    compiled = compile_source(text, source.name, options, target="cuda", save=how.save, verify_passes=True)
    model = compiled.unit.model
    module = placed(compiled.text, model.name, "cuda")
    if not has_device():
        module = load(compiled.text, model.name, how.how)
        vars(module)["_CAPTURED"] = 2
        if seed % 4 < 2:  # weights in shared memory, which small ones are not
            vars(module)["_REGISTERS"] = ()
    if how.shared:
        share_out(vars(module))
    runner = ModuleRunner(model, module)
    shape = ((5, 6), (3, 3), (4, 2))[seed % 3]
    subject = Subject(model, runner, {n: source.sizes[n] for n in model.sizes}, seed, shape)
    situations = dict(subject.situations())
    subject.compare(situations, runner, f"CUDA, {how.strategy}, {how.save}: ")
    if model.step is not None:
        subject.compare_step()
    for name, sample in edges(subject):
        _compare(subject, runner, f"CUDA, {how.strategy}, {how.save}: {name}", sample)
    _nothing_in_the_padding(subject, runner, f"CUDA, {how.strategy}, {how.save}: ")
    done = Counter({f"CUDA, {how.strategy}": 1, f"CUDA, save = {how.save}": 1})
    if "_joint_" in compiled.text:
        done["CUDA, several loops as one kernel"] += 1
    if how.half is not None:
        subject.compare_half(situations, runner, how.half)
        done[f"CUDA, {how.half.name}"] += 1
    return done


def edges(subject: Subject) -> Iterator[tuple[str, Sample]]:
    """The subject's sample with no rows, without any steps in its rows, and with one step."""
    sample, model = subject.sample, subject.model
    masks = subject.draw.masks(subject.steps, subject.batch)
    whole = replace(sample, call=sample.call.with_(masks=masks))
    yield "no rows", _part(model, whole, steps=slice(None), rows=slice(0, 0))
    none = np.zeros(subject.batch, np.int32)
    yield "rows without steps", replace(whole, call=whole.call.with_(lengths=none, state=None))
    if model.fewest_steps() <= 1:
        yield "one step", _part(model, whole, steps=slice(0, 1), rows=slice(None))


def _nothing_in_the_padding(subject: Subject, runner: ModuleRunner, what: str) -> None:
    """What is no number past a row's end is not met."""
    lengths = subject.lengths()
    call = subject.sample.call.with_(lengths=lengths, state=None)
    past = np.arange(subject.steps)[:, None] >= lengths
    inputs = {n: a.copy() for n, a in call.inputs.items()}
    for name in (p.name for p in subject.model.inputs if p.sequence and p.type.dtype is DType.FLOAT):
        inputs[name][past] = np.nan
    with np.errstate(all="ignore"):
        (expected, slopes), (results, gradients) = (
            differentiate(runner, subject.sample, one) for one in (call, call.with_(inputs=inputs))
        )
    _passed(f"{what}NaN in the padding: results", results_pairs(results, expected))
    _passed(f"{what}NaN in the padding: gradients", gradient_pairs(gradients, slopes))


def _part(model: Model, sample: Sample, steps: slice, rows: slice) -> Sample:
    timed = {p.name for p in (*model.inputs, *model.outputs) if p.sequence}
    per_step = {m.name for m in model.masks if m.per == "step"}

    def cut(arrays: Arrays, with_time: set[str]) -> Arrays:
        return {n: a[steps, rows] if n in with_time else a[rows] for n, a in arrays.items()}

    call = sample.call
    return Sample(
        Call(
            call.params,
            cut(call.inputs, timed),
            None if call.state is None else cut(call.state, set()),
            masks=None if call.masks is None else cut(call.masks, per_step),
        ),
        cut(sample.d_outputs, timed),
        cut(sample.d_state, set()),
    )


def _compare(subject: Subject, module: ModuleRunner, what: str, sample: Sample) -> None:
    expected, slopes = differentiate(subject.judge, sample, sample.call)
    with np.errstate(all="raise", under="ignore"):
        results, gradients = differentiate(module, sample, sample.call)
        plain = module.forward(sample.call)
    _passed(f"{what}: forward_train", results_pairs(results, expected))
    _passed(f"{what}: backward", gradient_pairs(gradients, slopes))
    _passed(f"{what}: forward", results_pairs(plain, expected))


def _passed(what: str, pairs: Differences) -> None:
    row = worst_row(what, pairs, TOLERANCE)
    if not row.passed:
        raise Wrong(f"{row.name}: off by {row.error:.3g}, {row.detail}")
