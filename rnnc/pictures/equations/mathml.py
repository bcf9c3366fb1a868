"""Mathematics as MathML, which browsers show without any script. All text is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from rnnc.pictures.equations import mathtree as m


def mathml(math: m.Math) -> str:
    """The element of a piece of mathematics."""
    match math:
        case m.Letter(text):
            return _leaf("mi", text) if len(text) == 1 else f'<mi mathvariant="normal">{_text(text)}</mi>'
        case m.Greek(name):
            return _leaf("mi", m.GREEK[name])
        case m.Digits(text):
            return _leaf("mn", text)
        case m.Named(text):
            return f'<mi mathvariant="normal">{_text(text)}</mi>'
        case m.Words(text):
            return _leaf("mtext", text.replace(" ", "\u00a0"))
        case m.Sign(key):
            return _sign(m.SIGNS[key])
        case m.Row(items):
            return f"<mrow>{''.join(map(mathml, items))}</mrow>"
        case m.Script(base, sub, sup):
            return _script(mathml(base), sub, sup)
        case m.Under(base, under):
            return f"<munder>{mathml(base)}{mathml(under)}</munder>"
        case m.Fraction(top, bottom):
            return f"<mfrac>{mathml(top)}{mathml(bottom)}</mfrac>"
        case m.Root(body):
            return f"<msqrt>{mathml(body)}</msqrt>"
        case m.Accent(mark, base):
            return f'<mover accent="true">{mathml(base)}<mo>{m.ACCENTS[mark][1]}</mo></mover>'
        case m.Fence(kind, body):
            left, right = m.FENCES[kind]
            fence = '<mo fence="true" form="{}">{}</mo>'.format
            return f"<mrow>{fence('prefix', left.text)}{mathml(body)}{fence('postfix', right.text)}</mrow>"
        case m.Choices(rows):
            lines = "".join(f"<mtr><mtd>{mathml(v)}</mtd><mtd>{mathml(t)}</mtd></mtr>" for v, t in rows)
            table = f'<mtable columnalign="left left">{lines}</mtable>'
            return f'<mrow><mo fence="true" form="prefix">{{</mo>{table}</mrow>'


def displayed(equations: Sequence[tuple[m.Math, m.Math]]) -> str:
    """Equations below one another, aligned at their signs."""
    rows = "".join(
        f'<mtr><mtd style="text-align:right">{mathml(left)}</mtd><mtd style="text-align:left">'
        f"<mrow><mo>=</mo>{mathml(right)}</mrow></mtd></mtr>"
        for left, right in equations
    )
    table = f'<mtable displaystyle="true" columnalign="right left" rowspacing="0.6em">{rows}</mtable>'
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{table}</math>'


def inline(math: m.Math) -> str:
    """A piece of mathematics in a line of text."""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML">{mathml(math)}</math>'


def _script(base: str, sub: m.Math | None, sup: m.Math | None) -> str:
    if sub is not None and sup is not None:
        return f"<msubsup>{base}{mathml(sub)}{mathml(sup)}</msubsup>"
    if sub is not None:
        return f"<msub>{base}{mathml(sub)}</msub>"
    return f"<msup>{base}{mathml(sup)}</msup>" if sup is not None else base


def _sign(sign: m.Mark) -> str:
    match sign.role:
        case "space":
            return '<mspace width="0.17em"/>'
        case "prefix":
            return f'<mo form="prefix">{_text(sign.text)}</mo>'
        case "large":
            return f'<mo largeop="true" movablelimits="false">{sign.text}</mo>'
        case "binary":
            return f'<mo form="infix" lspace="0.22em" rspace="0.22em">{_text(sign.text)}</mo>'
        case _:
            return f"<mo>{_text(sign.text)}</mo>"


def _leaf(element: str, text: str) -> str:
    return f"<{element}>{_text(text)}</{element}>"


def _text(text: str) -> str:
    """Text of a document: nothing of it is markup, and control characters are gone."""
    return escape("".join(c for c in text if c.isprintable() or c.isspace()), {'"': "&quot;", "'": "&#39;"})
