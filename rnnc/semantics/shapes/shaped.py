"""Feature axes, each with a label and a size."""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.ir.size import Size


@dataclass(frozen=True)
class Shaped:
    """A feature axis. `strong`: the label was written (`head: 4`), so it must agree; a weak one is only the text of
    a bare size, so two axes with weak labels agree where their sizes do."""

    label: str
    size: Size
    strong: bool = False

    def __str__(self) -> str:
        return f"{self.label}: {self.size}" if self.strong or str(self.size) != self.label else self.label


Shape = tuple[Shaped, ...]


def show(shape: Shape) -> str:
    """`[head: 4, units]`; an axis of which nothing is known yet is `_`."""
    return f"[{', '.join('_' if a.label.startswith('?') else str(a) for a in shape)}]"
