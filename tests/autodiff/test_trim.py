"""`rnnc.ir.trim` on programs of which parts are not read."""

from __future__ import annotations

from dataclasses import replace

from rnnc.ir.operations import Builder
from rnnc.ir.program import Loop, Program, Value
from rnnc.ir.trim import length_givers, trim_program
from rnnc.ir.verifier import verify
from tests.autodiff.networks import Net, add, mul


def _program() -> Program:
    """Three states: `a` stands alone, `b` reads `c`, `c` reads the input."""
    net = Net("three")
    x, lengths = net.input("x", 2), net.lengths()
    inits = [net.state(name, 2) for name in "abc"]

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        one, two, three = carries
        nexts = [mul(b, one, one), add(b, two, three), add(b, three, xs[0])]
        return nexts, [mul(b, one, two), two]

    out = net.loop(step, [x], inits, lengths=lengths, befores=[0, 1])
    for name, final in zip("abc", out.finals, strict=True):
        net.final(name, final)
    net.output("ab", out.ys[0])
    net.output("b", out.ys[1])
    assert out.befores[1] is not None
    net.output("before", out.befores[1])
    return net.program()


def _trimmed(*outputs: str) -> tuple[Program, Loop | None]:
    program = _program()
    program = trim_program(replace(program, outputs=tuple(p for p in program.outputs if p.name in outputs)))
    verify(program)
    loops = [node for node in program.nodes if isinstance(node, Loop)]
    assert len(loops) <= 1
    return program, loops[0] if loops else None


def _carried(loop: Loop | None) -> list[str]:
    assert loop is not None
    return [c.param.name for c in loop.carries]


def test_a_loop_that_nothing_reads_goes() -> None:
    assert _trimmed()[1] is None


def test_a_carry_stays_for_those_that_read_it() -> None:
    assert _carried(_trimmed("c")[1]) == ["c"]
    assert _carried(_trimmed("b")[1]) == ["b", "c"]
    assert _carried(_trimmed("ab")[1]) == ["a", "b", "c"]


def test_results_that_nothing_reads_go() -> None:
    _, loop = _trimmed("before", "c")
    assert loop is not None
    assert loop.ys == ()
    assert [c.before is not None for c in loop.carries] == [True, False]


def test_a_loop_that_loses_its_sequences_keeps_its_length() -> None:
    program, loop = _trimmed("a")
    assert loop is not None
    assert loop.xs == ()
    assert length_givers(loop) == ()
    assert loop.like is program.input("input", "x")
    assert len(loop.body) == 1
