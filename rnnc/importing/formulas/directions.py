"""What a text makes of the outputs of both directions, or of their final states, as a formula: `outputs[0] +
outputs[1]`, `tf.concat(outputs, 2)`, `tf.concat([state_fw.h, state_bw.h], 1)`, `outputs[0]` alone."""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.importing.formulas.formulas import Text, called

Key = tuple[int, int]  # a value that a line computes: its expression and the names that it reads, by their identity
# Where the outputs of a direction stand in a formula, and the final states.
FORWARD, BACKWARD = Text("‹forward›"), Text("‹backward›")
LAST = (Text("last(‹forward›)"), Text("at(‹backward›, 0)"))
SIDE_BY_SIDE = called("concat", FORWARD, BACKWARD)
OUTPUTS_AXES = 3


@dataclass(frozen=True)
class Merge:
    """An expression of both outputs. `parts` are the final states that it reads: of which direction, and what of them
    (`.h`, `[1]`, all)."""

    formula: Text
    parts: frozenset[tuple[int, str]] = frozenset()

    @property
    def is_plain(self) -> bool:
        """Whether both outputs only come to stand side by side, as a layer of both directions gives them."""
        return self.formula == SIDE_BY_SIDE

    @property
    def has_steps(self) -> bool:
        return axes(self.formula.text) == OUTPUTS_AXES

    def of(self, forward: str, backward: str) -> str:
        """The expression, where the outputs are called like that."""
        return self.formula.text.replace(FORWARD.text, forward).replace(BACKWARD.text, backward)


def axes(text: str) -> int:
    """How many axes a formula has: final states have a batch and features, outputs also steps."""
    rest = text
    for last in LAST:
        rest = rest.replace(last.text, "")
    return OUTPUTS_AXES if "‹" in rest else OUTPUTS_AXES - 1
