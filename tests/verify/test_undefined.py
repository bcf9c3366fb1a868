"""What is told where derivatives are no numbers: whose they are."""

from __future__ import annotations

import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.sample import Draw
from rnnc.verify.proving.undefined import without_slope
from rnnc.verify.report import Row

TEXT = "cell N {{\n input x[3]\n state h[3]\n h' = h / (sqrt(sum(h * h){more}) + 1e-6) + x\n output h'\n}}"


@pytest.mark.parametrize(
    ("more", "told"), [(" + 1", "range of its type"), ("", "of the description is NaN at <text>:4:")]
)
def test_whose_derivative_is_no_number(more: str, told: str) -> None:
    model = model_of(Source("<text>", TEXT.format(more=more)), None, {})
    draw, judge = Draw(model, {}, 0), InterpretedRunner(model, {})
    sample = draw.sample(judge, {}, 3, 2)
    [note] = without_slope(judge, sample, [sample.call.with_(state=None)], [Row("float16", float("nan"), 1e-3)])
    assert told in note
