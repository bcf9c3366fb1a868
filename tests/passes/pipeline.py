"""Runs the optimising passes on programs and on their derivatives, and holds the results against the interpreter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rnnc.autodiff import Differentiated, Save, differentiate
from rnnc.ir.program import Loop, Op, Program, walk
from rnnc.passes import AFTER, BEFORE
from rnnc.passes.manager import Pass, PassResult, Remark, run_passes
from tests.autodiff.harness import Array, Case, case, gradients, run

TOLERANCE = 1e-11  # of float64; sums are taken in another order
ROWS: tuple[tuple[int, ...] | None, ...] = ((5, 0, 3, 1), None)  # whole, empty, partial; absent


@dataclass(frozen=True)
class Optimised:
    """A program after the first passes, and both halves of its derivative after the others."""

    forward: Program
    both: Differentiated
    remarks: tuple[Remark, ...]


def optimised(program: Program, save: Save = "all") -> Optimised:
    """What the compiler does to a program."""
    first = checked(program, BEFORE)
    both = differentiate(first.program, save)
    train, backward = checked(both.train, AFTER), checked(both.backward, AFTER)
    both = replace(both, train=train.program, backward=backward.program)
    return Optimised(first.program, both, (*first.remarks, *train.remarks, *backward.remarks))


def checked(program: Program, passes: Iterable[Pass]) -> PassResult:
    """Run passes; the program is verified after each."""
    return run_passes(program, passes, verify_each=True)


def assert_same_results(program: Program, other: Program) -> None:
    """Both give the same outputs, for lengths of every kind."""
    for lengths in ROWS:
        arrays = case(program, lengths=lengths).arrays
        assert_close(run(program, arrays), run(other, arrays))


def assert_same_gradients(program: Program, both: Differentiated) -> None:
    """The derivative gives what that of the program itself gives."""
    plain = differentiate(program)
    for lengths in ROWS:
        given = case(program, lengths=lengths)
        assert_close(_gradients(plain, given), _gradients(both, given))


def assert_close(expected: Mapping[object, Array], found: Mapping[object, Array]) -> None:
    """Arrays under the same names, equal up to roundings."""
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=TOLERANCE, atol=TOLERANCE, err_msg=str(name))


def _gradients(both: Differentiated, given: Case) -> dict[object, Array]:
    return dict(gradients(both, given.arrays, given.cotangents))


def loops(program: Program) -> list[Loop]:
    """All loops of a program."""
    return [node for node in walk(program.nodes) if isinstance(node, Loop)]


def inside(program: Program) -> Counter[str]:
    """How often each operation stands in the body of a loop."""
    return Counter(node.name for loop in loops(program) for node in loop.body if isinstance(node, Op))


def outside(program: Program) -> Counter[str]:
    """How often each operation stands outside of loops."""
    return Counter(node.name for node in program.nodes if isinstance(node, Op))


def codes(remarks: Iterable[Remark]) -> Counter[str]:
    """How often each kind of remark was made."""
    return Counter(remark.code for remark in remarks)
