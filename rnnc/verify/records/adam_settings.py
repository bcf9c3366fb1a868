"""The learning rate and constants of the Adam that made a recording: told by the manifest, or seen in the numbers."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypedDict

import numpy as np

from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.records.adam import Adam
from rnnc.verify.records.recording import Recording

USUAL_RATE = 1e-2  # where a recording neither says its own nor shows it
USUAL_EPSILON = 1e-8
EPSILONS = (USUAL_EPSILON, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # what people choose
# The arguments of tf.train.AdamOptimizer, in order.
DEFAULTS = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": USUAL_EPSILON}

Evaluate = Callable[[Arrays], tuple[Array, Array, Arrays]]  # loss, logits and gradients


class Settings(TypedDict):
    """Arguments of `Adam`."""

    rate: float
    beta1: float
    beta2: float
    epsilon: float


def find_settings(
    recording: Recording, variables: Arrays, evaluate: Evaluate, losses: Array, *, single: bool
) -> tuple[Settings, list[str]]:
    """The settings, and what was found out of those that nothing tells."""
    told, notes = _told(recording), list[str]()
    decays = {"beta1": 0.9, "beta2": 0.999}
    for name, usual in decays.items():
        decay = told.get(name) or find_decay(recording.arrays.get(f"adam:{name}_power"), len(losses))
        if decay is not None and name not in told:
            notes.append(f"{name} is {decay:g}, as its recorded power shows")
        decays[name] = decay or usual
    rate, epsilon = told.get("learning_rate"), told.get("epsilon")

    def adam(rate: float, epsilon: float) -> Adam:
        return Adam(variables, rate, **decays, epsilon=epsilon, single=single)

    if epsilon is None:
        rate, epsilon = _fitting(variables, evaluate, losses, adam, rate)
        if epsilon != USUAL_EPSILON:
            notes.append(f"epsilon is {epsilon:g}, as the recorded losses show")
    elif rate is None:
        rate = find_rate(variables, evaluate, losses, adam(1.0, epsilon))
    if "learning_rate" not in told:
        source = "what the second loss shows" if rate else "not shown by the losses"
        rate = rate or USUAL_RATE
        notes.append(f"the manifest names no learning rate: {rate:g}, {source}, is taken")
    assert rate is not None
    return {"rate": rate, "beta1": decays["beta1"], "beta2": decays["beta2"], "epsilon": epsilon}, notes


def _told(recording: Recording) -> dict[str, float]:
    """Settings in the manifest: in the call of the optimiser in the text that was executed, or among the sizes."""
    found: dict[str, float] = {}
    try:
        tree = ast.parse(str(recording.facts.get("driver", "")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("AdamOptimizer"):
            passed = {
                **dict(zip(DEFAULTS, node.args, strict=False)),
                **{k.arg: k.value for k in node.keywords if k.arg},
            }
            found = {name: value for name, value in DEFAULTS.items() if name not in passed}
            for name, value in passed.items():
                if name in DEFAULTS and isinstance(value, ast.Constant) and isinstance(value.value, int | float):
                    found[name] = float(value.value)
    sizes = {**recording.sizes, "learning_rate": recording.sizes.get("lr")}
    for name in DEFAULTS:
        size = sizes.get(name)
        if isinstance(size, int | float):
            found[name] = float(size)
    return found


def _fitting(
    variables: Arrays, evaluate: Evaluate, losses: Array, adam: Callable[[float, float], Adam], rate: float | None
) -> tuple[float | None, float]:
    """The rate, and the epsilon under which two steps lead nearest to the third loss; the usual one where that does as
    well, or none does."""
    rates: dict[float, float | None] = {}
    misses: dict[float, float] = {}
    for epsilon in EPSILONS:
        tried = rate if rate is not None else find_rate(variables, evaluate, losses, adam(1.0, epsilon))
        rates[epsilon] = tried
        if tried is None or len(losses) < 3:
            continue
        optimiser, moved = adam(tried, epsilon), variables
        for _ in range(2):
            moved = optimiser.update(moved, evaluate(moved)[2])
        misses[epsilon] = abs(float(evaluate(moved)[0] - losses[2]))
        if epsilon == USUAL_EPSILON and misses[epsilon] < _precision(variables) / 10:
            break
    best = min(misses, key=lambda epsilon: misses[epsilon], default=USUAL_EPSILON)
    if misses.get(best, np.inf) > _precision(variables):
        best = USUAL_EPSILON
    return rates[best], best


def _precision(variables: Arrays) -> float:
    """What a loss may be off by."""
    return 1e-12 if variables[next(iter(variables))].dtype == np.float64 else 1e-5


def find_rate(variables: Arrays, evaluate: Evaluate, losses: Array, adam: Adam) -> float | None:
    """The learning rate under which Adam's first step leads from the first recorded loss to the second (`adam` has the
    rate 1); None where there is none, or too few losses. People choose short decimals: one within the precision of the
    losses is taken."""
    if len(losses) < 2:
        return None
    loss, _, gradients = evaluate(variables)
    precision = _precision(variables)
    fall = adam.update(variables, gradients)

    def miss(rate: float) -> float:
        moved = {n: v + v.dtype.type(rate) * (fall[n] - v) for n, v in variables.items()}
        return float(evaluate(moved)[0] - losses[1])

    slope = sum(float(np.sum(gradients[n] * (fall[n] - v))) for n, v in variables.items())
    before, rate = 0.0, float(losses[1] - loss) / slope if slope else 0.0
    miss_before = float(loss - losses[1])
    for _ in range(20):  # the secant method, from a first guess that is nearly right for a small rate
        missed = miss(rate)
        if missed == miss_before or not np.isfinite(missed):
            break
        before, miss_before, rate = rate, missed, rate - missed * (rate - before) / (missed - miss_before)
    if not 0 < rate < np.inf or abs(miss(rate)) > precision:
        return None
    short = (float(f"{rate:.{digits}e}") for digits in range(4))
    return next((s for s in short if abs(s - rate) < (1e-8 if precision < 1e-9 else 1e-2) * rate), rate)


def find_decay(power: Array | None, steps: int) -> float | None:
    """The decay of a moment, of which the power after some steps is recorded; None where it is Adam's own, or not told.

    People choose short decimals: the shortest one that has this power."""
    if power is None or power.shape != () or not 0 < power < 1:
        return None
    root = float(power) ** (1 / (steps + 1))
    decay = next(
        (d for d in (round(root, k) for k in range(1, 6)) if abs(d - root) < min(1e-6, 0.01 * (1 - root))), root
    )
    return None if decay in (0.9, 0.999) else decay
