"""A cell or network described: its equations, drawings and facts."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from rnnc.backends.unit import Unit
from rnnc.compiler import kept_of, reading_of, unit_of
from rnnc.diagnostics import Diagnostic, DiagnosticError, Source
from rnnc.ir.model import Model
from rnnc.pictures.drawing.drawing import Drawing
from rnnc.pictures.drawing.fusion import Fused, products
from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations.latex import aligned
from rnnc.pictures.equations.mathml import displayed
from rnnc.pictures.equations.mathtree import Math
from rnnc.pictures.equations.reading import body_of
from rnnc.pictures.equations.typeset import defined, equation
from rnnc.pictures.facts import SAVES, Facts, facts


@contextmanager
def shallow() -> Generator[None]:
    """Whatever the text says, an expression that is nested too deeply is an error of the text."""
    try:
        yield
    except RecursionError:
        message = "an expression is nested too deeply to be shown"
        raise DiagnosticError([Diagnostic("E405", message, fix="give parts of it names of their own")]) from None


@dataclass(frozen=True)
class Section:
    """One body of a description: that of the definition itself (no title), or of cells that it is made of."""

    title: str
    body: f.Body

    @property
    def equations(self) -> list[tuple[Math, Math]]:
        """Its equations; an output that is a quantity already is none of its own."""
        outputs = [o for o in self.body.outputs if not isinstance(o.value, f.Ref) or o.value.name != o.target.name]
        return [equation(e) for e in (*self.body.equations, *outputs)]

    @property
    def functions(self) -> list[tuple[Math, Math]]:
        """What the functions of the description's own mean."""
        return [pair for function in self.body.functions for pair in defined(function)]


class Described:
    """A cell or network with its parameters bound: what is known of it, its equations and its drawings.

    What the compiler makes of the definition is found out when it is first asked for. Raises DiagnosticError.
    """

    def __init__(self, source: Source, name: str | None = None, options: Mapping[str, object] | None = None) -> None:
        self.source = source
        self.requested = dict(options or {})
        self._reading = reading_of(source, name, options)
        with shallow():
            self.body: f.Body = body_of(self._reading)

    @property
    def model(self) -> Model:
        """The programs, and what the contract of a module says beside them."""
        return self._reading.model

    @property
    def name(self) -> str:
        """The definition's name."""
        return self.model.name

    @property
    def digest(self) -> str:
        """The SHA-256 of the text that this was read from."""
        return hashlib.sha256(self.source.text.encode()).hexdigest()

    @cached_property
    def unit(self) -> Unit:
        """The programs after all passes."""
        return unit_of(self.source, self.model)[0]

    @cached_property
    def fused(self) -> list[Fused]:
        """The products that run."""
        return products(self.unit.forward)

    @cached_property
    def facts(self) -> Facts:
        """What can be counted."""
        return facts(self.model, self.unit.forward, kept_of(self.model, SAVES))

    @cached_property
    def sections(self) -> list[Section]:
        """The definition, then each cell that it is made of, once."""
        found: dict[str, tuple[list[str], f.Body]] = {}
        for key, body in _inner(self.body, ""):
            text = "\n".join((body.name, aligned(Section("", body).equations)))
            found.setdefault(text, ([], body))[0].append(key)
        return [
            Section("", self.body),
            *(Section(f"{', '.join(keys)}: {body.name}", body) for keys, body in found.values()),
        ]

    # --- what is shown ---

    def drawing(self, inner: str = "") -> Drawing:
        """The drawing of the definition, or of an inner cell or layer by its name. Raises KeyError."""
        return self._drawing(self.body if not inner else dict(_inner(self.body, ""))[inner])

    def _drawing(self, body: f.Body) -> Drawing:
        fused = self.fused
        with shallow():
            return Drawing(body, fused, {p.name: p for p in self.model.parameters})

    def svg(self, inner: str = "") -> str:
        """The drawing, or that of an inner cell or layer, as the text of an SVG file. Raises KeyError."""
        return self.drawing(inner).svg(inner or self.name, self.model.doc.partition("\n")[0])

    def section_svg(self, section: Section) -> str:
        """The drawing of a section."""
        return self._drawing(section.body).svg(section.title or self.name)

    def inner(self) -> list[str]:
        """The names of inner cells and layers."""
        return [key for key, _ in _inner(self.body, "")]

    def latex(self) -> str:
        """The equations as LaTeX, for between `$$` and `$$` (amsmath's `aligned`)."""
        with shallow():
            return aligned(self.sections[0].equations)

    def mathml(self) -> str:
        """The equations as MathML."""
        with shallow():
            return displayed(self.sections[0].equations)


def _inner(body: f.Body, path: str) -> Iterator[tuple[str, f.Body]]:
    """The bodies inside of a body, at any depth, by their dotted names."""
    for key, inner in body.inner:
        yield path + key, inner
        yield from _inner(inner, f"{path}{key}.")
