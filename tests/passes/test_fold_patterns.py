"""Folding by the table of patterns: every rule fires where it should, is true, and fires nowhere else."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value
from rnnc.passes.folding.algebra import ALGEBRA
from rnnc.passes.folding.patterns import Pattern
from tests.passes.folding import LOGIC, folded
from tests.support.small_programs import Small, counts


def _instance(small: Small, tree: ast.expr, letters: dict[str, Value], truth: bool = False) -> Value:
    """The left side of a rule as operations on inputs."""
    build = small.build
    match tree:
        case ast.Call(func=ast.Name(id=name), args=args):
            flags = [name in LOGIC or (name == "where" and i == 0) for i in range(len(args))]
            return build.op(name, *(_instance(small, a, letters, t) for a, t in zip(args, flags, strict=True)))
        case ast.Name(id="ZERO"):
            return build.op("zeros_like", small.sequence("zeros"))
        case ast.Name(id=name) if name.isupper():
            return letters.setdefault(name, build.const({"C": 0.25, "D": 3.0}[name]))
        case ast.Name(id=name):
            if name not in letters:
                value = small.sequence(name)
                letters[name] = build.op("gt", value, build.const(0.1)) if truth else value
            return letters[name]
        case _:
            number = ast.literal_eval(tree)
            return build.const(number if isinstance(number, bool) else float(number))


@pytest.mark.parametrize("rule", ALGEBRA, ids=lambda rule: rule.text)
def test_a_pattern_fires_and_is_true(rule: Pattern) -> None:
    small = Small()
    small.output(_instance(small, rule.left, {}))
    after = folded(small)
    left = small.program().nodes[-1]
    assert isinstance(left, Op)
    if isinstance(rule.right, ast.Call):
        last = after.nodes[-1]
        assert isinstance(last, Op)
        assert last.name == rule.right.func.id  # type: ignore[attr-defined]
        assert len(after.nodes) < len(small.program().nodes) or last.name != left.name
    else:
        assert left.name not in counts(after)


@pytest.mark.parametrize(
    "rule", [r for r in ALGEBRA if r.text.startswith(("add(x, 0)", "mul(x, 1)"))], ids=lambda rule: rule.text
)
def test_sums_and_products_match_in_either_order(rule: Pattern) -> None:
    small = Small()
    left = rule.left
    small.output(_instance(small, ast.Call(left.func, left.args[::-1], []), {}))
    assert counts(folded(small)) == {}


@pytest.mark.parametrize(
    "text", ["add(x, 1) -> x", "sub(x, x) -> neg(x)"], ids=["a number that is not there", "two values for one letter"]
)
def test_patterns_do_not_match_what_they_do_not_say(text: str) -> None:
    small = Small()
    x, y = small.sequence("x"), small.sequence("y")
    values = [small.build.op("add", x, small.build.const(2.0)), small.build.op("sub", x, y)]
    rule = Pattern(text)
    ops = {n.out: n for n in small.build.nodes if isinstance(n, Op)}

    class Site:
        def definition(self, value: Value, *names: str) -> Op | None:
            op = ops.get(value)
            return op if op is not None and (not names or op.name in names) else None

        def ops(self, name: str, *args: Value, **attrs: object) -> tuple[Value, ...]:
            raise AssertionError(f"built {name}")

    assert [rule(Site(), ops[value]) for value in values] == [None, None]


def test_a_zero_that_is_a_number_multiplies_like_one() -> None:
    small = Small()
    x = small.sequence()
    small.arrays["input", "x"] = np.full((3, 3, 4), np.inf)
    small.output(small.build.op("mul", x, small.build.const(0.0)))
    assert np.isnan(evaluate(folded(small), small.arrays)["output", "y0"]).all()


@pytest.mark.parametrize(("divisor", "exact"), [(4.0, True), (-0.5, True), (3.0, False), (1e300, False)])
def test_a_division_becomes_a_product_only_where_that_is_exact(divisor: float, exact: bool) -> None:
    small = Small()
    small.output(small.build.op("div", small.sequence(), small.build.const(divisor)))
    assert ("mul" in counts(folded(small))) == exact


def test_constants_that_would_overflow_stay_apart() -> None:
    small = Small()
    x = small.sequence()
    for left, right in ((1e200, 1e200), (1e-200, 1e-200)):
        small.output(small.build.op("mul", small.build.op("mul", x, small.build.const(left)), small.build.const(right)))
    assert counts(folded(small))["mul"] == 4


def test_large_summands_of_two_signs_stay_apart() -> None:
    small = Small()
    up = small.build.op("add", small.sequence(), small.build.const(1e20))
    small.output(small.build.op("add", up, small.build.const(-1e20)))
    assert counts(folded(small))["add"] == 2


def test_a_replacement_of_another_type_is_refused() -> None:
    small = Small()
    b = small.vector()
    small.output(
        small.build.op("add", small.build.op("zeros_like", small.sequence()), b),  # a broadcast over time and batch
        small.build.op("mul", small.build.const(2), small.build.const(1.0)),  # 2 is an int, 2.0 is none
    )
    after = folded(small)
    assert counts(after)["add"] == 1
    (two,) = (n for n in after.nodes if isinstance(n, Op) and n.name == "const")
    assert repr(Attrs(two).scalar("value")) == "2.0"
