"""What the rewriters of passes share: a context for remarks, and the walk over loops of single steps."""

from __future__ import annotations

from abc import ABC, abstractmethod

from rnnc.ir.program import Loop
from rnnc.ir.rewrite import Rewriter
from rnnc.passes.manager import PassContext


class PassRewriter(Rewriter):
    """A rewriter that can make remarks."""

    def __init__(self, context: PassContext) -> None:
        super().__init__()
        self._context = context


class StepRewriter(PassRewriter, ABC):
    """Rewrites loops over single steps, inner loops first. Of loops over stretches only bodies change."""

    def loop(self, loop: Loop) -> None:
        loop = self.body(loop)
        if loop.chunk is None:
            self.steps(loop)
        else:
            self.emit(loop)

    @abstractmethod
    def steps(self, loop: Loop) -> None:
        """Emit what becomes of a loop over single steps, whose body has been rewritten."""
