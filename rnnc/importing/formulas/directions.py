"""What a text makes of the outputs of both directions, or of their final states, as a formula: `outputs[0] +
outputs[1]`, `tf.concat(outputs, 2)`, `tf.concat([state_fw.h, state_bw.h], 1)`, `outputs[0]` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnnc.importing.formulas.formulas import Text, called

Key = tuple[int, int]  # a value that a line computes: its expression and the names that it reads, by their identity
Part = tuple[int, str]  # of a final state: of which direction, and what of it (`.h`, `[1]`, all)
# Where the outputs of a direction stand in a formula.
FORWARD, BACKWARD = Text("‹forward›"), Text("‹backward›")
SIDE_BY_SIDE = called("concat", FORWARD, BACKWARD)
OUTPUTS_AXES = 3


@dataclass(frozen=True)
class Merge:
    """An expression of both outputs. `parts` are the final states that it reads."""

    formula: Text
    parts: frozenset[Part] = frozenset()

    @property
    def is_plain(self) -> bool:
        """Whether both outputs only come to stand side by side, as a layer of both directions gives them."""
        return self.formula == SIDE_BY_SIDE

    @property
    def has_steps(self) -> bool:
        return axes(self.formula.text) == OUTPUTS_AXES

    def of(self, forward: str, backward: str, states: Mapping[Part, str]) -> str:
        """The expression, where the outputs and the final states are called like that."""
        text = self.formula.text.replace(FORWARD.text, forward).replace(BACKWARD.text, backward)
        for part, state in states.items():
            text = text.replace(left(*part).text, state)
        return text


def left(direction: int, part: str) -> Text:
    """Where a final state stands in a formula: it is none of the outputs, since a row without steps leaves what it
    began with."""
    return Text(f"‹{('forward', 'backward')[direction]} leaves {part}›")


def axes(text: str) -> int:
    """How many axes a formula has: final states have a batch and features, outputs also steps."""
    has_steps = FORWARD.text in text or BACKWARD.text in text
    return OUTPUTS_AXES if has_steps else OUTPUTS_AXES - 1
