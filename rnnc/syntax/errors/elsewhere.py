"""What other languages write, where the grammar cannot go on: rules of `explain`, each of one construct."""

from __future__ import annotations

from rnnc.syntax.errors.place import Place, Problem, Repair, problem
from rnnc.syntax.errors.signs import CLOSERS, OPENERS, begins_statement
from rnnc.syntax.errors.subscripts import is_state
from rnnc.syntax.tokens import Token

NAMES = frozenset({"NAME", "PRIMED"})
_SELF = frozenset({"self", "this"})
_LOOPS = {  # statements of other languages: what there is
    "while": "a cell is one step, so the steps are the loop; `where(test, a, b)` chooses, `for k in 0..n` unrolls",
    "switch": "write `if test { … } else { … }`",
    "match": "write `if test { … } else { … }`",
    "unless": "write `if not test { … }`",
    "try": "nothing fails while a cell runs: leave it out",
    "assert": "nothing runs while a description is read: leave it out",
    "raise": "nothing runs while a description is read: leave it out",
    "print": "nothing runs while a description is read: `--expose` shows an equation",
    "from": 'write `import LSTM from "cells.rnn"`; functions such as `tanh` need no import',
}


def destructuring(place: Place) -> Problem | None:
    """`i, f = …`, `gate i, f = …`, `[i, f] = …`, `(i, f) = …`: several names before one `=`."""
    line = place.tokens[place.first :]
    end = next((k for k, token in enumerate(line) if token.type in ("EQUAL", "NEWLINE", "$END")), len(line))
    written = [token for token in line[:end] if token.type not in ("LPAR", "RPAR", "LSQB", "RSQB")]
    kind = written[0].keyword if len(written) > 3 and written[1].type in NAMES else None
    written = written[1:] if kind in ("GATE", "LET", "USE") else written
    is_list = len(written) > 2 and all(
        token.type == "COMMA" if k % 2 else token.type in NAMES for k, token in enumerate(written)
    )
    if not is_list or end == len(line) or line[end].type != "EQUAL" or place.at >= place.first + end:
        return None
    fix = "give the value a name, `z = …`: parts are `z[gate = 0]`, results of a function `z[0]`, outputs `z.y`"
    if kind in ("GATE", "LET", "USE"):
        fix = f"write one `{kind.lower()} {written[0].text} = …` for each"
    return problem("E142", "an equation defines one name", written[0].span.to(written[-1].span), fix)


def in_function(place: Place) -> bool:
    """Is this within a function?"""
    words = (token.keyword for token in reversed(place.tokens[: place.first]))
    return next((word for word in words if word in ("FN", "CELL", "NETWORK")), None) == "FN"


def several_results(place: Place) -> Problem | None:
    """`return a, b`"""
    if place.token.type != "COMMA" or place.opened is not None or place.tokens[place.first].keyword != "RETURN":
        return None
    return problem("E142", "a function returns one value, or a list", place.token.span, "write `return [a, b]`")


def derived(place: Place) -> Problem | None:
    """`cell D(units) extends LSTM(units) { … }`"""
    first = place.tokens[place.first].keyword
    if first not in ("CELL", "NETWORK") or place.token.text not in ("extends", "inherits", "derives", "from", "of"):
        return None
    fix = "a variant is written `cell D(units) = LSTM(units) with { … }`"
    return problem("E131", f"`{place.token.text}` is a word of another language", place.token.span, fix)


def type_of_a_parameter(place: Place) -> Problem | None:
    """`cell A(units: int = 4)`"""
    kind = place.before
    if place.token.type != "EQUAL" or kind is None or kind.text not in ("int", "float", "bool", "str", "list", "size"):
        return None
    fix = "leave it out: what stands behind `=` says what a parameter is"
    return problem("E146", f"`{kind.text}` is no kind of parameter: `cell` and `fn` are", kind.span, fix)


def declared_behind(place: Place) -> str | None:
    """The remedy for `inputs: x[n]`."""
    word = place.before.text.removesuffix("s") if place.before is not None and place.at == place.first + 1 else ""
    return f"write `{word} {place.after.text}[…]`" if word in ("input", "state", "output", "param") else None


def bars(place: Place) -> Problem | None:
    """`|x|`"""
    if place.token.type != "VBAR" or not {"NUMBER", "NAME"} <= place.expected:
        return None
    return problem("E142", "`|` does not begin an expression", place.token.span, "a magnitude is written `abs(x)`")


def function_without_a_name(place: Place) -> Problem | None:
    """`lambda v: v`"""
    word = place.before
    if word is None or word.text != "lambda" or place.token.type not in NAMES | {"COLON"}:
        return None
    message = "`lambda` is a word of another language"
    return problem("E131", message, word.span, "define it: `fn f(v) { return … }`, and write `f`")


