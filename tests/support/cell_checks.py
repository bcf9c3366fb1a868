"""What must hold of any cell: the generated module computes what the interpreter does, whatever was compiled how, and
the gradients are slopes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from rnnc.compiler import compile_source, model_of
from rnnc.diagnostics import Source
from rnnc.ir.model import Model
from rnnc.ir.text import print_program
from rnnc.runtime import load_module
from rnnc.syntax.printing.format import format_source
from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.commands import EVERY_PASS
from rnnc.verify.proving.differences import Function, difference_rows
from rnnc.verify.proving.halves import Half
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.invariants import Cut, Differences, differentiate, gradient_pairs, results_pairs, worst_row
from rnnc.verify.proving.judged import Judged, precision_of
from rnnc.verify.proving.sample import Draw, Sample
from rnnc.verify.report import TOLERANCE as TOLERANCES
from rnnc.verify.report import Row
from rnnc.verify.running.placing import placed
from rnnc.verify.running.runner import Call, Gradients, ModuleRunner, Results
from tests.support.cells import RandomSource
from tests.support.shared_work import by_blocks, long_sums, share_out

# As between recorded arrays and modules: sums are taken in other orders, products and quotients arranged anew, and
# random cells amplify that through a few steps. 1e-9 is far above what roundings give, and far below any error.
TOLERANCE = TOLERANCES[np.dtype(np.float64)]
SAVES = ("states", "every=2", "every=3", "every=1")
KINK = 1e-3  # between slopes to both sides, at steps of SIDE
SIDE = 1e-5
HAS_TENSORFLOW = find_spec("tensorflow") is not None


class Wrong(AssertionError):
    """What does not hold of a source."""


@dataclass(frozen=True)
class Plan:
    """What is checked besides values and gradients of the optimised module. `seed` decides all numbers."""

    seed: int
    slopes: bool = True
    save: str | None = "states"
    without: frozenset[str] | None = EVERY_PASS
    formatted: bool = True
    exact_steps: bool = True
    tensorflow: bool = HAS_TENSORFLOW  # the third beside the interpreter and NumPy
    cuda: bool = False  # the fourth, which takes seconds: its kernels go through g++
    half: Half | None = None  # the type of 16 bits that CUDA computes in, too


def plan(seed: int) -> Plan:
    """A part of everything, another for each seed: a third of the cells gets each of the dear checks."""
    names = sorted(EVERY_PASS)
    only = frozenset({names[seed // 6 % len(names)]})
    return Plan(
        seed,
        slopes=seed % 3 == 0,
        save=SAVES[seed // 3 % len(SAVES)] if seed % 3 == 1 else None,
        without=(EVERY_PASS if seed % 2 else only) if seed % 3 == 2 else None,
        formatted=seed % 3 == 1,
    )


def check_cell(source: RandomSource, plan: Plan) -> Counter[str]:
    """Raise Wrong (or whatever the compiler raises) unless all that the plan asks for holds; returns what was done."""
    text = Source("random.rnn", source.text)
    compiled = compile_source(text, source.name, source.options, verify_passes=True)
    model = compiled.unit.model
    done = Counter({"cells": 1})
    subject = Subject(model, _runner(model, compiled.text), {n: source.sizes[n] for n in model.sizes}, plan.seed)
    situations = dict(subject.situations())
    subject.compare(situations)
    empty = Subject(model, subject.module, subject.sizes, plan.seed, (3, 0) if model.fewest_steps() else (0, 2))
    calls = {f"{empty.steps} steps of {empty.batch} rows": empty.sample.call.with_(state=None)}
    calls |= {f"{name}, with state": empty.sample.call for name in calls}
    empty.compare(calls)
    done["module against interpreter"] += 1
    if plan.tensorflow:
        other = compile_source(text, source.name, source.options, target="tf", verify_passes=True)
        for each, some in ((subject, situations), (empty, calls)):
            each.compare(some, _runner(model, other.text), "TensorFlow, ")
        done["module of TensorFlow against interpreter"] += 1
    if plan.cuda:
        shared = plan.seed % 2 == 1
        long = plan.seed % 4 == 2  # so that loops make sums by several threads
        options = {**source.options, "strategy": "step"} if shared else source.options
        with long_sums() if long else nullcontext():
            other = compile_source(text, source.name, options, target="cuda", verify_passes=True)
        module = placed(other.text, model.name, "cuda")
        if shared:
            share_out(vars(module))
        if long:
            by_blocks(vars(module))
        for each, some in ((subject, situations), (empty, calls)):
            each.compare(some, ModuleRunner(model, module), "CUDA, ")
        done["module of CUDA against interpreter"] += 1
        if plan.half is not None:
            subject.compare_half(situations, ModuleRunner(model, module), plan.half)
            done[f"module of CUDA in {plan.half.name}"] += 1
    if model.step is not None:
        subject.compare_step()
        done["single steps"] += 1
    if plan.save is not None:
        other = compile_source(text, source.name, source.options, save=plan.save)
        subject.compare_with(_runner(model, other.text), situations, f"save = {plan.save}")
        done["other ways to save"] += 1
    if plan.without is not None:
        other = compile_source(text, source.name, source.options, no_passes=plan.without, verify_passes=True)
        subject.compare_with(_runner(model, other.text), situations, f"without {', '.join(sorted(plan.without))}")
        done["fewer passes"] += 1
    if plan.slopes:
        done[f"gradients {subject.slopes()}"] += 1
    if plan.formatted:
        formatted = Source("random.rnn", format_source(text))
        if _model_text(model_of(formatted, source.name, source.options)) != _model_text(model):
            raise Wrong("the formatted text means something else")
        if format_source(formatted) != formatted.text:
            raise Wrong("the formatted text is formatted differently")
        done["formatted"] += 1
    return done


def _runner(model: Model, text: str) -> ModuleRunner:
    return ModuleRunner(model, load_module(text, model.name))


def _model_text(model: Model) -> str:
    programs = [model.forward] if model.step is None else [model.forward, model.step]
    return "\n".join(print_program(p, spans=False) for p in programs)


class Subject:
    """One module with its judge, and arguments of a few steps and rows."""

    def __init__(
        self,
        model: Model,
        module: ModuleRunner,
        sizes: dict[str, int],
        seed: int,
        shape: tuple[int, int] | None = None,
    ) -> None:
        self.model, self.module, self.sizes, self.seed = model, module, sizes, seed
        self.judge = InterpretedRunner(model, sizes)
        self.steps, self.batch = shape or ((3, 3) if seed % 2 else (4, 2))
        self.sample, self.draw = self._sample(seed)
        self._judged: dict[str, tuple[Results, Gradients]] = {}

    def _sample(self, seed: int) -> tuple[Sample, Draw]:
        draw = Draw(self.model, self.sizes, seed)
        initial = self.module.init_params(seed, "float64", self.sizes)
        return draw.sample(self.judge, initial, self.steps, self.batch), draw

    def lengths(self) -> Array:
        """All steps, none, one, and what is between."""
        between = [1 + i % self.steps for i in range(1, self.batch - 2)]
        return np.asarray([self.steps, 0, 1, *between][: self.batch], np.int32)

    def situations(self) -> Iterator[tuple[str, Call]]:
        """Two ways to call the module, together with everything that may be given or absent."""
        lengths = np.roll(self.lengths(), self.seed // 2 % self.batch)
        masks = self.draw.masks(self.steps, self.batch)
        call = self.sample.call
        yield "with state", call.with_(masks=masks if self.seed % 2 else None)
        yield (
            "without state, with lengths",
            call.with_(state=None, lengths=lengths, masks=None if self.seed % 2 else masks),
        )

    def compare(self, situations: dict[str, Call], module: ModuleRunner | None = None, what: str = "") -> None:
        """Values and gradients of the module, or of another one of the same model, against the judge's."""
        module = module or self.module
        for name, call in situations.items():
            expected, slopes = self._expected(name, call)
            with np.errstate(all="raise", under="ignore"):
                plain = module.forward(call)
                trained, found = differentiate(module, self.sample, call)
            _same(f"{what}{name}: forward_train", results_pairs(trained, expected))
            _same(f"{what}{name}: backward", gradient_pairs(found, slopes))
            _same(f"{what}{name}: forward", results_pairs(plain, self.judge.forward(call) if call.masks else expected))

    def compare_half(self, situations: dict[str, Call], module: ModuleRunner, half: Half) -> None:
        """As `rnnc verify` does."""
        for name, call in situations.items():
            sample = Sample(call, self.sample.d_outputs, self.sample.d_state)
            for row in Judged(self.judge, sample, precision_of(half), f"CUDA, {half.name}, {name}").rows(module):
                _passed(row)

    def _expected(self, name: str, call: Call) -> tuple[Results, Gradients]:
        """What the judge makes of a situation, once."""
        if name not in self._judged:
            self._judged[name] = differentiate(self.judge, self.sample, call)
        return self._judged[name]

    def compare_step(self) -> None:
        call = Cut(self.model).one_step(self.sample.call.with_(masks=self.draw.masks(self.steps, self.batch)), 0)
        with np.errstate(all="raise", under="ignore"):
            found = self.module.step(call)
        _same("step", results_pairs(found, self.judge.step(call)))

    def compare_with(self, other: ModuleRunner, situations: dict[str, Call], what: str) -> None:
        for name, call in situations.items():
            expected, slopes = differentiate(self.module, self.sample, call)
            with np.errstate(all="raise", under="ignore"):
                results, gradients = differentiate(other, self.sample, call)
            _same(f"{what}, {name}: results", results_pairs(results, expected))
            _same(f"{what}, {name}: gradients", gradient_pairs(gradients, slopes))

    def slopes(self) -> str:
        """The interpreter's gradients against finite differences along random directions of all arrays together."""
        error = 0.0
        for attempt in range(2):  # a kink may be near one point by chance
            sample, _ = self._sample(self.seed + 1_000_003 * (attempt + 1))
            _, found = differentiate(self.judge, sample, sample.call)
            objective = self.judge.objective(sample)
            flat = _Flat(objective.point)
            gradient = flat.join(objective.named(found))
            (row,) = difference_rows(
                lambda p: objective.function(flat.split(p["all"])),  # noqa: B023  (called before the next round)
                {"all": flat.join(objective.point)},
                {"all": gradient},
                self.seed,
            )
            if row.passed:
                return "are slopes"
            error = row.error
            if _kinked(lambda p: objective.function(flat.split(p["all"])), flat.join(objective.point), self.seed):  # noqa: B023
                return "at a kink, not compared"
        if np.isinf(error):
            return "near a kink, not compared"
        raise Wrong(f"gradients are no slopes: {error:.3g}")


