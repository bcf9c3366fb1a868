"""Layers one above the other as one kernel, each some steps behind the one below."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from rnnc.cli import loops as tables
from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from rnnc.simulator.cupy_like import How
from rnnc.simulator.loader import load
from rnnc.verify.commands import verify_source
from tests.cuda.support import needs_compiler
from tests.cuda.test_joint import CELLS, INPUT, STEPS, close, results

pytestmark = needs_compiler

NETWORKS = {
    "two": "y = stack(Rnn(5), Two(3))(x)",
    "three, backwards": "y = backward(stack(Two(3), Rnn(5), Rnn(4)))(x)",
    "residual": "a = Rnn(3)(x)\n  y = stack(Rnn(3), Rnn(3), residual = true)(a)",
    "in both directions": "y = bidirectional(stack(Rnn(3), Rnn(4)))(x)",
    "five": "y = stack(Rnn(n) for n in [2, 3, 4, 3, 2])(x)",
    "branches": """
  a = Rnn(3)(x)
  b = Rnn(4)(a)
  p = linear(b, out = 3)
  c = Two(2)(concat(a, p))
  q = linear(a, out = 2)
  d = Rnn(3)(concat(tanh(linear(c, out = 2)), q))
  y = concat(a, d)""",
    "heads": "y = stack(Heads(3), Heads(2))(x)",
    "read elsewhere, too": """
  a = Rnn(4)(x)
  b = tanh(linear(a, x, out = 5))
  c = Two(3)(b)
  y = concat(a, b, c, sum(b, time))""",
}
APART = {  # a layer needs all steps of the one below, or runs the other way
    "the last step": "a = Rnn(4)(x)\n  y = Rnn(4)(x, h = last(a)) + a",
    "what comes later": "a = bidirectional(Rnn(2))(x)\n  y = backward(Rnn(3))(a)",
    "softmax over time": "a = Rnn(3)(x)\n  y = Rnn(3)(softmax(a, time))",
    "the number of steps": "y = stack(Rnn(3), Blind(4))(x)",
    "windows": """
  image = split(linear(x, out = [place: 4]), place, row: 2, channel: 2)
  y = merge(stack(Conv(2), Conv(1))(image), [row, filters])""",
}


CONV = """cell Conv(filters) {
  input x[row, channel]
  state h[row, filters]
  h' = tanh(conv(x, h, over = [row], kernel = [2]))
  output h'
}
cell Blind(units) {
  input x[input]
  state h[units] = 0.5
  param gain[units] = ones
  h' = tanh(gain * h) - 0.1
  output h'
}
"""


@cache
def source(name: str) -> Source:
    body = {**NETWORKS, **APART}[name]
    return Source("net.rnn", f"{CELLS}{CONV}network Net {{\n  input x[input]\n  {body}\n  output y, end: last(y)\n}}\n")


@cache
def text(name: str, strategy: str = "persistent") -> str:
    return compile_source(source(name), "Net", {"strategy": strategy}, target="cuda").text


@cache
def expected(name: str, with_lengths: bool) -> tuple[Any, Any, Any]:
    module = load_module(compile_source(source(name), "Net").text, "expected")
    return results(module, source(name), "float64", with_lengths)


def launched(name: str, most: int = 4) -> list[str]:
    """The kernels of loops that run for training, and then for the backward pass, if there is room for so many loops in
    one."""
    module = load(text(name), name, How())
    launcher, found = module._launcher("float64"), []
    loop = launcher.loop
    launcher._is_less = lambda rows, joint, loops: len(loops) <= most
    launcher.loop = lambda kernel, *rest: (found.append(kernel), loop(kernel, *rest))
    close(results(module, source(name), "float64", True), expected(name, True), 1e-12)
    return found


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        *((name, "persistent") for name in NETWORKS),
        ("two", "block"),
        ("two", "cluster"),
        ("in both directions", "block"),
    ],
)
def test_it_computes_what_numpy_does(name: str, strategy: str, with_lengths: bool) -> None:
    module = load(text(name, strategy), name, How(schedule="reversed"))
    close(results(module, source(name), "float64", with_lengths), expected(name, with_lengths), 1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_one_kernel(name: str) -> None:
    kernels = launched(name)
    assert [kernel.partition("_")[0] for kernel in kernels if "_joint_" in kernel] == ["train", "backward"]
    assert len(kernels) == (4 if name == "five" else 2)  # four loops at most


@pytest.mark.parametrize(
    ("name", "most", "count"),
    [
        *(("five", most, count) for most, count in ((3, 3), (2, 3), (1, 5))),
        *(("branches", most, count) for most, count in ((3, 2), (2, 2), (1, 4))),
        *(("three, backwards", most, count) for most, count in ((2, 2), (1, 3))),
        *(("in both directions", most, count) for most, count in ((3, 2), (2, 2), (1, 4))),
        ("read elsewhere, too", 1, 2),
    ],
)
def test_a_device_without_room_for_all_runs_some_and_then_the_others(name: str, most: int, count: int) -> None:
    """Three or two layers as one kernel; what stands between two that are apart is computed for all steps."""
    assert len(launched(name, most)) == 2 * count


def test_the_planner_finds_how_many_have_room() -> None:
    """Four layers on an H100, whose registers and shared memory hold the weights of two."""
    net = f"{CELLS}network Net {{\n  input x[3]\n  y = stack(Rnn(1400) for n in 0..4)(x)\n  output y\n}}\n"
    space = tables.Loops(compile_source(Source("net.rnn", net), "Net", {}, target="cuda"), tables.DEVICES["h100"])
    space._spills = lambda *_: False
    room = {
        len(looped.loops): min(space.ways(looped, "float32", 2), key=lambda way: way.seconds).name
        for looped in space.loops
        if looped.program == "forward"
    }
    assert room == {1: "persistent", 2: "persistent", 3: "step", 4: "step"}


@pytest.mark.parametrize("name", APART)
def test_it_is_not(name: str) -> None:
    assert "runs" not in text(name).partition('"train_joint_loop_1": ')[2].partition('""",')[0]
    assert launched(name)[1].startswith("train")


