"""What the two halves look like: what is kept, what is computed again, and where it says it comes from."""

from __future__ import annotations

from collections import Counter

import pytest

from rnnc.autodiff import Save, differentiate, prune_tape, tape_per_step
from rnnc.compiler import model_of
from rnnc.ir.operations import Builder
from rnnc.ir.program import DType, Loop, Op, Program, Value, walk
from rnnc.ir.text import print_program
from rnnc.ir.verifier import verify
from rnnc.syntax.source import Source
from tests.autodiff.networks import SOURCE, Net, add, linear, mul
from tests.autodiff.zoo import ZOO

SAVES: tuple[Save, ...] = ("all", "states", 2)
TRANSCENDENTAL = {"tanh", "sigmoid", "exp", "log", "pow", "sqrt", "log1p", "expm1"}


def _ops(program: Program) -> Counter[str]:
    return Counter(node.name for node in walk(program.nodes) if isinstance(node, Op))


def _loops(program: Program) -> list[Loop]:
    return [node for node in walk(program.nodes) if isinstance(node, Loop)]


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", ZOO)
def test_both_halves_are_valid_and_always_the_same(name: str, save: Save) -> None:
    both, again = differentiate(ZOO[name](), save), differentiate(ZOO[name](), save)
    verify(both.train)
    verify(both.backward)
    assert print_program(both.train) == print_program(again.train)
    assert print_program(both.backward) == print_program(again.backward)
    kept = [(p.name, p.value.type) for p in both.train.outputs_of("tape")]
    assert kept == [(p.name, p.value.type) for p in both.backward.inputs_of("tape")]
    assert kept == [(entry.port, entry.type) for entry in both.tape]


@pytest.mark.parametrize("name", ["rnn", "lstm_peepholes_fused", "gru", "stacked_bidirectional"])
def test_all_computes_nothing_expensive_again(name: str) -> None:
    program = ZOO[name]()
    backward = _ops(differentiate(program, "all").backward)
    assert not TRANSCENDENTAL & set(backward)
    # Each product has two cotangents; those of network inputs, of weights and of states are all wanted here.
    assert backward["contract"] == 2 * _ops(program)["contract"]


def test_an_lstm_keeps_its_states_its_gates_and_one_hyperbolic_tangent() -> None:
    kept = tape_per_step(differentiate(ZOO["lstm_peepholes_fused"](), "all"))
    assert [entry.name for entry in kept] == ["c", "h", "i_seq", "f", "j", "o", "tc"]
    assert [str(entry.bytes) for entry in kept] == ["8"] * 7
    assert [str(entry.features) for entry in kept] == ["2"] * 7


def test_what_is_cheap_is_computed_again_from_what_is_kept() -> None:
    both = differentiate(ZOO["gru"](), "all")
    assert next(entry.name for entry in tape_per_step(both)) == "h"
    assert len(tape_per_step(both)) == 4  # the state and three gates; 1 - z, r * h and the sums are not kept


def test_what_numbers_decide_is_decided_once() -> None:
    """A comparison of what is computed again might come out otherwise, by a rounding or by how sums are contracted."""
    source = """cell C(units) {
      input x[units]
      state h[units]
      z = 0.5 * h + x
      h' = where(z > 0.3, z, z - max(z))
      output h'
    }"""
    both = differentiate(model_of(Source("c.rnn", source)).forward)
    assert _ops(both.train)["gt"] == _ops(both.train)["eq"] == 1
    assert _ops(both.backward)["gt"] == _ops(both.backward)["eq"] == 0
    assert [port.value.type.dtype for port in both.train.outputs_of("tape")] == [DType.BOOL, DType.BOOL]


def test_where_the_last_step_is_its_sequence_is_not_kept() -> None:
    net = Net("classifier")
    x, h0, lengths = net.input("x", 3), net.state("h", 3), net.lengths()

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = add(b, mul(b, carries[0], xs[0]), xs[0])
        return [h], [h]

    out = net.loop(step, [x], [h0], lengths=lengths)
    net.output("y", net.b.op("last", out.ys[0], lengths))
    net.output("z", net.b.op("at", out.ys[0], index=-1))
    assert [entry.name for entry in tape_per_step(differentiate(net.program()))] == ["h"]


