"""`as` behind what is no call: an output that is to be named, or a call that stands further in front."""

from __future__ import annotations

from rnnc.syntax.errors.place import Place, Problem, Repair, problem
from rnnc.syntax.errors.signs import CLOSERS, OPENERS
from rnnc.syntax.tokens import Token

_ELSEWHERE = frozenset({"USE", "IMPORT", "INPUT", "STATE", "PARAM", "FIXED", "FOR", "IF", "CELL", "NETWORK", "FN"})
_LONGEST = 30  # of an expression that is repeated in a message


def name_behind_no_call(place: Place) -> Problem | None:
    """`output 2 * h' as y`, `r = linear(h) @ x as f`"""
    if place.token.type != "AS" or not place.is_after_operand or place.at == place.first + 1:
        return None
    first = place.tokens[place.first]
    if first.keyword in _ELSEWHERE or first.type in _ELSEWHERE:
        return None  # what calls have is not meant
    message, named = "`as` names the call right before it", place.after
    if first.keyword != "OUTPUT" or place.opened is not None or named.type != "NAME":
        repair = Repair(place.at, place.at + 2, ()) if named.type == "NAME" else None
        fix = f"write it behind the call whose weights it names: `f(…) as {named.text if repair else 'name'}`"
        return problem("E142", message, place.token.span, fix, repair)
    begin = _item(place)
    value = place.tokens[begin : place.at]
    text = value[0].span.to(value[-1].span).text
    fix = f"an output is named in front: `output {named.text}: {text if len(text) <= _LONGEST else '…'}`"
    repair = Repair(begin, place.at + 2, (named, Token("COLON", ":", place.token.span), *value))
    return problem("E142", message, place.token.span, fix, repair)


def _item(place: Place) -> int:
    """Where the output begins: behind the word, or behind the last comma outside of brackets."""
    depth = 0
    for at in range(place.at - 1, place.first, -1):
        depth += (place.tokens[at].type in CLOSERS) - (place.tokens[at].type in OPENERS)
        if depth == 0 and place.tokens[at].type == "COMMA":
            return at + 1
    return place.first + 1
