"""Random cells of every construct: the module computes what the interpreter does, and gradients are slopes."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.ir.operations import TABLE
from rnnc.ir.program import Op, walk
from rnnc.semantics.functions.builtins import BUILTINS
from rnnc.semantics.functions.initialisers import KINDS
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.source import read_source
from tests.support.cell_checks import check_cell, plan
from tests.support.cells import RandomSource, draw_source, sources
from tests.support.choices import Seeded
from tests.support.damaged_text import ROOT

DRAWS = 2000  # texts, for the tests of names
FIRST, MOST = 1275, 1000  # compilations; from this seed on fewer than a hundred and fifty are enough


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(source=sources(), seed=st.integers(0, 10**6))
def test_a_random_cell(source: RandomSource, seed: int) -> None:
    check_cell(source, plan(seed))


def test_the_same_decisions_make_the_same_text() -> None:
    assert [str(draw_source(Seeded(seed))) for seed in range(20)] == [str(draw_source(Seeded(s))) for s in range(20)]


def test_every_function_is_drawn() -> None:
    text = "\n".join(draw_source(Seeded(seed)).text for seed in range(DRAWS))
    prelude = parse(read_source(ROOT / "grammar" / "prelude.rnn"))
    names = {*BUILTINS, *KINDS, *(d.name for d in prelude.definitions if not isinstance(d, ast.Import))}
    words = set(re.findall(r"\w+", text))
    assert sorted(names - words) == []


def test_every_construct_is_drawn() -> None:
    text = "\n".join(draw_source(Seeded(seed)).text for seed in range(DRAWS))
    for construct in (
        "fn ", "cell ", "network ", "gate ", "let ", "use ", "carry ", "for k in 0..", "if ", "} else {", "else if",
        " with {", "drop ", "param ", "[k][", ": int", "fixed ", ": fn =", ": cell =", ": one | two", "shared over",
        "weights = ", "weight = ", "per = ", " as w", ".states'", ".output.size", "mask = sequence", "merge = none",
        "residual = true", "dropout = ", "= none", " @ ", " ** ", " % ", " // ", " and ", " or ", "not ", "step",
        "padding = valid", "stride = ", "dilation = ", "gradient = pass", "exclusive = true", "[-1]", "over = [",
        " per row", "each = ",
    ):  # fmt: skip
        assert construct in text, construct


def test_every_operation_is_reached() -> None:
    missing = set(TABLE)
    for seed in range(FIRST, FIRST + MOST):
        source = draw_source(Seeded(seed))
        unit = compile_source(Source("random.rnn", source.text), source.name, source.options).unit
        for program in (unit.model.forward, unit.forward, unit.train, unit.backward):
            missing -= {node.name for node in walk(program.nodes) if isinstance(node, Op)}
        if not missing:
            return
    raise AssertionError(f"not reached by {MOST} draws: {sorted(missing)}")
