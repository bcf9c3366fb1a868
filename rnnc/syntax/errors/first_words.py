"""What is wrong with the first word of a statement, or with a statement where it stands."""

from __future__ import annotations

import difflib

from rnnc.diagnostics import Diagnostic
from rnnc.syntax.errors import indentation
from rnnc.syntax.errors.elsewhere import NAMES, in_function
from rnnc.syntax.errors.place import Place, Problem, Repair, problem
from rnnc.syntax.errors.signs import CLOSERS, OPENERS, begins_statement
from rnnc.syntax.tokens import Token

_FOREIGN = {
    **dict.fromkeys(("def", "func", "function", "fun"), "fn"),
    **dict.fromkeys(("class", "struct", "module", "layer"), "cell"),
    **dict.fromkeys(("model", "net"), "network"),
    **dict.fromkeys(("var", "const", "val"), "let"),
    **dict.fromkeys(("include", "using", "require"), "import"),
    **dict.fromkeys(("weight", "parameter", "trainable", "variable"), "param"),
    **dict.fromkeys(("buffer", "constant"), "fixed"),
    **dict.fromkeys(("del", "delete", "remove"), "drop"),
    "in": "input",
    **dict.fromkeys(("out", "emit", "yield"), "output"),
    **dict.fromkeys(("hidden", "memory", "register"), "state"),
}
_LAYOUT_WORDS = frozenset({"SCOPE", "ORDER", "MASK"})
_STATEMENTS = "an equation, a declaration or another statement"


def misspelt_keyword(place: Place) -> Problem | None:
    """`gat i = …`, `ouput h'`, `def f(x) {`: where a statement could have begun with another word."""
    if place.at - place.first > 1:
        return None
    word = place.tokens[place.first]
    is_foreign_keyword = word.keyword is not None and word.keyword in place.starts
    declares = word.type == "IN" and place.after.type in NAMES  # `in x[input]`
    if is_foreign_keyword or not (word.type == "NAME" or declares):
        return None
    if place.at > place.first and place.token.type not in NAMES | {"NUMBER", "STRING", "LPAR"}:
        return None
    words = {place.spelling[name]: name for name in place.starts if place.spelling.get(name, "").isidentifier()}
    foreign = _FOREIGN.get(word.text.lower())
    if foreign == "fn" and foreign in words:
        foreign = indentation.kind_of_block(place.tokens, place.first)
    near = [foreign] if foreign in words else difflib.get_close_matches(word.text.lower(), words, n=1, cutoff=0.7)
    if not near:
        return None
    if place.token.type == "LPAR" and place.at > place.first:  # a call, `drops(x)`; no keyword is followed by `(` …
        return None
    terminal = words[near[0]]
    code, message = "E140", f"`{word.text}` is no keyword"
    if declares:
        message = "`in` begins no statement"
    elif foreign in words:
        code, message = "E131", f"`{word.text}` is a word of another language"
    is_reserved = terminal in ("FOR", "IF")
    token = Token(terminal if is_reserved else "NAME", near[0], word.span, None if is_reserved else terminal)
    repair = Repair(place.first, place.first + 1, (token,))
    fix, is_certain = f"did you mean `{near[0]}`?", word.text.lower() == near[0]
    return Problem(Diagnostic(code, message, word.span, fix=fix, mended=is_certain), repair)


def unknown_keyword(place: Place) -> Problem | None:
    """`foo h[units]`: two names, of which the first is near no word of the language."""
    word = place.tokens[place.first]
    if place.at != place.first + 1 or word.type != "NAME" or word.keyword is not None:
        return None
    if place.token.type not in NAMES or "EQUAL" not in place.expected:
        return None
    words = sorted(filter(str.isidentifier, (place.spelling.get(name, "") for name in place.starts)))
    fix = f"a statement begins with {', '.join(f'`{one}`' for one in words)}, or is an equation, `name = …`"
    return problem("E140", f"`{word.text}` is no keyword", word.span, fix)


def keyword_alone(place: Place) -> Problem | None:
    """`return` without a value, `state c'[units]`: a keyword with something behind it that it does not take."""
    word, token = place.tokens[place.first], place.token
    if place.at != place.first + 1 or word.keyword not in place.starts or "EQUAL" not in place.expected:
        return None
    if token.type == "PRIMED":
        fix = f"write `{token.text[:-1]}`"
        return problem("E115", f"`{word.text}` names states and values without a prime", token.span, fix)
    if is_reserved(token):
        return reserved(token)
    needs = "an expression" if word.keyword in ("OUTPUT", "RETURN") else "a name"
    return problem("E141", f"{needs} is missing after `{word.text}`", word.span)