def condition_first(place: Place) -> Problem | None:
    """`z = if a then b else c`, `if a then { … }`"""
    token = place.token
    if token.type == "IF" and "NUMBER" in place.expected:
        return problem("E142", "`if` begins no expression", token.span, "write `value if test else other`")
    if token.text == "then" and place.is_after_operand:
        repair = Repair(place.at, place.at + 1, ()) if place.after.type == "LBRACE" else None
        return problem("E131", "`then` is a word of another language", token.span, "write `if test { … }`", repair)
    return None


def foreign_statement(place: Place) -> Problem | None:
    """`while a > b { … }`, `from torch import nn`"""
    word = place.tokens[place.first]
    if word.text not in _LOOPS or word.type != "NAME" or place.at - place.first > 1 or place.token.type == "EQUAL":
        return None
    return problem("E131", f"`{word.text}` is a word of another language", word.span, _LOOPS[word.text])


def foreign_import(place: Place) -> Problem | None:
    """`import numpy as np`, `import torch.nn`"""
    word = place.tokens[place.first]
    if word.keyword != "IMPORT" or "CELL" not in place.starts or place.token.type not in ("NEWLINE", "DOT", "$END"):
        return None
    if place.at < place.first + 2 or place.tokens[place.first + 1].type == "STRING":
        return None
    end = place.tokens[place.at - 1].span
    message = "an import names a file of definitions"
    return problem("E142", message, word.span.to(end), _LOOPS["from"])


def comment(place: Place) -> Problem | None:
    """`// text`: where a statement could begin, or words that follow one another behind it."""
    first = next((k for k in range(place.first, place.at + 1) if place.tokens[k].text == "//"), None)
    if first is None:
        return None
    is_text = place.at - first >= 2 and place.is_after_operand and place.token.type in NAMES
    if first != place.first and not is_text:
        return None
    return problem("E130", "comments begin with `#`", place.tokens[first].span, "write `# …`")


_SHIFTS = {">": ("//", "x // 2 ** n"), "<": ("*", "x * 2 ** n")}


def shifted(place: Place) -> Problem | None:
    """`x >> 1`"""
    token, before = place.token, place.before
    if before is None or token.text not in _SHIFTS or before.text != token.text:
        return None
    if before.span.end != token.span.start:
        return None
    sign, written = _SHIFTS[token.text]
    kind = next((t.type for t in place.tokens if t.text == sign), "")
    repair = Repair(place.at - 1, place.at + 1, (Token(kind, sign, token.span),)) if kind else None
    message = f"the language has no `{2 * token.text}`"
    return problem("E130", message, before.span.to(token.span), f"shifted by n places is `{written}`", repair)


_ONE = {"USE": "a `use` brings one inner cell", "LET": "a `let` names one value"}


def several_equations(place: Place) -> Problem | None:
    """`use f = A(4), g = B(4)`, `let n = 4, m = 3`, `y = x, z = x`; `y = a, b`"""
    head = place.tokens[place.first]
    kind = head.keyword.lower() if head.keyword in ("USE", "LET", "GATE") else None
    is_equation = any(token.type == "EQUAL" for token in place.tokens[place.first : place.at])
    if place.token.type != "COMMA" or place.opened is not None or not is_equation:
        return None
    if kind is None and head.type not in NAMES:
        return None
    message = _ONE.get(head.keyword or "", "an equation gives one value")
    word, behind = place.after, place.tokens[min(place.at + 2, len(place.tokens) - 1)]
    if word.type not in NAMES or behind.type not in ("EQUAL", "LSQB"):
        return problem("E142", message, place.token.span, "give every value a name and a line of its own")
    newline = place.replaced("NEWLINE")
    repair = Repair(newline.start, newline.end, (*newline.tokens, *((head,) if kind else ())))
    written = f"{kind} {word.text}" if kind else word.text
    return problem("E142", message, place.token.span, f"write `{written} = …` on a line of its own", repair)


def dotted_target(place: Place) -> Problem | None:
    """`f.h = …`, `self.h = …`, `drop f.h`"""
    token, before = place.token, place.before
    if token.type != "DOT" or before is None or before.type not in NAMES:
        return None
    span, name = before.span.to(place.after.span), place.after.text
    if place.tokens[place.first].keyword == "DROP" and place.opened is None:
        message = f"`{before.text}.{name}` is a state of `{before.text}`, and stays there"
        return problem("E144", message, span, f"what it is carried as goes with `drop carry {span.text}`")
    if "EQUAL" not in place.expected:
        return None
    if before.text in _SELF:
        message = f"there is no `{before.text}`: names stand alone"
        return problem("E144", message, span, f"write `{name}{chr(39) * is_state(place, name)} = …`")
    used, state = before.text, name.rstrip("'")
    fix = f"`carry {used}.{state} = …` is what the next step finds in it, `{used}(x, {state} = …)` what this one does"
    return problem("E144", "a dotted name can only be defined by `carry`", span, fix)


