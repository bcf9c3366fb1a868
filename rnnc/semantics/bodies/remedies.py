"""What to write instead of what other libraries and languages have: for messages about names that are not known."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Container, Sequence

from rnnc.diagnostics import Span
from rnnc.ir.model import Initialiser
from rnnc.semantics.bodies import foreign, other_steps
from rnnc.semantics.bodies.frames import Context, Frame
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import CellValue, FnValue, Num, Scope, Tensor, Value
from rnnc.semantics.shapes.shaped import Shape
from rnnc.syntax import ast
from rnnc.syntax.spelling.foreign_options import OPTIONS, OTHERWISE

# How a network gives a layer all steps of a sequence.
PLACES = "all of a sequence's n steps are `stack_axis((at(y, k) for k in 0..n), axis = place)`"

ONCE = "every name is assigned once"

MAKERS = frozenset({"expand", "relabel", "places", "zeros", "ones"})  # whose labelled operands are axes of their result

_ATOM = re.compile(r"[\w.']+")
_SHORT, _LONGEST = 30, 60  # of what is repeated in a message
_STRANGERS = foreign.LIBRARIES | foreign.SELF


def of_call(name: str, e: ast.Call, c: Context, known: set[str]) -> str | None:
    """The remedy for a call of a function that there is none of."""
    operands = [a.value for a in e.arguments if isinstance(a, ast.Argument) and a.mark is None]
    first = operands[0] if operands else None
    if name in other_steps.FUNCTIONS and isinstance(first, ast.Name) and (first.id, False) in c.frame.members:
        return other_steps.of_step(first.id, c)
    if name in foreign.DECLARED:
        return _declaration(name, c)
    texts = [operand.span.text for operand in operands]
    return (
        _elsewhere(name, texts, _axis_of(first, c))
        or did_you_mean(name, known)
        or _cell(name, c, known)
        or _written(name)
    )


def _axis_of(e: ast.Expr | None, c: Context) -> str:
    """The name of the first axis of what a name stands for, where that is known and has one."""
    family = c.frame.members.get((e.id, e.primed), {}) if isinstance(e, ast.Name) else {}
    shape = family[()].shape if () in family else None
    return shape[0].label if shape and shape[0].label.isidentifier() else "axis"


def of_no_function(value: Value, e: ast.Call, c: Context, functions: Container[str]) -> str | None:
    """The remedy for a call of what is no function: a function's name in quotes, or a name that is taken here."""
    if isinstance(value, str):
        return f"a function is given by its name, without quotes: `{e.function.span.text} = {value}`"
    if isinstance(e.function, ast.Name) and e.function.id == "step":
        return _elsewhere("step", [a.value.span.text for a in e.arguments if isinstance(a, ast.Argument)])
    if isinstance(e.function, ast.Name) and (e.function.id in functions or _is_hidden(e.function.id, c)):
        return f"here it hides the function or cell `{e.function.id}`: give it another name where it is declared"
    return None


def _is_hidden(name: str, c: Context) -> bool:
    """Does something that is declared here have the name of a definition?"""
    scope: Scope | None = c.scope
    while scope is not None:
        if (name in scope.names or scope.load(name)) and isinstance(scope.names[name], FnValue | CellValue):
            return True
        scope = scope.parent
    return False


def of_name(name: str, c: Context) -> str | None:
    """The remedy for a name that is not defined."""
    if name in foreign.DECLARED:
        return _declaration(name, c)
    if name in foreign.SELF:
        return "names stand alone: a state is `h`, and `h'` after the step"
    if name == "e":
        return "the exponential of `v` is `exp(v)`"
    return other_steps.suffixed(name, c)


def of_label(name: str, span: Span, c: Context) -> str | None:
    """The remedy for the name of an axis where a value is wanted."""
    axis = next((axis for label, axis in c.frame.axes.items() if name == label == axis.label and axis.strong), None)
    if axis is None:
        return None
    size = c.frame.graph.resolve_size(axis.size)
    stated = f"in a list of axes it stands with it, `[{name}: {size}]`"
    if _called_with(span) in (None, "split", *MAKERS):
        stated = f"a new axis is stated with it, `{name}: {size}`"
    return f"it is the name of an axis: its size is `{size}`, and {stated}"


def _called_with(span: Span) -> str | None:
    """What is called with this among its arguments, where labels mean something else than in a list of axes."""
    depth, text = 0, span.source.text[: span.start]
    for place, sign in reversed(list(enumerate(text))):
        depth += (sign in ")]}") - (sign in "([{")
        if depth < 0:
            called = re.search(r"(\w+)\s*$", text[:place])
            return called[1] if called and sign == "(" else None
    return None


