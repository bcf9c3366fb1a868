"""The text form: what it looks like, and that reading gives back what was printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, Op, Port, Program, Type, Value
from rnnc.ir.size import Size
from rnnc.ir.text import TextError, print_program, print_type, read_program
from rnnc.ir.verifier import verify
from tests.support.random_programs import assert_equal_results, random_program
from tests.support.small_programs import N, Small, carry, collected, element, loop, span

EXPECTED = """\
program "small" {
  input "x" -> %x : float<TB>[n: 4]
  state "h" -> %h : float<B>[n: 4]

  %0 = tanh(%x) : float<TB>[n: 4]  # @3:1
  loop "loop" {
    each %x.1 : float<B>[n: 4] in %0
    carry %h.1 : float<B>[n: 4] from %h
    %h' = add(%x.1, %h.1) : float<B>[n: 4]  # @4:1 @6:1
    next %h' of %h.1 -> %final : float<B>[n: 4] before %h.2 : float<TB>[n: 4]
    yield %h' -> %h'.1 : float<TB>[n: 4]
  }

  %h'.1 -> output "y0"
  %final -> output "y1"
}
"""


def _cell() -> Program:
    small = Small()
    x, h = small.sequence(), small.port("state", "h", N, batch=True)
    with small.build.at(span(2)):
        entering = small.build.op("tanh", x)
    body, at, state = Builder(span(3) | span(5)), element(x), Value(h.type, "h")
    after = body.op("add", at, state, hint="h'")
    cell = loop([(entering, at)], [carry(h, state, after, before=True)], body, [(after, collected(after))])
    small.build.emit(cell)
    small.output(cell.ys[0][1], cell.carries[0].final)
    return small.program()


def test_a_program_reads_like_its_cell() -> None:
    assert print_program(_cell()) == EXPECTED


@given(seed=st.integers(0, 10**6))
def test_reading_gives_back_what_was_printed(seed: int) -> None:
    program, arrays = random_program(seed)
    again = read_program(print_program(program))
    verify(again)
    assert print_program(again) == print_program(program, spans=False)
    assert_equal_results(program, again, arrays, tolerance=0.0)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -3,
        0.1,
        -0.0,
        1e300,
        float("inf"),
        -float("inf"),
        True,
        None,
        "",
        'a "quote"\n# \u2028 %x',
        Size.of("n") * 2 - 1,
        (Size.of("f.units") + 1) // 2,
        (Size.of("n") - 1) % (Size.of("m") * 3),
        (),
        (1,),
        (0, -1),
        ((1, 2), ("a", None)),
        (Axis("a b", Size.of("n")), Axis("40", Size.of(40)), Axis("n", Size.of("n"))),
        Type((Axis("k", Size.of(2)),), batch=True, time=True),
    ],
    ids=repr,
)
def test_every_kind_of_attribute_survives(value: object) -> None:
    op = Op("tanh", (), (Value(Type()),), (("key", value),))  # type: ignore[arg-type]
    program = Program("p", (), (op,), ())
    again = read_program(print_program(program))
    (read,) = again.nodes
    assert isinstance(read, Op)
    assert repr(read.attrs) == repr(op.attrs)
    assert print_program(again) == print_program(program)


NAMES = ["x", "x", "x.1", "", "7", "c'[k]", "q[0,-1].c'", "two words", 'a"\\\n#', "α", "%x : float[]", "}"]


def test_names_stay_apart_whatever_they_are() -> None:
    ports = tuple(Port("param", f"{i}\n", Value(Type(), name)) for i, name in enumerate(NAMES))
    program = Program('the "name"', ports, (), tuple(Port("output", p.name, p.value) for p in ports))
    text = print_program(program)
    again = read_program(text)
    assert print_program(again) == text
    assert [p.name for p in again.inputs] == [p.name for p in ports]
    assert [again.outputs[i].value is p.value for i, p in enumerate(again.inputs)] == [True] * len(NAMES)
    assert len(text.splitlines()) == 2 * len(NAMES) + 4  # no name breaks a line


def test_types_read_as_they_are_meant() -> None:
    head = Axis("head", Size.of(2))
    assert print_type(Type((Axis("n", Size.of("n")), head), batch=True)) == "float<B>[n, head: 2]"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("tanh(%x)", "tanh(%nothing)"), "line 5: expected a value that is defined, found %nothing"),
        (("%0 = tanh", "%x = tanh"), "line 5: expected a new name, found %x"),
        (("float<TB>[n: 4]  # @3:1", "foat[n]"), "line 5: expected a type, found foat"),
        (("%final -> output", "%final -> outputs"), "line 15: expected a role, found outputs"),
        (("next %h'", "next %x.1 of %x.1 next %h'"), "line 10: expected the carries in the order"),
        (("each %x.1 :", "each %x.1 §"), "line 7: cannot read '§"),
        (('"y1"\n}', '"y1"\n'), "at the end: expected a value"),
    ],
)
def test_damaged_text_is_refused_with_its_line(damage: tuple[str, str], message: str) -> None:
    before, after = damage
    assert before in EXPECTED
    with pytest.raises(TextError, match="^" + message.replace("(", r"\(")):
        read_program(EXPECTED.replace(before, after))
