"""What is wrong where the grammar cannot go on: from the state of the parser to a message that helps.

Each rule below knows one slip. The first that recognises the place explains it, and may say how to mend the tokens, so
that the statement is still read and one slip is one diagnostic.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from rnnc.diagnostics import Span
from rnnc.syntax.errors import as_names, elsewhere, first_words, indentation, subscripts
from rnnc.syntax.errors.expectations import expectation
from rnnc.syntax.errors.first_words import is_reserved, reserved
from rnnc.syntax.errors.place import Place, Problem, Repair, problem
from rnnc.syntax.errors.signs import CLOSERS, OPENERS, begins_statement
from rnnc.syntax.tokens import Token

_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_BINARY = _COMPARISONS | frozenset({"+", "-", "*", "/", "//", "%", "@", "**", "..", "and", "or"})
_NEVER_FIRST = frozenset({"IN", "AS", "WITH"})  # where an expression begins these were meant as names


def explain(place: Place) -> Problem:
    """The problem at a place where the parser cannot go on."""
    for rule in _RULES:
        found = rule(place)
        if found is not None:
            return found
    return _unexpected(place)


# --- signs that are nearly right ---------------------------------------------------------------------------


def _all_places(place: Place) -> str | None:
    """The remedy for a part that is assigned, `h'[n = 2] = 0`: an equation of all places."""
    tokens, first = place.tokens, place.first
    if all(token.type != "LSQB" for token in tokens[first : place.at]):
        return None
    is_plain = place.opened == first + 1 and tokens[first].type in ("NAME", "PRIMED") and place.at == first + 3
    name, axis = (tokens[first].text, tokens[first + 2].text) if is_plain else ("v", "slot")
    changed = f"`{name} = where(places({axis}: n) == k, new, old)`"
    return f"an equation gives all places: {changed}, or `concat` of the parts"


def _size_of_an_axis(place: Place) -> Problem | None:
    """`state m[head = 2, unit]`"""
    opened, name, size = place.opened, place.before, place.after
    is_declared = place.tokens[place.first].keyword in ("INPUT", "STATE", "PARAM", "FIXED")
    if place.token.type != "EQUAL" or not is_declared or opened is None or place.tokens[opened].type != "LSQB":
        return None
    is_named = name is not None and name.type == "NAME" and place.at - 1 in _beginnings(place, opened)
    if name is None or not is_named or size.type not in ("NAME", "NUMBER"):
        return None
    fix = f"write `{name.text}: {size.text}`"
    return problem("E134", "the size of an axis is told by `:`", place.token.span, fix, place.replaced("COLON"))


def _beginnings(place: Place, opened: int) -> list[int]:
    """Where an axis begins in brackets: behind them and behind every comma."""
    return [opened + 1, *(at + 1 for at in range(opened, place.at) if place.tokens[at].type == "COMMA")]


def _equality(place: Place) -> Problem | None:
    token, expected = place.token, place.expected
    equals = next((name for name, text in place.spelling.items() if text == "=="), "")
    if token.type == "EQUAL" and _names_an_output(place):
        fix = f"write `output {place.tokens[place.at - 1].text}: …`"
        colon = place.replaced("COLON") if "COLON" in expected else None
        return problem("E133", "`=` defines; an output is named with `:`", token.span, fix, colon)
    head = place.tokens[place.first]
    if token.type == "EQUAL" and head.keyword == "NETWORK" and "LBRACE" in expected:
        fix = f"write `{_cell_for_network(head, token)} = …`"
        return problem("E142", "a variant is defined by the word `cell`, also that of a network", head.span, fix)
    first = place.tokens[place.first : place.at]
    if token.type == "EQUAL" and first and first[0].keyword == "RETURN" and place.opened is None:
        return _returned_equation(place)
    if token.type == "EQUAL" and (listed := _option_in_a_list(place)) is not None:
        return listed
    is_defined = any(t.type in ("EQUAL", "IF") for t in first)  # what comes behind is a value
    if token.type == "EQUAL" and (equals in expected or (place.is_after_operand and is_defined)):
        return problem("E133", "`=` defines, it does not compare", token.span, "write `==`", place.replaced(equals))
    if token.type == equals and "EQUAL" in expected:
        message = "`==` compares, it does not define"
        return problem("E133", message, token.span, "write `=`", place.replaced("EQUAL"))
    if token.type == "EQUAL" and place.is_after_operand:
        fix = _all_places(place) or "write `==` to compare"
        return problem("E142", "only a name can be defined", token.span, fix)
    return None


def _returned_equation(place: Place) -> Problem:
    """`return h' = …`"""
    fix = "write the equation on a line of its own, and `return` a value"
    if not elsewhere.in_function(place):
        fix = "write the equation alone; what a cell gives is told by `output`"
    return problem("E142", "`return` takes a value, not an equation", place.token.span, fix)


def _option_in_a_list(place: Place) -> Problem | None:
    """`linear([x, bias = false])`: an option within the list of the operands."""
    opened, tokens = place.opened, place.tokens
    if opened is None or tokens[opened].type != "LSQB" or place.at < 2 or opened < 2:
        return None
    is_argument = tokens[opened - 1].type in ("LPAR", "COMMA") and tokens[place.at - 2].type in ("COMMA", "LSQB")
    if not is_argument or tokens[place.at - 1].type != "NAME":
        return None
    fix = f"close the list before it, `f([…], {tokens[place.at - 1].text} = …)`; `linear` takes operands without one"
    return problem("E142", "options stand in the call, not in a list", place.token.span, fix)


def _cell_for_network(head: Token, equal: Token) -> str:
    """`cell Deep(units)` of `network Deep(units) =`"""
    return "cell" + head.span.source.text[head.span.end : equal.span.start].rstrip()


def _function_without_braces(place: Place) -> Problem | None:
    """`fn double(v) = 2 * v`"""
    word = place.tokens[place.first]
    if place.token.type != "EQUAL" or word.keyword != "FN" or "LBRACE" not in place.expected:
        return None
    end = next(token.span.start for token in place.tokens[place.at :] if token.type in ("NEWLINE", "$END"))
    head, body = (
        word.span.source.text[a:b].strip()
        for a, b in ((word.span.start, place.token.span.start), (place.token.span.end, end))
    )
    fix = f"write `{head} {{ return {body or '…'} }}`"
    return problem("E133", "a function has its body in braces", place.token.span, fix)


def _names_an_output(place: Place) -> bool:
    """`output z = 2 * x`, `output h', c = c'`: a name behind the keyword, or behind a comma."""
    if place.tokens[place.first].keyword != "OUTPUT" or place.at < place.first + 2 or place.opened is not None:
        return False
    name, before = place.tokens[place.at - 1], place.tokens[place.at - 2]
    return name.type == "NAME" and (place.at == place.first + 2 or before.type == "COMMA")


def _colon_for_equals(place: Place) -> Problem | None:
    token, before = place.token, place.before
    if token.type == "COLON" and "EQUAL" in place.expected and place.after.type not in ("NEWLINE", "LBRACE"):
        fix = elsewhere.declared_behind(place) or "write `=`"
        return problem("E134", "`:` does not define", token.span, fix, place.replaced("EQUAL"))
    if before is not None and before.type == "COLON" and {"FN", "CELL"} <= place.expected:
        repair = Repair(place.at - 1, place.at, (Token("EQUAL", "=", before.span),))
        return problem("E134", "the default of a parameter comes after `=`", before.span, "write `=`", repair)
    return None


def _choice_or_kind(place: Place) -> Problem | None:
    """`inner: sell`: one word after the colon of a parameter, and no kind."""
    before = place.before
    if before is None or "VBAR" not in place.expected or before.type != "NAME":
        return None
    if before.text in ("cell", "fn") or place.tokens[place.at - 2].type == "VBAR":
        return None
    near = difflib.get_close_matches(before.text, ("cell", "fn"), n=1)
    fix = f"did you mean `{near[0]}`?" if near else "choices are written `before | after`"
    return problem("E146", f"`{before.text}` is no kind of parameter: `cell` and `fn` are", before.span, fix)


def _parameters_without_a_comma(place: Place) -> Problem | None:
    """`cell A(inner: cell units)`, `cell A(m n = 3)`"""
    token, before = place.token, place.before
    if place.tokens[place.first].keyword not in ("CELL", "FN", "NETWORK") or before is None or place.opened is None:
        return None
    is_kind = before.text in ("cell", "fn") and place.tokens[place.at - 2].type == "COLON"
    if token.type != "NAME" or not (is_kind or ("COMMA" in place.expected and "NUMBER" not in place.expected)):
        return None
    if "NAME" in place.expected or (not is_kind and "PLUS" in place.expected):  # in a default
        return None
    comma = place.inserted("COMMA")
    if is_kind and before.keyword is not None:  # read as a name, because of what follows
        comma = Repair(place.at - 1, place.at, (Token(before.keyword, before.text, before.span), *comma.tokens))
    message = f"a comma is missing between `{before.text}` and `{token.text}`"
    return problem("E141", message, token.span, f"write `{before.text}, {token.text}`", comma)


def _block_colon(place: Place) -> Problem | None:
    token = place.token
    is_header = "LBRACE" in place.expected or ("IF" in place.expected and place.after.type in ("NEWLINE", "LBRACE"))
    if token.type != "COLON" or not is_header:
        return None
    fix, repair = "write `{ … }` instead of the `:`", indentation.braced(place.tokens, place.first, place.at)
    if place.after.type == "LBRACE":
        fix, repair = "remove the `:`", Repair(place.at, place.at + 1, ())
    return problem("E132", "a block stands in braces, without a colon", token.span, fix, repair)


def _chained_comparison(place: Place) -> Problem | None:
    token = place.token
    if token.text not in _COMPARISONS or not place.is_after_operand or token.type in place.expected:
        return None
    return problem("E135", "comparisons do not chain", token.span, "write `a < b and b < c`")


def _comprehension_among_arguments(place: Place) -> Problem | None:
    """`stack_axis(q[k] for k in 0..3, axis = hop)`"""
    at = place.opened
    if place.token.type != "COMMA" or at is None or place.tokens[at].type != "LPAR":
        return None
    inside, depth = place.tokens[at + 1 : place.at], 0
    for token in inside:
        depth += (token.type in OPENERS) - (token.type in CLOSERS)
        if token.type == "FOR" and depth == 0:
            fix = "put it in parentheses: `f((v for k in 0..n), …)`"
            message = "a comprehension among other arguments stands in parentheses"
            return problem("E142", message, inside[0].span.to(inside[-1].span), fix)
    return None


# --- lines -------------------------------------------------------------------------------------------------


def _two_statements(place: Place) -> Problem | None:
    if "NEWLINE" not in place.expected or place.before is None:
        return None
    token = place.token
    begins = begins_statement(place.tokens, place.at) or token.type in ("FOR", "IF")
    if not begins and place.before.type != "RBRACE":
        return None
    message = "a statement ends with its line" if place.before.type != "RBRACE" else "after `}` comes a new line"
    return problem("E123", message, token.span, "begin a new line here", place.inserted("NEWLINE"))


def _open_line(place: Place) -> Problem | None:
    """A line that ends in an operator, or begins with one."""
    token, before = place.token, place.before
    fix = "put the expression in parentheses: a newline in them is a space"
    if token.type == "NEWLINE" and before is not None and before.text in _BINARY:
        message = f"the line ends after `{before.text}`, and with it the statement"
        return problem("E125", message, before.span, fix, Repair(place.at, place.at + 1, ()))
    if place.at == place.first and token.text in _BINARY and place.first > 0:
        return problem("E125", f"a statement cannot begin with `{token.text}`", token.span, fix)
    return None


# --- names -------------------------------------------------------------------------------------------------


def _misspelt_word(place: Place) -> Problem | None:
    """`a if b els c`: a name where only a word of the language could be meant."""
    if place.token.type != "NAME" or "NAME" in place.expected:
        return None
    words = {place.spelling[name]: name for name in place.expected if place.spelling.get(name, "").isidentifier()}
    near = difflib.get_close_matches(place.token.text.lower(), words, n=1, cutoff=0.7)
    if not near:
        return None
    repair = place.replaced(words[near[0]])
    message = f"`{place.token.text}` is no keyword"
    return problem("E140", message, place.token.span, f"did you mean `{near[0]}`?", repair)


def _reserved_name(place: Place) -> Problem | None:
    """`in = x`, `gate as = …`, `z = 2 * in`"""
    token = place.token
    if "NAME" not in place.expected or not is_reserved(token):
        return None
    is_expression = "NUMBER" in place.expected and place.after.type not in ("COLON", "EQUAL")
    if is_expression and token.type not in _NEVER_FIRST:
        return None
    return reserved(token)


def _primed_name(place: Place) -> Problem | None:
    token = place.token
    if token.type != "PRIMED" or "NAME" not in place.expected or "PRIMED" in place.expected:
        return None
    fix = f"write `{token.text[:-1]}`"
    return problem("E115", "a prime marks what a state becomes; it has no place here", token.span, fix)


def _unexpected(place: Place) -> Problem:
    token = place.token
    needs = expectation(place.expected, place.spelling)
    if token.type == "NEWLINE":
        end = Span(token.span.source, token.span.start, token.span.start)
        return problem("E141", f"the line ends where {needs} should come", end)
    if token.type == "$END":
        return problem("E141", f"the text ends where {needs} should come", token.span)
    return problem("E142", f"`{token.text}` where {needs} should come", token.span)


_RULES: tuple[Callable[[Place], Problem | None], ...] = (
    first_words.docstring_inside,
    indentation.definition,
    first_words.nested_definition,
    elsewhere.destructuring,
    elsewhere.several_results,
    elsewhere.derived,
    elsewhere.type_of_a_parameter,
    subscripts.place_on_an_axis,
    _comprehension_among_arguments,
    subscripts.axes_in_parentheses,
    subscripts.axes_out_of_place,
    subscripts.index_behind_index,
    subscripts.index_behind_as,
    subscripts.number_of_an_axis,
    as_names.name_behind_no_call,
    elsewhere.bars,
    elsewhere.shifted,
    elsewhere.comment,
    elsewhere.foreign_import,
    elsewhere.foreign_statement,
    elsewhere.function_without_a_name,
    elsewhere.definition_without_a_name,
    elsewhere.condition_first,
    first_words.keyword_alone,
    first_words.misspelt_keyword,
    first_words.unknown_keyword,
    first_words.misplaced_layout_word,
    first_words.outside_definition,
    first_words.statement_in_layout,
    first_words.expression_statement,
    elsewhere.arrow,
    elsewhere.header_in_parentheses,
    elsewhere.missing_in,
    _function_without_braces,
    _size_of_an_axis,
    _equality,
    _colon_for_equals,
    _choice_or_kind,
    _parameters_without_a_comma,
    _block_colon,
    _chained_comparison,
    _misspelt_word,
    _two_statements,
    _open_line,
    _reserved_name,
    _primed_name,
    elsewhere.statements_with_commas,
    elsewhere.several_equations,
    elsewhere.dotted_target,
    elsewhere.pair_in_brackets,
    elsewhere.missing_operator,
)