def of_attribute(e: ast.Attribute, c: Context, known_names: Callable[[Context], set[str]]) -> Problem | None:
    """`np.tanh`, `tf.nn.sigmoid`, `self.h`: what belongs to a library or an object, which the language lacks."""
    path = _dotted(e)
    if path is None or path[0] not in _STRANGERS:
        return None
    known, name = known_names(c), path[-1]
    if path[0] in known or (path[0], False) in c.frame.members or path[0] in c.frame.broken:
        return None
    if path[0] in foreign.SELF:
        return Problem(
            "E201", f"there is no `{path[0]}`: names stand alone", e.span, fix=f"write `{name}`", missing=e.span.text
        )
    fix = _of_library(name, c, known) or did_you_mean(name, known) or f"it can be written: `fn {name}(v) {{ … }}`"
    shown = e.span.text if len(e.span.text) <= _LONGEST else f"{path[0]}.…"
    return Problem("E201", f"`{shown}` belongs to another library", e.span, fix=fix, missing=e.span.text)


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


def of_dot(e: ast.Attribute) -> str:
    """`W.x`, where the scope has such a name."""
    left, right = e.base.span.text, e.name + "'" * e.primed
    return f"`{left} * {right}` multiplies elements, `{left} @ {right}` matrices and vectors"


def of_again(name: str, primed: bool, frame: Frame, scope: Scope | None) -> str:
    """The remedy for a second equation of a name."""
    if scope is None:  # a declaration
        return ONCE
    loop = next((s.loop for s in scope.chain() if s.loop is not None), None)
    if loop is None or primed:
        return f"{ONCE}: one of the two values takes a name of its own"
    name = name if all(name not in (n for n, _ in there) for there in (frame.inputs, frame.states)) else "y"
    return f"{ONCE}; what a loop changes is a family: `{name}[{loop} + 1] = …`, made of `{name}[{loop}]`"


def no_state(frame: Frame, item: ast.Declared) -> Problem:
    """E412, with where a state is declared instead."""
    if frame.kind == "fn":
        return Problem("E412", "a function has no state", item.span, fix="a cell has one: `use f = …`, then `f(x)`")
    fix = "put the equations into a cell, `cell Step(…) { … }`, and use it as a layer: `y = Step(…)(x)`"
    return Problem("E412", "a network's states are those of its layers", item.span, fix=fix)


_SHORT_LIST = 30  # of a list that is repeated in a message
_LEADS = frozenset({"batch", "time", "b", "t", "n", "seq", "steps", "length", "seq_len", "timesteps", "batch_size"})


def of_axes(given: Shape, declared: ast.Declared) -> str | None:
    """The remedy for a value of other axes than a layer wants."""
    if len(given) > len(declared.axes) and given[0].label.lower() in _LEADS:
        return f"batch and time are no axes of a description, which rnnc adds: `input x[{given[-1].label}]`"
    if len(given) == len(declared.axes) + 1 and given[0].label.isidentifier():
        place = given[0].label
        shared = "`use f[0] = …`, and in a loop `use f[k] = f[0]` (the same weights)"
        return f"one cell steps one place: {shared} and `y[k] = f[k](x[{place} = k])`"
    if not given and len(declared.axes) == 1:
        vector = f"`expand(v, {declared.axes[0].span.text})` makes a vector of a number"
        return f"{vector}, and `embedding(v, vocabulary, width)` one of a whole number"
    return None


def as_tensor(value: Value, span: Span) -> str | None:
    """The remedy where a list or an initialiser stands for a tensor."""
    if isinstance(value, FnValue) and value.name in ("zeros", "ones"):
        return f"write `{int(value.name == 'ones')}`"
    if isinstance(value, FnValue) and value.name == "identity":
        return f"declare it, `fixed start[…] = {span.text}`, and write `start` here"
    if isinstance(value, FnValue):
        return f"a function is called: `{value.name}(v)`"
    if isinstance(value, Initialiser) and value.kind == "identity":
        return "declare it, `fixed one[…] = identity`, and write `one` here; its number is what the diagonal has"
    if isinstance(value, CellValue):
        return f"a cell is given its input: `{span.text}(x)` in a network, `use f = {span.text}` and `f(x)` in a cell"
    if isinstance(value, Initialiser):
        return f"declare it, `param start[…] = {span.text}`, and write `start`; noise of every step is an input"
    if isinstance(value, tuple) and any(isinstance(v, Tensor) for v in value):
        one = f"`{span.text}[0]` is its first member, and " if span.text.isidentifier() else ""
        return f"{one}`concat(a, b)` and `stack_axis(a, b, axis = part)` make one tensor of several"
    if isinstance(value, tuple):
        text = span.text if len(span.text) <= _SHORT_LIST and "\n" not in span.text else "[0.1, 0.2]"
        whole = "; whole ones are `stack_axis(1, 2, axis = n)`, too" if all(map(_is_whole, value)) else ""
        return f"numbers are declared: `fixed table[n] = {text}`, and `table` stands here{whole}"
    return None


