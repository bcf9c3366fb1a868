"""Constant factors and changes of sign: into other factors, behind sums, into differences."""

from __future__ import annotations

import math

import pytest

from rnnc.ir.operations import Builder
from rnnc.ir.program import Value
from rnnc.passes.dce import dce
from rnnc.passes.scale import scale
from tests.autodiff.networks import Net, add, axes, linear, mul
from tests.passes.pipeline import assert_same_gradients, assert_same_results, checked, codes, inside, optimised, outside


def scaled(net: Net, left: dict[str, int]) -> None:
    """The program after the pass computes what it did, with so many operations of some names."""
    program = net.program()
    result = checked(program, [scale, dce])
    assert {name: outside(result.program)[name] for name in left} == left
    assert_same_results(program, result.program)
    assert all(remark.code == "scaled" for remark in result.remarks)


def test_a_sum_of_changed_signs_changes_its_own() -> None:
    net = Net("sum")
    x, y = net.input("x", 3), net.input("y", 3)
    total = net.b.op("reduce_sum", net.b.op("neg", mul(net.b, x, y)), axes=(0,), keep=True)
    net.output("z", mul(net.b, total, net.b.const(0.5)))
    scaled(net, {"neg": 0, "mul": 2})


@pytest.mark.parametrize("reader", ["reshape", "broadcast", "div", "mul", "contract", "reduce_to"])
def test_a_factor_goes_into_another_through_what_is_linear(reader: str) -> None:
    net = Net(reader)
    b, x, w = net.b, mul(net.b, net.input("x", 3), net.b.const(3.0)), net.param("w", 3)
    match reader:
        case "reshape":
            y = b.op("reshape", x, axes=axes(1, 3))
        case "broadcast":
            y = b.op("broadcast", b.op("reshape", x, axes=axes(1, 3)), axes=axes(2, 3))
        case "contract":
            y = b.op("contract", x, w, a="a", b="b", out="ab", reduce="")
        case "reduce_to":
            y = b.op("reduce_to", x, axes=(), batch=True, time=True)
        case _:
            y = b.op(reader, x, add(b, mul(b, w, w), b.const(1.0)))
    net.output("y", mul(b, y, b.const(-0.25)))
    scaled(net, {"mul": 1 + (reader in ("div", "mul")) + (reader == "mul")})


def test_twice_a_half_is_nothing() -> None:
    net = Net("halves")
    b, x, z = net.b, net.input("x", 3), net.input("z", 3)
    half = mul(b, mul(b, x, b.const(0.5)), z)
    net.output("y", add(b, half, half))
    scaled(net, {"add": 0, "mul": 1})


def test_twice_a_multiple_is_one() -> None:
    net = Net("twice")
    tenth = mul(net.b, net.input("x", 3), net.b.const(0.1))
    net.output("y", add(net.b, tenth, tenth))
    scaled(net, {"add": 0, "mul": 1})


@pytest.mark.parametrize("name", ["add", "sub"])
@pytest.mark.parametrize("first", [False, True])
def test_a_change_of_sign_makes_a_sum_a_difference(name: str, first: bool) -> None:
    net = Net("difference")
    b, x, y = net.b, net.input("x", 3), net.input("y", 1)
    spread = b.op("broadcast", b.op("neg", y), axes=axes(3))
    net.output("z", b.op(name, *((spread, x) if first else (x, spread))))
    stays = name == "sub" and first
    scaled(net, {"neg": int(stays), "sub": int(name == "add" or stays), "add": int(name == "sub" and not stays)})


def test_what_others_read_and_what_is_no_multiple_stays() -> None:
    net = Net("others")
    b, x, w = net.b, net.input("x", 3), net.param("w", 3)
    double = mul(b, x, b.const(2.0))
    net.output("double", double)
    net.output("read", mul(b, b.op("div", double, add(b, w, b.const(5.0))), b.const(3.0)))
    root = mul(b, x, b.const(0.25))
    net.output("square", mul(b, mul(b, root, root), b.const(3.0)))
    net.output("below", mul(b, b.op("div", w, add(b, mul(b, w, b.const(2.0)), b.const(5.0))), b.const(3.0)))
    net.output("large", mul(b, b.op("reshape", mul(b, x, b.const(1e30)), axes=axes(1, 3)), b.const(1e30)))
    scaled(net, {"mul": 9})


@pytest.mark.parametrize("constant", [0.001, 1000.0, math.inf])
def test_numbers_on_the_way_stay_where_they_were(constant: float) -> None:
    """Halves end at 65504: a sum of what was divided by a thousand is in range, a thousandth of the sum is not."""
    net = Net("range")
    b, x, w = net.b, net.input("x", 3), net.param("w", 3)
    net.output("sum", b.op("reduce_sum", mul(b, x, b.const(constant)), axes=(0,), keep=False))
    way = b.op("div", mul(b, x, b.const(constant)), add(b, mul(b, w, w), b.const(1.0)))
    net.output("way", mul(b, b.op("reshape", way, axes=axes(1, 3)), b.const(1 / constant if constant < 9999 else 8.0)))
    scaled(net, {"mul": 4})


def test_what_is_near_to_one_goes_to_what_is_not() -> None:
    net = Net("near")
    b, x, w = net.b, mul(net.b, net.input("x", 3), net.b.const(2.0)), net.param("w", 3)
    net.output("y", mul(b, b.op("div", x, add(b, mul(b, w, w), b.const(1.0))), b.const(0.01)))
    scaled(net, {"mul": 2})


def test_a_norm_goes_back_with_one_factor_for_each_of_its_means() -> None:
    """Of the root, the square and the two means five factors and two changes of sign came."""
    net = Net("norm")
    x, h0, w, lengths = net.input("x", 5), net.state("h", 5), net.param("W", 5, 5), net.lengths()

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        v = add(b, xs[0], linear(b, carries[0], w))
        u = b.op("sub", v, b.op("reduce_mean", v, axes=(0,), keep=True))
        variance = b.op("reduce_mean", mul(b, u, u), axes=(0,), keep=True)
        h = b.op("div", u, b.op("sqrt", add(b, variance, b.const(0.1))))
        return [h], [h]

    net.output("y", net.loop(step, [x], [h0], lengths=lengths).ys[0])
    program = net.program()
    result = optimised(program)
    found = inside(result.both.backward)
    assert (found["neg"], found["mul"], found["div"], found["add"] + found["sub"]) == (0, 4, 2, 3)
    assert codes(result.remarks)["scaled"] > 0
    assert_same_gradients(program, result.both)