def test_all_meet_at_once() -> None:
    """Both layers of the stack meet twice a step, and so does the kernel."""
    lines = text("two").partition('"train_joint_loop_1": ')[2].partition('""",')[0].split("\n")
    assert sum("team.meet();" in line or "team.wait();" in line for line in lines) == 2


def test_what_stands_between_is_computed_once() -> None:
    """The product of all steps is for where the layers run one after the other."""
    run = text("two").partition("def _run_forward(")[2].partition("\ndef ")[0]
    apart = [line for line in run.split("\n") if "launch.product" in line and "y_1_r_x" in line]
    assert len(apart) == 1
    assert apart[0].startswith("        ")


@pytest.mark.parametrize("schedule", ["fifo", ("random", 1)], ids=str)
@pytest.mark.parametrize("name", ["two", "three, backwards"])
def test_no_schedule_and_no_race_changes_numbers(name: str, schedule: Any) -> None:
    module = load(text(name), name, How(schedule=schedule, race=True))
    close(results(module, source(name), "float32", True), expected(name, True), 2e-5)


def test_a_lost_meeting_is_found() -> None:
    """The upper layer reads what the lower one wrote a step before: that the simulator sees."""
    module = load(re.sub(r"team\.(meet|arrive|wait)\(\);", "", text("residual")), "lost", How(race=True))
    with pytest.raises(Exception, match="race"):
        results(module, source("residual"), "float32", False)


@pytest.mark.parametrize("name", ["two", "read elsewhere, too"])
def test_sums_over_rows_leave_out_what_is_past_their_lengths(name: str) -> None:
    """Gradients of weights that are summed up in the loop rely on zeros there."""
    passes = frozenset({"defer"})
    compiled = compile_source(source(name), "Net", {"strategy": "persistent"}, target="cuda", no_passes=passes)
    close(results(load(compiled.text, name, How()), source(name), "float64", True), expected(name, True), 1e-12)


def test_masks_are_those_of_each_step() -> None:
    body = "y = stack(Rnn(3), Rnn(4), dropout = 0.5)(x)"
    net = Source("net.rnn", f"{CELLS}network Net {{\n  input x[input]\n  {body}\n  output y\n}}\n")
    modules = (
        load(compile_source(net, "Net", {"strategy": "persistent"}, target="cuda").text, "dropped", How()),
        load_module(compile_source(net, "Net").text, "wanted"),
    )
    params = modules[1].init_params(seed=1, dtype="float64", input=INPUT)
    x = np.random.default_rng(0).standard_normal((2, STEPS, INPUT))
    found, wanted = (m.forward_train(params, x, training=True, seed=3) for m in modules)
    assert np.any(np.asarray(wanted[0]["y"] if isinstance(wanted[0], dict) else wanted[0]))
    close(found[0], wanted[0], 1e-12)
    d = {"y": np.ones((2, STEPS, 4))}
    gradients = [m.backward(params, one[2], d) for m, one in zip(modules, (found, wanted), strict=True)]
    close(gradients[0], gradients[1], 1e-12)


def test_there_may_be_no_rows() -> None:
    module = load(text("two", "auto"), "two", How())
    params = module.init_params(seed=1, dtype="float64", input=INPUT)
    y, _ = module.forward(params, np.zeros((0, STEPS, INPUT)))
    assert {key: array.shape for key, array in y.items()} == {"y": (0, STEPS, 3), "end": (0, 3)}


def test_it_is_proved() -> None:
    """In all ways to run loops, and all dtypes."""
    report = verify_source(source("in both directions"), "Net", target="cuda")
    assert report.passed, report.failures
