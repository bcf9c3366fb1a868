"""A recorded evaluation once more, in a half type. No library records one: the interpreter is the judge, in float64, of
a module whose arguments are the recorded ones, rounded."""

from __future__ import annotations

from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model
from rnnc.verify.proving.halves import Half
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.invariants import Cut
from rnnc.verify.proving.judged import Judged, call, precision_of, step
from rnnc.verify.proving.sample import Sample
from rnnc.verify.records.evaluation import Evaluation
from rnnc.verify.records.recording import Recording
from rnnc.verify.report import Findings
from rnnc.verify.running.runner import LayoutRunner


def in_half_type(
    model: Model, module: LayoutRunner, recording: Recording, layout: WeightLayout, half: Half
) -> Findings:
    """A row for each entry point. Raises ImportError (bfloat16 without ml_dtypes)."""
    if recording.is_training:
        return (), (f"the recorded training is not repeated in {half.name}",)
    evaluation = Evaluation(model, recording, layout)
    given = evaluation.call(module)
    judge = InterpretedRunner(model, evaluation.fit.sizes)
    what = f"{half.name}, as recorded"
    if evaluation.timing.single_step and model.step is not None:
        sample, evaluate = Sample(Cut(model).one_step(given, 0), {}, {}), step
    else:
        outputs, state = judge.forward(given).no_cotangents()
        d_outputs, d_state = evaluation.cotangents()
        sample, evaluate = Sample(given, {**outputs, **d_outputs}, {**state, **d_state}), call
    judged = Judged(judge, sample, precision_of(half), what, evaluate)
    return tuple(judged.rows(module)), judged.notes
