"""Functions that the language does not have under any name, and that texts of other libraries call."""

from __future__ import annotations

import re
from collections.abc import Mapping

FUNCTIONS: Mapping[str, str] = {
    "keras_hard_sigmoid": """# That of Keras 3; in Keras 2 it was `hard_sigmoid`.
fn keras_hard_sigmoid(v) {
  return hard_sigmoid(v, slope = 1 / 6)
}
""",
    "sparsemax": """# The nearest point of the simplex (Martins & Astudillo 2016, arXiv:1602.02068, prop. 1).
fn sparsemax(v[n]) {
  larger = expand(relabel(v, m: n), n: n)
  count  = sum(where(larger >= v, 1, 0), m)
  inside = 1 + count * v > sum(where(larger >= v, larger, 0), m)
  return max(v - (sum(where(inside, v, 0), n) - 1) / sum(where(inside, 1, 0), n), 0)
}
""",
    "keras_sparsemax": """# That of Keras 3, which takes the sum of all running sums where the paper takes the last one.
fn keras_sparsemax(v[n]) {
  larger = expand(relabel(v, m: n), n: n)
  count  = sum(where(larger >= v, 1, 0), m)
  above  = sum(where(larger >= v, larger, 0), m)
  inside = 1 + count * v > above
  return max(v - (sum(where(inside, above, 0), n) - 1) / sum(where(inside, 1, 0), n), 0)
}
""",
    "glu": """# One half of the features gates the other (Dauphin et al. 2017, arXiv:1612.08083, eq. 1).
fn glu(v[n]) {
  return v[n = :n // 2] * sigmoid(v[n = n // 2:])
}
""",
    "crelu": """# Both signs side by side (Shang et al. 2016, arXiv:1603.05201, definition 2.1).
fn crelu(v) {
  return concat(relu(v), relu(-v))
}
""",
}  # fmt: skip
WIDER = ("glu", "crelu")  # those that give other numbers of features than they take
PAIRS = ("sparsemax", "keras_sparsemax")  # those that compare all features, whose number has to be known before


def named_in(text: str) -> Mapping[str, str]:
    """Those that a text calls."""
    return {name: body for name, body in FUNCTIONS.items() if re.search(rf"\b{name}\b", text)}
