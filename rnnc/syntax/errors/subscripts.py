"""Slips in the brackets behind a name: slices by position, and indices in brackets of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rnnc.syntax.errors.place import Place, Problem, Repair, problem
from rnnc.syntax.errors.signs import CLOSERS, OPENERS
from rnnc.syntax.tokens import Token

DECLARATIONS = frozenset({"INPUT", "STATE", "PARAM", "FIXED"})
_LONGEST = 30  # of a slice that is repeated in a message
_TYPE = re.compile(r"(?i)(b?float|int|double|half|real|tensor|array|matrix|vector|scalar)\d*$")


def place_on_an_axis(place: Place) -> Problem | None:
    """`x[0:2]`, `x[:, 0]`, `x[n:n + k]`, `x[..., 0]`: a slice by position."""
    at, token = place.opened, place.token
    if at is None or place.tokens[at].type != "LSQB":
        return None
    if token.type != "COLON" and not (token.text == ".." and place.at == at + 1):
        return None
    line = place.tokens[place.first : at]
    if line and line[0].keyword in DECLARATIONS and all(t.type != "EQUAL" for t in line):
        return None  # axes of a declaration
    if place.at == at + 2 and place.tokens[at + 1].type == "NAME" and _is_place(place):
        return None  # `x[units: 0:3]`, where `=` is meant
    if _is_stepped(place, at):
        fix = "in steps of 2: `split(x, n, place: m, part: 2)[part = 0]`"
        if place.tokens[at + 1].text in ("time", "batch"):
            fix = "time is no axis: every step is read; give the module the steps that are meant"
        return problem("E142", "a slice has no step", token.span, fix, Repair(place.at, _closing(place, at), ()))
    begin = _operand(place, at)
    name = place.tokens[begin].span.to(place.tokens[at - 1].span).text if begin < at else "x"
    name = name if len(name) <= _LONGEST else "x"
    axis = axis_of(place, name.rstrip("'"))
    inside = place.tokens[at + 1 : _closing(place, at)]
    if place.token.type == "COLON" and _colons(inside) == 2:
        fix = f"in steps of 2: `split({name}, {axis or 'n'}, place: m, part: 2)[part = 0]`"
        return problem("E142", "a slice has no step", place.token.span, fix, Repair(at, _closing(place, at) + 1, ()))
    text = inside[0].span.to(inside[-1].span).text if inside else ""
    is_one = 0 < len(text) <= _LONGEST and not any(t.type in ("COMMA", "NEWLINE") or t.text == ".." for t in inside)
    if is_one and token.type == "COLON" and _is_list(place, name):
        lo, _, hi = text.partition(":")
        part = f"`[{name}[i] for i in {lo or 0}..{hi or f'len({name})'}]`"
        repair = Repair(at, _closing(place, at) + 1, ())
        return problem("E142", "a list has no slices", token.span, f"write {part}", repair)
    fix = f"write `{name if name.isprintable() else 'x'}[{axis or 'axis'} = {text if is_one else 'a:b'}]`"
    repair = None
    if axis is not None and is_one:
        span = inside[0].span
        repair = Repair(at + 1, at + 1, (Token("NAME", axis, span), Token("EQUAL", "=", span)))
    return problem("E142", "a slice names its axis", token.span, fix, repair)


def number_of_an_axis(place: Place) -> Problem | None:
    """`x[0 = 1:3]`: an axis by its number."""
    at, before = place.opened, place.before
    if place.token.type != "EQUAL" or at is None or place.tokens[at].type != "LSQB" or before is None:
        return None
    if before.type != "NUMBER" or place.tokens[place.at - 2].type not in ("LSQB", "COMMA"):
        return None
    begin = _operand(place, at)
    name = place.tokens[begin].span.to(place.tokens[at - 1].span).text if begin < at else "x"
    name = name if len(name) <= _LONGEST and name.isprintable() else "x"
    axis = axis_of(place, name.rstrip("'"))
    fix = f"axes are not counted: write `{name}[{axis or 'n'} = …]`, with the axis by its name"
    words = [token.text for token in place.tokens]
    bare = [name, "[", before.text, "]"]  # `param a[2]`
    if any(words[i : i + len(bare)] == bare for i in range(len(words))):
        fix = f"an axis is meant by its name: declare `{name}[n: {before.text}]`, and write `{name}[n = …]`"
    return problem("E142", "a slice names its axis", before.span, fix)


def _is_stepped(place: Place, at: int) -> bool:
    """`x[n = 0:4:2]`: is this the second colon behind the `=` of an axis?"""
    colons = 0
    for token in reversed(place.tokens[at + 1 : place.at]):
        if token.type in ("COMMA", "EQUAL"):
            return token.type == "EQUAL" and colons > 0
        colons += token.type == "COLON"
    return False


def _colons(inside: Sequence[Token]) -> int:
    """How many colons stand there, if they are not those of several slices or of what stands in brackets."""
    if any(token.type in ("COMMA", "EQUAL") or token.type in OPENERS for token in inside):
        return 0
    return sum(token.type == "COLON" for token in inside)


def _is_list(place: Place, name: str) -> bool:
    """Is a list given to this name before, `rows = [2, 3]`?"""
    words = [token.text for token in place.tokens[: place.at]]
    return any(words[i : i + 3] == [name, "=", "["] for i in range(len(words)))


def _is_place(place: Place) -> bool:
    """Does one number follow, or a whole slice?"""
    behind = place.tokens[place.at + 2] if place.at + 2 < len(place.tokens) else place.after
    return place.after.type == "NUMBER" and behind.type in ("COLON", "RSQB")


def _operand(place: Place, at: int) -> int:
    """Where the operand begins whose bracket opens at a place: a name, or a name with brackets, `f(x)`, `q[0]`."""
    begin = at
    while begin > place.first and place.tokens[begin - 1].type in CLOSERS:
        depth = 0
        for i in range(begin - 1, place.first - 1, -1):
            depth += (place.tokens[i].type in CLOSERS) - (place.tokens[i].type in OPENERS)
            if depth == 0:
                begin = i
                break
        else:
            return at
    return begin - 1 if begin > place.first and place.tokens[begin - 1].type in ("NAME", "PRIMED") else begin


def _closing(place: Place, at: int) -> int:
    depth = 0
    for i in range(at, len(place.tokens)):
        depth += (place.tokens[i].type in OPENERS) - (place.tokens[i].type in CLOSERS)
        if depth == 0:
            return i
    return at + 1


def axis_of(place: Place, name: str) -> str | None:
    """The one axis of a tensor, as it is declared before this place."""
    tokens, first, found = place.tokens, 0, None
    for i in range(min(place.at, len(tokens) - 4)):
        if tokens[i].type in ("NEWLINE", "LBRACE"):
            first = i + 1
        elif tokens[i].text == name and tokens[first].keyword in DECLARATIONS and tokens[i + 1].type == "LSQB":
            is_one = tokens[i + 2].type == "NAME" and tokens[i + 3].type in ("RSQB", "COLON")
            found = tokens[i + 2].text if is_one else None
    return found


def is_state(place: Place, name: str) -> bool:
    """Is a state declared under this name before this place?"""
    first = 0
    for i in range(place.at):
        if place.tokens[i].type in ("NEWLINE", "LBRACE"):
            first = i + 1
        elif place.tokens[i].text == name and place.tokens[first].keyword == "STATE":
            return True
    return False


def index_behind_index(place: Place) -> Problem | None:
    """`g[i][j] = …`"""
    token, before = place.token, place.before
    if token.type != "LSQB" or before is None or before.type != "RSQB" or "EQUAL" not in place.expected:
        return None
    return problem("E142", "all indices of a member stand in one bracket", token.span, "write `g[i, j]`")


def index_behind_as(place: Place) -> Problem | None:
    """`linear(h) as w[k]`"""
    at = place.at
    if place.token.type != "LSQB" or at - 2 < place.first or place.tokens[at - 2].type != "AS":
        return None
    fix = f"write `as {place.tokens[at - 1].text}`: in `r[k] = …` what is named has the index of its equation"
    repair = Repair(at, _closing(place, at) + 1, ())
    return problem("E142", "a name behind `as` has no index", place.token.span, fix, repair)


def axes_in_parentheses(place: Place) -> Problem | None:
    """`state s[(units, 3)]`"""
    at, word = place.opened, place.tokens[place.first]
    if place.token.type != "COMMA" or at is None or at == place.first or word.keyword not in DECLARATIONS:
        return None
    if place.tokens[at].type != "LPAR" or place.tokens[at - 1].type != "LSQB":
        return None
    text = place.tokens[at].span.to(place.tokens[_closing(place, at)].span).text[1:-1]
    fix = f"write `{place.tokens[at - 2].text}[{text if len(text) <= _LONGEST else 'a, b'}]`"
    return problem("E142", "axes stand in the bracket, without parentheses", place.tokens[at].span, fix)


def axes_out_of_place(place: Place) -> Problem | None:
    """`param W: float[n, m]`, `W: [n, m]`, `W(n, m)`, `float W[n, m]`, `W float[n, m]`: as other languages declare."""
    first, tokens = place.first, place.tokens
    opened = place.at + 1 if place.token.type == "NAME" else place.at
    if tokens[first].keyword not in DECLARATIONS or tokens[opened].type not in ("LSQB", "LPAR"):
        return None
    begin = opened
    while tokens[begin - 1].type in ("NAME", "COLON") and begin - 1 > first:
        begin -= 1
    words = [token.text for token in tokens[begin:opened] if token.type == "NAME"]
    begins = begin == first + 1 or tokens[begin - 1].text == ","
    if len(words) not in (1, 2) or place.opened is not None or not begins:
        return None
    name, kind = words if len(words) == 2 and ":" in (t.text for t in tokens[begin:opened]) else (words[-1], words[0])
    if _TYPE.match(name):
        name, kind = kind, name
    elif place.token.type == "NAME" and not _TYPE.match(kind):
        return None  # two names, and a comma may be missing
    text = tokens[opened].span.to(tokens[_closing(place, opened)].span).text[1:-1]
    axes = f"{name}[{text if len(text) <= _LONGEST else '…'}]"
    fix = f"write `{axes}: int`" if kind == "int" else f"write `{axes}`"
    return problem("E145", "axes stand right behind the name of what is declared", tokens[opened].span, fix)