class _Flat:
    """Several arrays as one vector."""

    def __init__(self, arrays: Arrays) -> None:
        self._shapes = {name: array.shape for name, array in arrays.items()}

    def join(self, arrays: Arrays) -> Array:
        return np.concatenate([np.ravel(arrays[name]) for name in self._shapes] or [np.zeros(0)])

    def split(self, vector: Array) -> Arrays:
        found: Arrays = {}
        at = 0
        for name, shape in self._shapes.items():
            size = int(np.prod(shape))
            found[name] = np.reshape(vector[at : at + size], shape)
            at += size
        return found


def _kinked(function: Function, point: Array, seed: int) -> bool:
    """Whether the slopes to both sides differ: constants of `stop_gradient` and clips can put a point on a kink."""
    random = np.random.default_rng(seed)
    here = function({"all": point})
    for _ in range(4):
        direction = random.normal(size=point.shape)
        direction *= SIDE / max(float(np.sqrt(np.sum(direction * direction))), 1e-12)
        ahead, behind = (function({"all": point + d}) - here for d in (direction, -direction))
        if abs(ahead + behind) / SIDE > KINK * max(1.0, abs(ahead) / SIDE):
            return True
    return False


def _same(what: str, pairs: Differences) -> None:
    _passed(worst_row(what, pairs, TOLERANCE))


def _passed(row: Row) -> None:
    if not row.passed:
        raise Wrong(f"{row.name}: off by {row.error:.3g}, {row.detail}")
