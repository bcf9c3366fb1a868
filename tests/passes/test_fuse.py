"""Gate matmul fusion: how many products are left, in which order, and what is said about it."""

from __future__ import annotations

import pytest

from rnnc.compiler import model_of
from rnnc.ir.program import Op, Program
from rnnc.passes.cse import cse
from rnnc.passes.dce import dce
from rnnc.passes.fold import fold
from rnnc.passes.fuse import fuse
from rnnc.passes.manager import PassResult, run_passes
from rnnc.syntax.source import source_from_text
from tests.passes.cells import CELLS
from tests.passes.pipeline import checked, codes, inside, loops


def fused(name: str) -> PassResult:
    return checked(CELLS[name](), [fold, cse, dce, fuse])


@pytest.mark.parametrize(
    ("name", "products"),
    [
        ("lstm", 2),  # one of x, one of h
        ("lstm_peepholes_projection", 3),  # and the projection
        ("gru_reset_before", 3),  # x, h, and r * h
        ("gru_reset_after", 2),
        ("sru", 1),
        ("qrnn", 2),
        ("conv_lstm", 2),
        ("heads", 2),
        # Three windows of x at once, three states at once, what the members hand upwards one after the other; the four
        # products of the zeros that the first of them receives are constant, and not even in the loop for long.
        ("frequency", 1 + 1 + 2 + 4),
        ("widths", 4),  # h with A, B, L; h with the scalar's; x; the way down
    ],
)
def test_products_that_share_an_operand_become_one(name: str, products: int) -> None:
    assert inside(fused(name).program)["contract"] == products


def test_the_sums_of_all_gates_are_added_up_once() -> None:
    before, after = inside(checked(CELLS["lstm"](), [fold, cse, dce]).program), inside(fused("lstm").program)
    assert before["add"] == 4 * 2 + 1 + 1
    # (x @ W + b) + h @ U for all gates, the constant of the forget gate's bias, and the cell's own
    assert after["add"] == 2 + 1 + 1


def test_gates_that_are_activated_alike_stand_together() -> None:
    program = fused("lstm").program
    (concat, *_) = [node for node in loops(program)[0].body if isinstance(node, Op) and node.name == "concat"]
    assert [weight.name for weight in concat.args] == ["i.x", "f.x", "o.x", "j.x"]
    assert _last_split(program).outs[3] in {tanh.args[0] for tanh in _ops(program, "tanh")}


def test_a_remark_names_the_operand_and_the_packed_shape() -> None:
    messages = [remark.message for remark in fused("lstm").remarks if remark.code == "packed"]
    assert messages == [
        "4 products of x_t share an operand: one product with a packed weight [3, 8]",
        "4 products of h share an operand: one product with a packed weight [2, 8]",
    ]
    assert all(remark.spans for remark in fused("lstm").remarks)


def test_members_that_share_weights_are_stacked_where_none_needs_another() -> None:
    result = fused("frequency")
    assert codes(result.remarks)["stacked"] == 2  # the windows, and the states; not what goes from member to member
    whole = [
        op.args[0].type.axes[0].size.constant for op in _ops(result.program, "contract") if op.args[0].type.rank == 2
    ]
    assert whole == [3, 3]


def test_nothing_is_done_where_nothing_is_shared() -> None:
    assert codes(checked(CELLS["clocked_rnn"](), [fuse]).remarks) == {}


def _ops(program: Program, name: str) -> list[Op]:
    return [node for loop in loops(program) for node in loop.body if isinstance(node, Op) and node.name == name]


def _last_split(program: Program) -> Op:
    return _ops(program, "split")[-1]


def test_a_sum_may_be_longer_than_python_recurses() -> None:
    text = "cell C(n = 1200) {\n  input x[2]\n  for k in 0..n { q[k] = x + k }\n  output sum(q[k] for k in 0..n)\n}"
    program = model_of(source_from_text("<test>", text)).forward
    (sequence,) = [p.value.type for p in run_passes(program, [fuse]).program.outputs_of("output")]
    assert sequence.time
