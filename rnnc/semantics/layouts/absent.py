"""Names in a layout that are no parameters, whatever its cell is given: `rnnc check` warns of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rnnc.diagnostics import Diagnostics
from rnnc.ir.model import Model
from rnnc.semantics.near import did_you_mean
from rnnc.syntax import ast
from rnnc.syntax.walk import nodes_in, statements_in

CALLED = "they are called after equation and operand: `i.x`, `i.bias`"


class Absent:
    """What the layouts of one definition name in some reading of it, and no reading has.

    Options that are not tried (a size instead of none, another cell or function) could bring parameters: then nothing
    is known.
    """

    def __init__(self, definition: ast.Cell | ast.Network) -> None:
        self.definition = definition
        self._named: set[str] = set()
        self._parameters: set[str] = set()
        self._is_known = not any(p.kind is not None or _is_none(p.default) for p in definition.parameters)

    def enter(self, model: Model | None) -> None:
        """One reading; None where there is no model, so that nothing is known."""
        if model is None:
            self._is_known = False
            return
        self._named |= {name for layout in model.layouts for name in layout.missing}
        self._parameters |= {p.name for p in model.parameters}

    def warn(self, diagnostics: Diagnostics) -> None:
        """A warning at each place where such a name is written as it is."""
        names = self._named - self._parameters if self._is_known else set[str]()
        for layout in _layouts(self.definition.body):
            for path in _paths(layout):
                text = path.span.text
                if text in names:
                    message = f"`{text}` is no parameter, so that the layout `{layout.name}` is of no use"
                    fix = did_you_mean(text, self._parameters) or CALLED
                    if text.endswith(".T"):
                        fix = f"write `T({text[:-2]})`"
                    diagnostics.warning("E423", message, path.span, fix=fix)


def _is_none(default: ast.Expr | None) -> bool:
    return isinstance(default, ast.Constant) and default.value is None


def _layouts(body: Iterable[ast.Statement]) -> Iterator[ast.Layout]:
    return (s for s in statements_in(body) if isinstance(s, ast.Layout))


def _paths(layout: ast.Layout) -> Iterator[ast.Node]:
    """The names in the entries of a layout: the longest ones, `i.x` and not its `i`."""
    for s in statements_in(layout.body):
        if isinstance(s, ast.Entry):
            found = [n for n in nodes_in(s.value) if isinstance(n, ast.Name | ast.Attribute)]
            inner = {id(part) for n in found for part in nodes_in(n) if part is not n}
            yield from (n for n in found if id(n) not in inner)
