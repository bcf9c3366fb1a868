"""Memory planning: what the forward pass keeps for the backward pass, and what that costs per step and row.

The choice itself is made where the program is differentiated (`--save all | states | every=K`): a smallest cut between
what the forward pass computes and what the backward pass reads. This last step drops from the tape what the backward
program turned out not to read, and says what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rnnc.autodiff import Differentiated, prune_tape, tape_per_step
from rnnc.ir.size import Size
from rnnc.passes.manager import Remark


@dataclass(frozen=True)
class MemoryPlan:
    name: str = "memory"
    doc: str = "Keep for the backward pass only what it reads, and say what that costs."

    def run(self, derived: Differentiated) -> tuple[Differentiated, list[Remark]]:
        """The same two programs with a smaller tape. Remarks: one an array, and their sum."""
        train, backward = prune_tape(derived.train, derived.backward)
        derived = replace(derived, train=train, backward=backward)
        remarks: list[Remark] = []
        total = Size.of(0)
        for array in tape_per_step(derived):
            often = "" if array.every == 1 else f", once in {array.every} steps"
            remarks.append(
                Remark(
                    self.name,
                    "saved",
                    "info",
                    f"kept for the backward pass: {array.bytes} bytes a step and row{often}",
                    array.spans,
                )
            )
            if array.every == 1:
                total = total + array.bytes
        remarks.append(
            Remark(self.name, "total", "info", f"the backward pass keeps {total} bytes a step and row (float32)")
        )
        return derived, remarks


plan_memory = MemoryPlan()
