"""What to write instead of what other libraries and languages have: for messages about names that are not known."""

from __future__ import annotations

import re
from collections.abc import Callable

from rnnc.semantics import foreign, moments
from rnnc.semantics.frames import Context
from rnnc.semantics.scope import Problem, did_you_mean
from rnnc.semantics.values import CellValue, Shape
from rnnc.syntax import ast
from rnnc.syntax.foreign_options import OPTIONS, OTHERWISE

# How a network gives a layer all steps of a sequence.
PLACES = "all of a sequence's n steps are `stack_axis((at(y, k) for k in 0..n), axis = place)`"

_ATOM = re.compile(r"[\w.']+")
_SHORT, _LONGEST = 30, 60  # of what is repeated in a message
_STRANGERS = foreign.LIBRARIES | foreign.SELF


def of_call(name: str, e: ast.Call, c: Context, known: set[str]) -> str | None:
    """The remedy for a call of a function that there is none of."""
    operands = [a.value for a in e.arguments if isinstance(a, ast.Argument) and a.mark is None]
    first = operands[0] if operands else None
    if name in moments.FUNCTIONS and isinstance(first, ast.Name) and (first.id, False) in c.frame.members:
        return moments.of_step(first.id, c)
    if name in foreign.DECLARED:
        return _declaration(name, c)
    texts = [operand.span.text for operand in operands]
    return _elsewhere(name, texts) or did_you_mean(name, known) or _cell(name, c, known)


def of_name(name: str, c: Context) -> str | None:
    """The remedy for a name that is not defined."""
    if name in foreign.DECLARED:
        return _declaration(name, c)
    if name in foreign.SELF:
        return "names stand alone: a state is `h`, and `h'` after the step"
    return moments.suffixed(name, c)


def of_attribute(e: ast.Attribute, c: Context, known_names: Callable[[Context], set[str]]) -> Problem | None:
    """`np.tanh`, `tf.nn.sigmoid`, `self.h`: what belongs to a library or an object, which the language lacks."""
    path = _dotted(e)
    if path is None or path[0] not in _STRANGERS:
        return None
    known, name = known_names(c), path[-1]
    if path[0] in known or (path[0], False) in c.frame.members or path[0] in c.frame.broken:
        return None
    if path[0] in foreign.SELF:
        return Problem("E201", f"there is no `{path[0]}`: names stand alone", e.span, fix=f"write `{name}`")
    fix = _of_library(name, c, known) or did_you_mean(name, known) or f"it can be written: `fn {name}(v) {{ … }}`"
    shown = e.span.text if len(e.span.text) <= _LONGEST else f"{path[0]}.…"
    return Problem("E201", f"`{shown}` belongs to another library", e.span, fix=fix)


def of_member(e: ast.Attribute, shape: Shape | None, parameter: ast.Parameter | None = None) -> str | None:
    """`z.sigmoid()`, `W.T`, `h.shape`: what a tensor has elsewhere. `parameter`: of a function, if it is one's own."""
    key, text = e.name.lower(), e.base.span.text
    if key in foreign.SIZES and parameter is not None and parameter.axes is None:
        return f"a parameter names its axes: with `{text}[n]` in the head of the function, `n` is the size"
    if key in foreign.MEMBERS:
        labels = [a.label for a in shape or () if a.label.isidentifier()]
        if parameter is not None and parameter.axes is not None:
            labels = [a.size.span.text for a in parameter.axes]
        axes = ": " + ", ".join(f"`{label}`" for label in labels[:4]) if labels else ""
        return foreign.MEMBERS[key].format(axes=axes)
    if any(a.label == e.name for a in shape or ()):
        return f"write `{e.name}`"
    return _elsewhere(e.name, [text])


def of_method(e: ast.Attribute) -> str:
    """`z.sigmoid()`, where the language has a function of that name."""
    return f"write `{_filled(e.name + '({a})', [e.base.span.text])}`"


def of_weight(name: str) -> str | None:
    """`W`, `W_xh`, `b`: names of weights, which nothing declares."""
    if foreign.WEIGHT.fullmatch(name) is None:
        return None
    own = "`linear(x)` brings its own"
    if name[0].isupper():
        return f"a weight is declared, `param {name}[units, input]` for `{name} @ x`, `[units]` for `{name} * h`; {own}"
    return f"a weight is declared, `param {name}[units] = zeros`; {own}"


def of_option(option: ast.Argument, names: tuple[str, ...]) -> str | None:
    """The remedy for an option under the name that another library has for it."""
    key = (option.name or "").lower()
    there = next((n for n in OPTIONS.get(key, ()) if n in names), None)
    if there is not None:
        text = option.value.span.text
        return f"write `{there} = {text if len(text) <= _SHORT and (text.isidentifier() or text.isdecimal()) else '…'}`"
    return OTHERWISE.get(key)


def _elsewhere(name: str, texts: list[str]) -> str | None:
    key = name.lower()
    if key in foreign.MISSING:
        return foreign.MISSING[key]
    return f"write `{_filled(foreign.WRITTEN[key], texts)}`" if key in foreign.WRITTEN else None


def _filled(template: str, texts: list[str]) -> str:
    """The template with what is given, as far as that is short."""
    is_operator = " " in template or template.startswith("-")
    given: dict[str, str] = {}
    for letter, text in zip("ab", [*texts, "", ""][:2], strict=True):
        fits = 0 < len(text) <= _SHORT and "\n" not in text and not text.startswith("[")
        given[letter] = text if fits and (not is_operator or _ATOM.fullmatch(text)) else letter
    return template.format(**given)


def _of_library(name: str, c: Context, known: set[str]) -> str | None:
    """What the language has for a function or class of a library."""
    key = _folded(name)
    if name[:1].isupper() and key in foreign.LAYERS:
        return f"write `{foreign.LAYERS[key]}`"
    if name in ("pi", "inf"):
        return f"write `{name}`"
    if name in foreign.OTHERS:
        return f"write `{foreign.OTHERS[name]}`"
    if name[:1].islower() and name in known:
        return f"write `{name}(…)`"
    if name.lower() in foreign.DECLARED:
        return _declaration("param", c)
    initialiser = foreign.INITIALISERS.get(name.rstrip("_").lower())
    if initialiser is not None and name not in foreign.MISSING:
        return f"a weight begins with it: `param W[…] = {initialiser}`"
    other = _cell(name, c, known) or _elsewhere(name, [])
    if other is not None:
        return other
    same = sorted(n for n in known if _folded(n) == key)
    return f"write `{same[0]}(…)`" if same else None


def _cell(name: str, c: Context, known: set[str]) -> str | None:
    """`LSTMCell`, `nn.LSTM`: a cell of the library under another name."""
    key = _folded(name).removesuffix("cell")
    key = foreign.CELLS.get(key, key).lower()
    for other in sorted(n for n in known if n.lower() == key):
        found = c.scope.find(other)
        if found is not None and isinstance(found[1], CellValue):
            if c.frame.body.kind == "network":
                return f"write `{other}(units)(x)`"
            return f"write `use f = {other}(units)`, then `f(x)`"
    return None


def _declaration(word: str, c: Context) -> str:
    kind = word if word in ("state", "fixed") else "param"
    name = c.owner.name if c.owner is not None and c.owner.name else "W"
    return f"it is declared: `{kind} {name}[…]`, with its axes in the bracket"


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _dotted(e: ast.Expr) -> list[str] | None:
    parts: list[str] = []
    while isinstance(e, ast.Attribute):
        parts.append(e.name)
        e = e.base
    return [e.id, *reversed(parts)] if isinstance(e, ast.Name) and not e.primed else None
