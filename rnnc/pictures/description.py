"""A description as people see it: a page, or what a notebook shows."""

from __future__ import annotations

from rnnc.pictures.describing import Described, shallow
from rnnc.pictures.page import fragment, page


class Description(Described):
    """A cell or network with its parameters bound, for people.

    A notebook shows it by itself: drawing and equations. `svg`, `latex`, `mathml` and `html` give the parts as text.
    What the compiler makes of the definition is found out when it is first asked for. Raises DiagnosticError.
    """

    def html(self) -> str:
        """A whole page that needs nothing else, not even a network."""
        with shallow():
            return page(self)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_html_(self) -> str:
        with shallow():
            return fragment(self)

    def __repr__(self) -> str:
        bound = ", ".join(f"{n} = {v}" for n, v in self.model.options)
        return f"<rnnc {self.model.kind} {self.name}({bound})>"
