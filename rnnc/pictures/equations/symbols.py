"""Names as symbols: `h1` is an h with a 1 below, `alpha` a Greek letter, `z_tilde` has its tilde, `cand` is upright."""

from __future__ import annotations

import math
import re

from rnnc.ir.size import Atom, Size
from rnnc.pictures.equations.formula import Ref, Weight
from rnnc.pictures.equations.mathtree import (
    ACCENTS,
    GREEK,
    Accent,
    Digits,
    Fence,
    Fraction,
    Greek,
    Letter,
    Math,
    Named,
    Script,
    Sign,
    Words,
    listed,
    row,
)

_NUMBERED = re.compile(r"([A-Za-z]+?)_?(\d+)")


def symbol(name: str) -> tuple[Math, list[Math]]:
    """The symbol of a name, and what the name itself puts below it."""
    stem, _, last = name.rpartition("_")
    if stem and last in ACCENTS:
        base, below = symbol(stem)
        return Accent(last, base), below
    numbered = _NUMBERED.fullmatch(name)
    if numbered and _is_glyph(numbered[1]):
        return _glyph(numbered[1]), [Digits(numbered[2])]
    head, _, rest = name.partition("_")
    if rest and _is_glyph(head) and "_" not in rest:
        return _glyph(head), [glyph(rest)]
    return glyph(name), []


def glyph(name: str) -> Math:
    """A name without looking for parts in it."""
    return _glyph(name) if _is_glyph(name) else Digits(name) if name.isdecimal() else Letter(name)


def _is_glyph(name: str) -> bool:
    return len(name) == 1 or name in GREEK


def _glyph(name: str) -> Math:
    return Greek(name) if name in GREEK else Letter(name)


def _scripted(name: str, below: list[Math], above: list[Math]) -> Math:
    base, own = symbol(name)
    sub = _joined([*own, *below])
    sup = listed(above) if above else None
    return base if sub is None and sup is None else Script(base, sub, sup)


def _joined(parts: list[Math]) -> Math | None:
    """Side by side where each is one letter or digit, else with commas."""
    if not parts:
        return None
    short = all(isinstance(p, Greek) or (isinstance(p, Letter) and len(p.text) == 1) for p in parts)
    return row(*parts) if short else listed(parts)


def _place(indices: tuple[int, ...]) -> list[Math]:
    """Members of a family are told apart by a number in brackets above."""
    return [Fence("(", listed([number(i) for i in indices]))] if indices else []


def first(name: str) -> Math:
    """A state before the first step."""
    return _scripted(name, [Digits("0")], [])


def before(name: str) -> Math:
    """A state before the step."""
    return _scripted(name, [_before()], [])


def _before() -> Math:
    return row(Letter("t"), Sign("less"), Digits("1"))


def quantity(ref: Ref) -> Math:
    """A quantity with its step: `c'` is c at t, `c` of a state is c at t - 1."""
    below: list[Math] = []
    if ref.when == "now":
        below = [Letter("t")]
    elif ref.when == "before":
        below = [_before()]
    elif ref.when == "last":
        below = [Letter("T")]
    owners = [part for part in ref.owner.split(".") if part]
    return _scripted(ref.name, below, [*(_instance(o) for o in owners), *_place(ref.indices)])


def _instance(key: str) -> Math:
    name, indices = _member(key)
    return row(glyph(name), *_place(indices))


def instance(key: str) -> Math:
    """The name of an inner cell or layer."""
    name, indices = _member(key)
    return _scripted(name, [], _place(indices))


def _member(part: str) -> tuple[str, tuple[int, ...]]:
    """`q[1,2]` taken apart."""
    name, _, places = part.partition("[")
    return name, tuple(int(i) for i in places.rstrip("]").split(",") if i.lstrip("-").isdecimal())


def weight(w: Weight, kind: str) -> Math:
    """A weight after its equation and operand: `i.x` is W with ix below, `z.rec.h` has `rec` above, `i.bias` is b."""
    parts = [_member(p) for p in w.local.split(".")]
    last = parts[-1][0]
    letter = {"bias": "b", "diagonal": "w"}.get(kind, "K" if kind == "kernel" else "W")
    if last in ("bias", "weight", "peephole") and len(parts) > 1:
        parts = parts[:-1]
    below, between = [parts[0]], parts[1:]
    if kind not in ("bias", "diagonal") and last != "weight" and between:
        below, between = [parts[0], between[-1]], between[:-1]
    symbols: list[Math] = []
    for name, indices in below:
        symbols.append(_scripted(name, [], _place(indices)))
    above: list[Math] = [glyph(name) for name, _ in between]
    base = Script(Letter(letter), _joined(symbols), listed(above) if above else None)
    return row(Named(w.transform), Fence("(", base)) if w.transform and kind != "bias" else base


def number(value: int | float) -> Math:
    """A number: powers of ten as such, whole ones without a point."""
    if isinstance(value, int):
        return Digits(str(value)) if value >= 0 else row(Sign("negative"), Digits(str(-value)))
    if value < 0:
        return row(Sign("negative"), number(-value))
    if math.isinf(value):
        return Sign("infinity")
    if value in (math.pi, math.e):
        return Greek("pi") if value == math.pi else Letter("e")
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    if not e:
        return Digits(text.removesuffix(".0"))
    power = Script(Digits("10"), None, number(int(exponent)))
    return power if mantissa == "1" else row(Digits(mantissa), Sign("times"), power)


def size(value: Size) -> Math:
    """A size: a polynomial in names."""
    parts: list[Math] = []
    for monomial, coefficient in reversed(value.terms):
        factors: list[Math] = [] if abs(coefficient) == 1 and monomial else [Digits(str(abs(coefficient)))]
        factors += [_atom(a) for a in monomial]
        spaced: list[Math] = []
        for factor in factors:
            spaced += [Sign("space"), factor] if spaced else [factor]
        sign = Sign("-" if coefficient < 0 else "+")
        parts += [sign, *spaced] if parts else [*([Sign("negative")] if coefficient < 0 else []), *spaced]
    return row(*parts) if parts else Digits("0")


def _atom(atom: Atom) -> Math:
    if isinstance(atom, str):
        base, below = symbol(atom)
        return Script(base, _joined(below)) if below else base
    if atom.op == "//":
        return Fence("floor", Fraction(size(atom.left), size(atom.right)))
    return Fence("(", row(size(atom.left), Sign("mod"), size(atom.right)))


def words(text: str) -> Math:
    """Text of a description, as text."""
    return Words(text)
