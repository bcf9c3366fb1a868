"""Which bodies are read inside of which: where errors are told of, and how deep that may go."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

from rnnc.diagnostics import Diagnostics, Note, Span, Use
from rnnc.semantics.problems import Fatal, Problem
from rnnc.semantics.shapes.nodes import Graph

MAX_DEPTH = 40


class Nesting:
    """The bodies that are being read, the outermost first."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self._depth: list[str] = []

    @contextmanager
    def reading(self, name: str, span: Span) -> Generator[None]:
        """A body is read, inside of those that are being read; `span` is what uses it."""
        if len(self._depth) >= MAX_DEPTH:
            raise Fatal(
                "E405", f"definitions are nested more than {MAX_DEPTH} deep here", span,
                notes=[Note("the innermost: " + " → ".join([*self._depth[-3:], name]))],
                fix=f"does `{name}` use itself?",
            )  # fmt: skip
        use = self.diagnostics.use
        if self._depth:
            self.diagnostics.use = Use(span, use)
        self._depth.append(name)
        try:
            yield
        except Problem as problem:
            problem.use = problem.use or self.diagnostics.use
            raise
        finally:
            self._depth.pop()
            self.diagnostics.use = use

    def place(self, graph: Graph) -> Callable[[], AbstractContextManager[None]]:
        """Going back to where the body of a graph is read now: to the calls that led there."""
        use, depth, calls = self.diagnostics.use, list(self._depth), graph.calls

        @contextmanager
        def back() -> Generator[None]:
            here = self.diagnostics.use, self._depth, graph.calls, graph.equation
            self.diagnostics.use, self._depth, graph.calls = use, list(depth), calls
            try:
                yield
            finally:
                self.diagnostics.use, self._depth, graph.calls, graph.equation = here

        return back
