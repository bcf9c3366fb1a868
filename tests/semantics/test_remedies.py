"""Functions of other libraries: what the remedies write is read, and means what it says."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc

X = np.array([[-1.5, 0.25, 0.5, 2.0]])
Y = np.array([[0.75, -0.5, 0.125, 1.0]])
REMEDIES = {
    "logaddexp(x, y)": np.logaddexp(X, Y),
    "atan2(x, y)": np.arctan2(X, Y),
    "hypot(x, y)": np.hypot(X, Y),
    "arcsin(0.1 * x)": np.arcsin(0.1 * X),
    "arccos(0.1 * x)": np.arccos(0.1 * X),
    "arctanh(0.1 * x)": np.arctanh(0.1 * X),
    "arcsinh(x)": np.arcsinh(X),
    "trunc(x)": np.trunc(X),
    "logit(square(0.1 * x))": np.log(0.01 * X**2 / (1 - 0.01 * X**2)),
    "hardswish(x)": X * np.clip(X / 6 + 0.5, 0, 1),
    "glu(x, y)": X / (1 + np.exp(-Y)),
    "mix(x, y)": X + 0.25 * (Y - X),
    "step(x)": (X > 0).astype(float),
    "lerp(x, y)": X + 0.25 * (Y - X),
    "softmin(x)": np.exp(-X) / np.exp(-X).sum(),
    "variance(x)": np.full((1, 4), X.var()),
    "sgn(x)": np.sign(X),
    "remainder(x, 2)": X % 2,
}


@pytest.mark.parametrize("call", REMEDIES)
def test_what_a_remedy_writes(call: str) -> None:
    text = f"cell A {{\n  input x[n], y[n]\n  let w = 0.25\n  z = {call}\n  output z + 0 * x\n}}\n"
    (found,) = [d for d in rnnc.check(text) if d.code == "E205"]
    assert found.fix is not None
    written = found.fix.removeprefix("write `").removesuffix("`")
    names = dict(zip("ab", call[call.index("(") + 1 : -1].split(", "), strict=False))
    lines = "".join(f"  {name} = {value}\n" for name, value in names.items())
    module = rnnc.compile(text.replace(f"  z = {call}\n", f"{lines}  z = {written}\n"), n=4)
    z, _ = module.forward({}, {"x": X[:, None], "y": Y[:, None]})
    np.testing.assert_allclose(z[:, 0], REMEDIES[call], rtol=1e-6, atol=1e-12)
