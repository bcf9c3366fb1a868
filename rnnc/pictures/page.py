"""A description as HTML: a page that stands alone, and a fragment for notebooks. Templates escape what is no markup."""

from __future__ import annotations

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from rnnc.ir.program import Axis
from rnnc.pictures.describing import Described
from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations.mathml import displayed
from rnnc.pictures.equations.walking import everything
from rnnc.pictures.facts import kept_text, products_text, size_text
from rnnc.pictures.sources import shown_source
from rnnc.resources import resource_text
from rnnc.version import __version__

STEPS = "t counts the steps from 0."
MATRICES = "A product W x is x @ W of the parameter W [in, out]."


def page(description: Described) -> str:
    """The whole page of a description."""
    model = description.model
    source, without = shown_source(description.source, description.name)
    return _template("page.html.jinja").render(
        name=description.name,
        version=__version__,
        style=Markup(resource_text("templates/pictures/page.css")),
        doc=[p for p in model.doc.split("\n\n") if p.strip()],
        options=[f"{n} = {v}" for n, v in model.options],
        sections=[
            {
                "title": s.title,
                "svg": Markup(description.section_svg(s)),
                "equations": Markup(displayed(s.equations)),
                "functions": Markup(displayed(s.functions)) if s.functions else "",
            }
            for s in description.sections
        ],
        notes=[*notes(description), *(["Layouts of weights are left out of the source."] if without else [])],
        facts=fact_rows(description),
        arrays=array_rows(description),
        source=source,
    )


def fragment(description: Described) -> str:
    """Drawing and equations, for a notebook."""
    section = description.sections[0]
    return _template("fragment.html.jinja").render(
        style=Markup(resource_text("templates/pictures/page.css")),
        svg=Markup(description.svg()),
        equations=Markup(displayed(section.equations)),
        functions=Markup(displayed(section.functions)) if section.functions else "",
        summary=f"{description.name}: {size_text(description.facts.trained)} parameters.",
    )


def notes(description: Described) -> list[str]:
    """How the equations are to be read, where that is not plain."""
    formulas = [e.value for s in description.sections for e in (*s.body.equations, *s.body.outputs)]
    found_in = [inner for formula in formulas for inner in everything(formula)]
    found = [MATRICES] if any(isinstance(p, f.Product) for p in found_in) else []
    return [*found, STEPS] if any(isinstance(p, f.StepIndex) for p in found_in) else found


def fact_rows(description: Described) -> list[tuple[str, str]]:
    """Label and text of each fact."""
    facts = description.facts
    rows = [("parameters", size_text(facts.trained))]
    if facts.fixed.terms:
        rows.append(("fixed numbers", size_text(facts.fixed)))
    rows.append(("products with weights", products_text(facts)))
    if facts.loops or facts.scans:
        runs = [f"{facts.loops} step by step"] * bool(facts.loops) + [f"{facts.scans} as scans"] * bool(facts.scans)
        rows.append(("recurrences", ", ".join(runs)))
    rows += [(f"bytes kept a step and row, --save {kept.save}", kept_text(kept)) for kept in facts.kept]
    if not description.model.step:
        rows.append(("one step at a time", f"not possible: {description.model.no_step}"))
    return rows


def array_rows(description: Described) -> list[tuple[str, str, str]]:
    """Kind, name and axes of everything that the module takes and gives."""
    model = description.model
    rows = [("input" if p.sequence else "input per row", p.name, _axes(p.type.axes)) for p in model.inputs]
    rows += [("state", p.name, _axes(p.type.axes)) for p in model.states]
    rows += [("output", p.name, _axes(p.type.axes)) for p in model.outputs]
    return rows + [("parameter" if p.trained else "fixed", p.name, _axes(p.axes)) for p in model.parameters]


def _axes(axes: tuple[Axis, ...]) -> str:
    return " × ".join(size_text(a.size) for a in axes) or "1"


def _template(name: str) -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(resource_text(f"templates/pictures/{name}"))