def pair_in_brackets(place: Place) -> Problem | None:
    """`f(x, (h, c))`, `z = (a, b)`"""
    at = place.opened
    if place.token.type != "COMMA" or "COMMA" in place.expected or at is None or place.tokens[at].type != "LPAR":
        return None
    if at and place.tokens[at - 1].type in NAMES | {"RPAR", "RSQB"}:
        return None
    fix = "several values are a list, `[a, b]`"
    if at and place.tokens[at - 1].type in ("LPAR", "COMMA"):
        fix = f"{fix}, and arguments stand side by side, `f(a, b)`; a state is given by its name, `f(x, h = …)`"
    return problem("E142", "round brackets hold one value", place.token.span, fix)


def arrow(place: Place) -> Problem | None:
    """`h' <- tanh(x)`"""
    token, after = place.token, place.after
    if (
        token.text != "<"
        or after.type != "MINUS"
        or after.span.start != token.span.end
        or "EQUAL" not in place.expected
    ):
        return None
    repair = Repair(place.at, place.at + 2, (Token("EQUAL", "=", token.span),))
    return problem(
        "E130", "the language has no `<-`", token.span.to(after.span), "an equation is written with `=`", repair
    )


def header_in_parentheses(place: Place) -> Problem | None:
    """`for (k in 0..3) { … }`"""
    token, before = place.token, place.before
    if token.type != "LPAR" or before is None or before.type != "FOR" or place.expected != {"NAME"}:
        return None
    depth, end = 0, place.at
    for end in range(place.at, len(place.tokens)):
        depth += (place.tokens[end].type in OPENERS) - (place.tokens[end].type in CLOSERS)
        if depth == 0:
            break
    inside = tuple(place.tokens[place.at + 1 : end])
    message = "what stands between `for` and `{` has no parentheses"
    return problem("E142", message, token.span, "write `for k in 0..n { … }`", Repair(place.at, end + 1, inside))


def statements_with_commas(place: Place) -> Problem | None:
    """`a = 1, gate b = 2`"""
    if place.token.type != "COMMA" or "NEWLINE" not in place.expected or "COMMA" in place.expected:
        return None
    before, after = place.before, place.after
    if before is not None and before.type == "NUMBER" and after.type == "NUMBER" and len(after.text) == 3:
        repair = Repair(place.at - 1, place.at + 2, (before,))
        fix = f"write `{before.text}_{after.text}`"
        return problem("E113", "a number has no commas", before.span.to(after.span), fix, repair)
    if after.keyword is None or not begins_statement(place.tokens, place.at + 1):
        return None
    repair = place.replaced("NEWLINE")
    return problem(
        "E124", "a newline ends a statement", place.token.span, "remove the `,`; one statement a line", repair
    )


def missing_in(place: Place) -> Problem | None:
    """`for k of 0..n`"""
    token = place.token
    if "IN" not in place.expected:
        return None
    is_substitute = token.type in ("EQUAL", "COLON") or token.text in ("of", "from", "over")
    repair = place.replaced("IN") if is_substitute else place.inserted("IN")
    return problem("E143", "`for` needs `in` behind its name", token.span, "write `for k in 0..n`", repair)


def definition_without_a_name(place: Place) -> Problem | None:
    """`cell (units) { … }`, `fn { … }`"""
    word, token = place.tokens[place.first], place.token
    if place.at != place.first + 1 or word.keyword not in ("CELL", "NETWORK", "FN") or place.expected != {"NAME"}:
        return None
    if token.type not in ("LPAR", "LBRACE", "EQUAL", "STRING", "NUMBER"):
        return None
    name = Token("NAME", "nameless", token.span)
    repair = Repair(place.at, place.at + (token.type in ("STRING", "NUMBER")), (name,))
    what = "function" if word.keyword == "FN" else word.text
    return problem("E142", f"a {what} has a name", token.span, f"write `{word.text} NAME(…) {{ … }}`", repair)


def missing_operator(place: Place) -> Problem | None:
    """`W x`, `2 h`, `f(x h)`"""
    token, before = place.token, place.before
    if before is None or not place.is_after_operand or token.type not in NAMES | {"NUMBER", "STRING", "LPAR", "NOT"}:
        return None
    if "EQUAL" in place.expected and "PLUS" not in place.expected:  # `let n 3`
        return None
    if token.text == "where":
        return problem("E141", "`where` is a function", token.span, "write `where(test, a, b)`")
    what = "an operator or a comma" if "COMMA" in place.expected else "an operator"
    message = f"{what} is missing between `{before.text}` and `{token.text}`"
    return problem("E141", message, token.span, _product(place))


def _product(place: Place) -> str | None:
    """How a product is written, where two factors stand side by side."""
    token, before = place.token, place.before
    if before is None or token.type not in NAMES | {"LPAR"} or before.type not in NAMES | {"NUMBER", "RPAR"}:
        return None
    if before.type in NAMES and before.text[0].isupper() and token.type in NAMES:
        return f"write `{before.text} @ {token.text}`, or `linear(x, h)`, which brings its own matrices"
    at = place.opened
    in_call = at is not None and place.tokens[at - 1].type in NAMES and "COMMA" in place.expected
    if in_call and before.type in NAMES and token.type in NAMES:
        return f"write `{before.text}, {token.text}`, or `{before.text} * {token.text}`"
    return "a product is written with `*`"
