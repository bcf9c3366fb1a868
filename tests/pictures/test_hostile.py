"""A description from a stranger puts nothing into pages, drawings and LaTeX but text."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from tests.pictures.drawn import described

ATTACKS = [
    "</title><script>alert(1)</script>",
    "]]><!--",
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "$\\input{/etc/passwd}$ \\end{aligned}",
    '"onload="alert(1)',
    "&lt;b&gt;",
]
DRAWN = {"svg", "title", "desc", "rect", "path", "circle", "text"}
WRITTEN = DRAWN | {
    *(
        "html",
        "head",
        "meta",
        "style",
        "body",
        "h1",
        "h2",
        "p",
        "code",
        "figure",
        "div",
        "pre",
        "table",
        "tr",
        "th",
        "td",
    ),
    *("math", "mtable", "mtr", "mtd", "mrow", "mi", "mo", "mn", "mtext", "msub", "msup", "msubsup", "mspace", "mfrac"),
}
CELL = '''"""{attack}"""
cell C(units, note = "{quoted}", inner_name = 1) {{
  # {attack}
  input x[units]
  state h[units]
  gate script = sigmoid(linear(x, h))
  h' = script * h + {word}
  output h'
}}
'''


class Elements(HTMLParser):
    """Collects names of elements and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_stays_text(attack: str) -> None:
    quoted = attack.replace("\\", "\\\\").replace('"', '\\"')
    text = CELL.format(attack=attack.replace('"""', ""), quoted=quoted, word="x")
    description = described(text, note=f'"{quoted}"')
    svg = description.svg()
    tree = ElementTree.fromstring(svg)
    assert {e.tag.rpartition("}")[2] for e in tree.iter()} <= DRAWN
    for html in (description.html(), description._repr_html_()):
        found = Elements(html)
        assert found.elements <= WRITTEN, found.elements - WRITTEN
        assert not {a for a in found.attributes if a.startswith("on") or a in ("href", "src")}
        assert "49" not in html.partition("</style>")[2].partition("<svg")[0]
    assert "input{" not in description.latex()


def test_axes_and_words_are_escaped_in_equations() -> None:
    """Text that reaches an equation is text there: `\\text{…}`, `<mtext>`."""
    description = described(
        "cell C(a_b, c_d = 2) {\n  input x[a_b]\n  state h[row: c_d, a_b]\n"
        "  h' = h + x\n  y_1_ = sum(h', row)\n  output y_1_\n}\n"
    )
    latex = description.latex()
    assert r"y\_1\_" in latex
    ElementTree.fromstring(description.mathml())


def test_names_of_elements_and_commands_are_only_names() -> None:
    """A cell may call its equations what it likes."""
    description = described(
        "cell script(units) {\n  input style[units]\n  state textbackslash[units]\n"
        "  textbackslash' = style\n  output textbackslash'\n}\n"
    )
    assert r"\mathrm{style}_{t}" in description.latex()
    assert Elements(description.html()).elements <= WRITTEN