def _is_whole(value: Value) -> bool:
    return isinstance(value, Num) and isinstance(value.known, int)


def of_quotient_size(value: Value) -> str | None:
    """The remedy for a size that was made with `/`: a quotient of open sizes is a number of the equations."""
    if not isinstance(value, Tensor) or value.node.attrs.get("ir") != "div":
        return None
    parts = value.node.args
    if any(node.op != "const" for node in parts):
        return None
    above, below = (node.attrs["value"] for node in parts)
    return f"open sizes are divided by `//`, which rounds down: `{above} // {below}`"


def of_own_names(name: str, c: Context) -> str | None:
    """The remedy for a name that a function does not know, or of which a variant's base has other ones."""
    if c.frame.kind == "fn":
        head = f"`fn {c.frame.name}(…, {name})`"
        return f"a function knows its own names only: give it, {head}, or `v[{name}]`, if an axis of `v` has that size"
    if not name.islower() or len(name) > _SHORT or c.frame.body.kind != "cell":
        return None
    declared = f"`input {name}[]`, `param {name}[]`, or a number in the head, `{name} = 1.0`"
    return f"write its equation, `{name} = …`, or declare it: {declared}"


def of_weight(name: str) -> str | None:
    """`W`, `W_xh`, `b`: names of weights, which nothing declares."""
    if foreign.WEIGHT.fullmatch(name) is None:
        return None
    if name == "I":
        return "an identity matrix is declared: `fixed I[row: n, col: n] = identity`"
    own = "`linear(x)` brings its own"
    if name[0].isupper():
        return f"a weight is declared, `param {name}[units, input]` for `{name} @ x`, `[units]` for `{name} * h`; {own}"
    return f"a weight is declared, `param {name}[units] = zeros`; {own}"


def of_decimal_comma(operands: Sequence[Span]) -> str | None:
    """`uniform(-0.1, 0,1)`: a decimal comma, where it makes one number more than a call takes."""
    for first, second in itertools.pairwise(operands):
        a, b = first.text, second.text
        between = first.source.text[first.end : second.start]
        if between == "," and re.fullmatch(r"-?[0-9]+", a) and b.isdecimal():
            return f"decimals have a point: write `{a}.{b}` for `{a},{b}`"
    return None


def of_option(option: ast.Argument, names: tuple[str, ...]) -> str | None:
    """The remedy for an option under the name that another library has for it."""
    key = (option.name or "").lower()
    there = next((n for n in OPTIONS.get(key, ()) if n in names), None)
    if there is not None:
        text = option.value.span.text
        if there == "axis" and text.lstrip("-").isdecimal():
            return "write `axis = …`, an axis by its name"
        return f"write `{there} = {text if len(text) <= _SHORT and (text.isidentifier() or text.isdecimal()) else '…'}`"
    return OTHERWISE.get(key)


def _elsewhere(name: str, texts: list[str], axis: str = "axis") -> str | None:
    key = name.lower()
    if key in foreign.MISSING:
        return foreign.MISSING[key]
    return f"write `{_filled(foreign.WRITTEN[key], texts, axis)}`" if key in foreign.WRITTEN else None


def _filled(template: str, texts: list[str], axis: str = "axis") -> str:
    """The template with what is given, as far as that is short."""
    is_operator = " " in template or template.startswith("-")
    given: dict[str, str] = {}
    for letter, text in zip("ab", [*texts, "", ""][:2], strict=True):
        fits = 0 < len(text) <= _SHORT and "\n" not in text and not text.startswith("[")
        given[letter] = text if fits and (not is_operator or _ATOM.fullmatch(text)) else letter
    return template.format(**given, axis=axis)


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


def _written(name: str) -> str:
    """A name that nobody knows: a cell's begins with a capital letter as a rule."""
    what = f"cell {name}(units)" if name[:1].isupper() else f"fn {name}(v)"
    return f'write it, `{what} {{ … }}`, or import it: `import {name} from "file.rnn"`'


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


def as_truth(name: str, value: Value) -> str | None:
    """`peepholes = 1`, `"true"`: what is meant is told by what stands there."""
    known = value.known if isinstance(value, Num) else None
    if isinstance(value, str):
        known = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}.get(value.lower())
    return f"write `{name} = {'true' if known else 'false'}`" if known in (0, 1) else None