@pytest.mark.parametrize("name", ["rnn", "lstm_peepholes_fused", "gru"])
def test_states_keeps_nothing_else_of_a_loop(name: str) -> None:
    both = differentiate(ZOO[name](), "states")
    (loop,) = _loops(both.train)
    assert [p.value for p in both.train.outputs_of("tape")] == [c.before for c in loop.carries]


def test_a_product_outside_the_loop_is_kept_or_runs_again_like_the_steps() -> None:
    net = Net("hoisted")
    x, h0, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    w, u, v = net.param("W", 3, 8), net.param("U", 2, 2), net.param("v", 8, 2)
    z = linear(net.b, net.b.op("tanh", linear(net.b, x, w), hint="t"), v)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("sin", add(b, xs[0], linear(b, carries[0], u)), hint="h")
        return [h], [h]

    out = net.loop(step, [z], [h0], lengths=lengths)
    net.output("y", out.ys[0])
    kept = {save: [e.name for e in tape_per_step(differentiate(net.program(), save))] for save in SAVES}
    assert kept == {"all": ["t", "h", ""], "states": ["h"], 2: ["h"]}


def test_every_third_state_is_kept_in_a_loop_over_stretches() -> None:
    both = differentiate(ZOO["lstm_peepholes_fused"](), 3)
    outer, inner = _loops(both.train)
    assert (outer.chunk, inner.chunk) == (3, None)
    assert [p.value for p in both.train.outputs_of("tape")] == [c.before for c in outer.carries]
    assert [entry.every for entry in both.tape] == [3, 3]
    assert all(c.before is None for c in inner.carries)
    assert len(inner.ys) == 2  # the outputs: nothing of the tape is made in the training program
    back, again, derivative = _loops(both.backward)
    assert (back.chunk, again.chunk, derivative.chunk) == (3, None, None)
    assert (back.reverse, again.reverse, derivative.reverse) == (True, False, True)


def test_a_loop_whose_states_are_read_as_a_sequence_is_kept_whole() -> None:
    both = differentiate(ZOO["readers_of_collected_states"](), 2)
    assert [r.code for r in both.remarks] == ["kept-whole", "kept-whole"]
    assert all(loop.chunk is None for loop in _loops(both.train))
    assert not differentiate(ZOO["rnn"](), 2).remarks


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", ZOO)
def test_derived_nodes_say_where_they_come_from(name: str, save: Save) -> None:
    both = differentiate(ZOO[name](), save)
    of_forward = {span for node in walk(ZOO[name]().nodes) for span in node.spans}
    for node in walk(both.backward.nodes):
        assert {(s.source, s.start) for s in node.spans} <= {(s.source, s.start) for s in of_forward}
    for entry in both.tape:
        assert all(span.source is SOURCE for span in entry.spans)
        assert entry.spans


def test_ports_follow_the_contract() -> None:
    both = differentiate(ZOO["step_index"](), "all")
    cotangents = [p.name for p in both.backward.inputs_of("cotangent")]
    assert cotangents == ["output:y", "output:s"]  # the int state has none
    assert [p.name for p in both.backward.outputs] == [
        *("input:x", "state:h", "param:W", "param:U", "param:b", "param:scale"),
    ]
    assert {p.name for p in both.backward.inputs_of("input", "param", "state", "lengths")} == {
        *("x", "U", "W", "b", "scale", "lengths"),
    }


@pytest.mark.parametrize("save", [0, -3])
def test_a_number_of_steps_is_positive(save: int) -> None:
    with pytest.raises(ValueError, match="positive number"):
        differentiate(ZOO["rnn"](), save)


def test_pruning_drops_what_the_backward_program_no_longer_reads() -> None:
    both = differentiate(ZOO["rnn"](), "all")
    only_x = Program(
        both.backward.name,
        both.backward.inputs,
        both.backward.nodes,
        tuple(p for p in both.backward.outputs if p.name == "input:x"),
    )
    train, backward = prune_tape(both.train, only_x)
    verify(train)
    verify(backward)
    # The state before the step serves the gradient of a weight; what remains is the output of tanh, once "1".
    assert [p.name for p in train.outputs_of("tape")] == ["0"]
    assert train.output("tape", "0") is both.train.output("tape", "1")
    assert [p.name for p in backward.inputs_of("tape")] == ["0"]
    (loop,) = _loops(train)
    assert all(c.before is None for c in loop.carries)
    same_train, same_backward = prune_tape(both.train, both.backward)
    assert print_program(same_train) == print_program(both.train)
    assert print_program(same_backward) == print_program(both.backward)