def docstring_inside(place: Place) -> Problem | None:
    """`cell A(n) { \"\"\"…\"\"\"`: documentation where Python has it."""
    token = place.token
    if token.type != "DOC" or "CELL" in place.starts:
        return None
    fix, repair = "put it before `cell`, or make it a comment, `# …`", Repair(place.at, place.at + 1, ())
    return problem("E144", "a docstring stands before a definition, not in it", token.span, fix, repair)


def nested_definition(place: Place) -> Problem | None:
    word = place.tokens[place.first]
    keyword = word.keyword or _FOREIGN.get(word.text, "").upper()
    if place.at != place.first + 1 or keyword not in ("CELL", "FN", "NETWORK", "IMPORT") or keyword in place.starts:
        return None
    message, fix = "definitions stand at the top level of a file", "move it out of this block"
    return problem("E144", message, word.span, fix, Repair(place.first, _behind_block(place), ()))


def _behind_block(place: Place) -> int:
    """Where the next statement begins, behind the block of this one if it has one."""
    depth = 0
    for at in range(place.at, len(place.tokens)):
        depth += (place.tokens[at].type == "LBRACE") - (place.tokens[at].type == "RBRACE")
        if depth < 0:
            return at
        if depth == 0 and place.tokens[at].type == "NEWLINE":
            return at + 1
    return len(place.tokens) - 1


def misplaced_layout_word(place: Place) -> Problem | None:
    word = place.tokens[place.first]
    if place.at != place.first + 1 or word.keyword not in _LAYOUT_WORDS or word.keyword in place.starts:
        return None
    if place.token.type not in ("NAME", "STRING"):
        return None
    message = f"`{word.text}` belongs in a layout"
    return problem("E144", message, word.span, f"write `layout name {{ {word.text} … }}`")


def outside_definition(place: Place) -> Problem | None:
    """An equation at the top level of a file, or any word that begins no definition."""
    if "CELL" not in place.starts or place.at != place.first or place.token.type not in NAMES:
        return None
    word = place.token
    if begins_statement(place.tokens, place.at):
        message = "equations and declarations belong in a definition"
        fix = "write it between the braces of one, `cell Name { … }`"
        return problem("E144", message, word.span, fix)
    message = f"a definition begins with `cell`, `fn`, `network` or `import`, not with `{word.text}`"
    return problem("E142", message, word.span)


def statement_in_layout(place: Place) -> Problem | None:
    if "SCOPE" not in place.starts or place.at != place.first or place.token.type not in NAMES:
        return None
    message = "a layout holds entries, `scope`, `order`, `mask`, `for` and `if`"
    return problem("E144", message, place.token.span, 'an entry is `"foreign name" = i.x`')


def expression_statement(place: Place) -> Problem | None:
    """`tanh(x)` alone on a line."""
    is_start = place.at == place.first
    if "GATE" in place.starts and is_start and place.token.type in ("NUMBER", "LPAR", "MINUS", "STRING"):
        if place.token.type == "STRING":
            return problem("E144", "entries of foreign names belong in a layout", place.token.span)
        if place.token.type != "MINUS":
            return problem("E142", f"a line holds {_STATEMENTS}", place.token.span, "write `name = …`")
    if place.at == place.first + 1 and place.token.type in ("LPAR", "NEWLINE", "RBRACE") and "EQUAL" in place.expected:
        name = place.tokens[place.first]
        fix = "write `return …`" if in_function(place) else "give it a name: `name = …`"
        if place.token.type == "LPAR" and _is_defined(place):  # `h(t) = …`
            message = "an equation defines a name, not a call"
            return problem(
                "E142", message, name.span, f"write `{name.text}' = …` of a state, `{name.text} = …` of a value"
            )
        return problem("E142", "an expression alone is no statement", name.span, fix)
    return None


def _is_defined(place: Place) -> bool:
    """Does `=` follow the bracket that opens here?"""
    depth = 0
    for at in range(place.at, len(place.tokens) - 1):
        depth += (place.tokens[at].type in OPENERS) - (place.tokens[at].type in CLOSERS)
        if depth == 0:
            return place.tokens[at + 1].type == "EQUAL"
    return False


def is_reserved(token: Token) -> bool:
    return token.text.isidentifier() and token.type not in NAMES


def reserved(token: Token) -> Problem:
    message = f"`{token.text}` is a reserved word, not a name"
    return problem("E142", message, token.span, f"write `{token.text}_`, for example")
