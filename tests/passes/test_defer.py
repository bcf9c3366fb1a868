"""Deferred weight gradients: backward loops are left with what runs step by step."""

from __future__ import annotations

import pytest

from rnnc.autodiff import differentiate
from rnnc.ir.operations import Builder
from rnnc.ir.program import Node, Op, Program, Value
from rnnc.passes.dce import dce
from rnnc.passes.defer import defer
from rnnc.passes.manager import PassResult
from tests.autodiff.networks import Net, mul
from tests.autodiff.zoo import ZOO
from tests.passes.cells import CELLS, conv_lstm
from tests.passes.pipeline import BEFORE, checked, codes, inside, loops, optimised, outside


def backward_of(program: Program) -> PassResult:
    return checked(differentiate(checked(program, BEFORE).program).backward, [defer, dce])


def sums(nodes: tuple[Node, ...]) -> list[object]:
    """The leads that products sum over."""
    products = [node for node in nodes if isinstance(node, Op) and node.name == "contract"]
    return [node.attr("reduce") for node in products if node.attr("reduce")]


@pytest.mark.parametrize("name", ["lstm", "gru_reset_before", "gru_reset_after", "heads", "lstm_peepholes_projection"])
def test_no_sum_without_batch_stays_in_the_loop(name: str) -> None:
    result = backward_of(CELLS[name]())
    (loop,) = loops(result.program)
    assert all(carry.param.type.batch for carry in loop.carries)
    assert inside(result.program)["reduce_to"] == 0
    assert not sums(loop.body)
    assert codes(result.remarks)["not-deferred"] == 0


def test_one_product_sums_over_rows_and_steps() -> None:
    program = optimised(CELLS["lstm"]()).both.backward
    assert sums(program.nodes) == ["tb", "tb"]  # of x and of h
    assert outside(program)["reduce_to"] == 1  # of the bias


def test_the_gradient_of_the_input_is_one_product_after_the_loop() -> None:
    program = optimised(CELLS["lstm"]()).both.backward
    assert inside(program)["contract"] == 1


def test_images_are_kept_for_a_convolution_and_not_their_patches() -> None:
    """Patches of states are made again in the backward loop, step by step: they are kernel times as many numbers."""
    both = differentiate(checked(conv_lstm(pixels=256), BEFORE).program, "all")
    assert not [entry for entry in both.tape if len(entry.type.axes) > 2]
    assert inside(optimised(conv_lstm(pixels=256)).both.backward)["patches"] == 1


def test_patches_are_not_stored_for_a_small_sum() -> None:
    both = differentiate(checked(conv_lstm(pixels=256), BEFORE).program, "states")
    result = checked(both.backward, [defer, dce])
    missed = [remark for remark in result.remarks if remark.code == "not-deferred"]
    assert missed
    assert all(remark.kind == "missed" and remark.spans for remark in missed)


def test_stretches_keep_the_sum_and_defer_within() -> None:
    both = differentiate(checked(CELLS["lstm"](), BEFORE).program, 2)
    after = checked(both.backward, [defer, dce]).program
    outer, *inner = loops(after)
    assert any(not carry.param.type.batch for carry in outer.carries)
    assert all(carry.param.type.batch for loop in inner for carry in loop.carries)


def test_forward_programs_are_left_alone() -> None:
    for name in ("rnn", "gru", "stacked_bidirectional"):
        program = ZOO[name]()
        assert not checked(program, [defer]).remarks


def test_the_gradient_of_a_scalar_is_one_product_of_what_the_loop_has() -> None:
    """Two scalars weigh a state and what is new; both sums need the state's cotangent, and nothing else is stored."""
    result = backward_of(CELLS["residual"]())
    (loop,) = loops(result.program)
    assert all(carry.param.type.batch for carry in loop.carries)
    assert len(loop.ys) == 2  # that, and what the weights' gradients need
    scalars = [n for n in result.program.nodes if isinstance(n, Op) and n.name == "contract" and not n.out.type.rank]
    assert [node.attr("reduce") for node in scalars] == ["tb", "tb"]
    assert codes(result.remarks)["not-deferred"] == 0


def test_the_gradient_of_a_scalar_stays_where_nothing_else_is_collected() -> None:
    net = Net("decay")
    mask, h0, decay = net.mask("m", 8, time=True), net.state("h", 8), net.param("decay")

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        return [b.op("tanh", b.op("dropout", mul(b, decay, carries[0]), xs[0], keep=0.5))], []

    net.final("h", net.loop(step, [mask], [h0]).finals[0])
    result = checked(differentiate(net.program()).backward, [defer, dce])
    (loop,) = loops(result.program)
    assert not loop.ys
    assert codes(result.remarks)["not-deferred"] == 1
