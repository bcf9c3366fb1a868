"""Slips in the spelling of single words and signs: what other languages write, and what only looks right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from rnnc.syntax.spelling.foreign_options import OTHERWISE
from rnnc.syntax.spelling.lookalikes import (
    ACCENTS,
    PRIMES,
    QUOTES,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    WORDS,
    ascii_for,
    named,
    without_accents,
)


@dataclass(frozen=True, slots=True)
class Slip:
    """Text [start, end) that is no token. The carets stand under `shown`; the lexer goes on with `instead`, which is
    `certain` where nothing else can have been meant."""

    code: str
    message: str
    end: int
    shown: tuple[int, int]
    fix: str | None = None
    instead: str = ""
    certain: bool = False


_NUMBER = r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?"
_OPEN_DOC = r'"""(?!(?:.|\n)*?""")'
# A docstring with a quote too few, before a definition: at its beginning, at its end.
_BEFORE_DEFINITION = r"(?=[ \t]*\n(?:[ \t]*\n|#[^\n]*\n)*(?:cell|fn|network)[ \t]+\w+[ \t]*[({=\n])"
_ENTRY = r'"[^"\n]*"[ \t]*=(?!=)'  # of a layout
_DOC_BEGUN = rf'(?<![^\n])(?!{_ENTRY})"{{1,2}}(?!")(?:[^"]|"(?!")){{1,2000}}"{{1,3}}(?!"){_BEFORE_DEFINITION}'
_DOC_ENDED = rf'"""(?:[^"]*(?:"(?!")[^"]*)*""|[^"]*")(?!"){_BEFORE_DEFINITION}'
_DOC_QUOTE = r'(?<=""")"(?=[ \t]*(?:\n|\Z))'
_BAD_NUMBER = rf"(?=[0-9])(?!{_NUMBER}(?![A-Za-z_0-9]|\.(?!\.)))"
_FOREIGN = r"(?:None|True|False|null|elif)\b(?!\s*=(?!=)|')"
_MEMBER = re.compile(r"\b([A-Za-z_]\w*)(\[[^\[\]\n]*\])\Z")
_OPTION = re.compile(r"\b([A-Za-z_]+) *= *\Z")
LONGEST_OPTION = 40
_IN_BRACKET = re.compile(r"([A-Za-z_]\w*'?|[\])])\[[^\[\]=\n]*\Z")  # of a tensor: `w[:, None]`
_IMAGINARY = frozenset({"j", "J", "im", "i"})
_ASSIGNMENT = r"(?:\*\*|//|[-+*/%@])=(?!=)"
# `h_{t-1}`, as LaTeX writes indices
_INDEXED = r"[A-Za-z_][A-Za-z_0-9]*(?:(?<=_)|\^)\{(?=[^{}\n]{1,40}\})[ (]*\w+(?:[ ]*[-+,][ ]*\w+)*[ )]*\}'?"
_SUBSCRIPT = rf"[A-Za-z_][A-Za-z_0-9]*'?[{SUBSCRIPTS}]+"
_ACCENTED = rf"[A-Za-z_][A-Za-z_0-9]*[{''.join(ACCENTS)}]\w*"
_LOOKALIKE_WORD = r"[A-Za-z_0-9]*[^\W\x00-\x7f]\w*"
_LOOKALIKE_PRIME = rf"[A-Za-z_][A-Za-z_0-9]*[{PRIMES}]"

# Slips that the pattern of the tokens would take for one or more tokens.
_DISGUISED_SIGN = r"\.[0-9]|\.[-+*/^]|\|\||->|=>|:=|===|<>|/\*"
_DISGUISES = (
    _DOC_BEGUN,
    _OPEN_DOC,
    _INDEXED,
    _BAD_NUMBER,
    _DISGUISED_SIGN,
    _ASSIGNMENT,
    _FOREIGN,
    _SUBSCRIPT,
    _ACCENTED,
    _LOOKALIKE_WORD,
    _LOOKALIKE_PRIME,
)
DISGUISED = "|".join(_DISGUISES)

_ENDED = re.compile(_DOC_ENDED)
_QUOTED = re.compile(r'"""(?:(?:.|\n)*?(?P<doc>""")|)|"(?:[^"\\\n]|\\.)*(?P<string>"|)|#[^\n]*')
_AFTER_DOC = re.compile(r'\s*(?:#|"""|(?:cell|fn|network|import)\b|\Z)')

_SIGNS: dict[str, tuple[str, str]] = {  # what is written: what to go on with, what to write
    "||": ("or", "write `or`"),
    "&&": ("and", "write `and`"),
    "&": ("and", "write `and`; of numbers `*` is the product"),
    "!": ("not", "write `not`"),
    "~": ("not", "write `not`"),
    "^": ("**", "a power is written `**`"),
    "?": ("if", "write `value if test else other`, and of tensors `where(test, value, other)`"),
    "===": ("==", "write `==`"),
    "<>": ("!=", "write `!=`"),
    ":=": ("=", "an equation is written with `=`"),
    "=>": ("", "a definition has its body in braces"),
    "->": ("", "a definition has its body in braces and does not declare what it returns"),
}
_DOTTED = {".*": "*", "./": "/", ".+": "+", ".-": "-", ".^": "**"}
_COMMANDS = {"sigma": "sigmoid", "top": "", **dict.fromkeys(("odot", "cdot", "times", "circ", "ast", "otimes"), "*")}
_ACCENTS = frozenset({"tilde", "hat", "bar", "dot", "widetilde", "widehat", "overline"})
_WORDS = {"None": "none", "null": "none", "True": "true", "False": "false", "elif": "else if"}


def slip_at(text: str, position: int) -> Slip:
    """What is wrong at a position where no token begins, or only a disguised slip."""
    for pattern, explain in _KINDS:
        match = pattern.match(text, position)
        if match is not None:
            return explain(match)
    raise AssertionError("the last kind matches any character")


def may_end_early(text: str, position: int) -> bool:
    """Does a docstring look as if it were to end before a definition, with a quote too few? It is right as it stands
    where the file can be read so (`reads_on`)."""
    return _ENDED.match(text, position) is not None


def reads_on(text: str, position: int) -> bool:
    """Are all strings and docstrings from this one on closed, and docstrings where they belong?"""
    for match in _QUOTED.finditer(text, position):
        if match[0].startswith('"') and not (match["doc"] or match["string"]):
            return False
        if match["doc"] and not _AFTER_DOC.match(text, match.end()):
            return False
    return True


def _slip(
    match: re.Match[str], code: str, message: str, fix: str | None = None, instead: str = "", certain: bool = False
) -> Slip:
    return Slip(code, message, match.end(), match.span(), fix, instead, certain)


def _sign(match: re.Match[str]) -> Slip:
    instead, fix = _SIGNS[match[0]]
    return _slip(match, "E130", f"the language has no `{match[0]}`", fix, instead)


def _assignment(match: re.Match[str]) -> Slip:
    fix = f"write `new = old {match[0][:-1]} …`"
    return _slip(match, "E130", f"the language has no `{match[0]}`: a name has one value", fix, "=")


def _foreign_word(match: re.Match[str]) -> Slip:
    word, instead = match[0], _WORDS[match[0]]
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
    if word == "elif" and line and not line.endswith("}"):
        instead = "else"  # of `a if test elif b`
    fix = f"write `{instead}`"
    option = _OPTION.search(match.string, max(0, match.start() - LONGEST_OPTION), match.start())
    bracket = _IN_BRACKET.search(match.string, max(0, match.start() - LONGEST_OPTION), match.start())
    if word == "None" and bracket is not None:
        fix = f"an axis more is written `expand({bracket[1] if bracket[1].isidentifier() else 'x'}, axis)`"
    if option is not None and option[1] in OTHERWISE:
        fix += f"; for what is `{option[1]}` elsewhere: {OTHERWISE[option[1]]}"
    return _slip(match, "E131", f"`{word}` is a word of another language", fix, instead)


def _dotted_sign(match: re.Match[str]) -> Slip:
    sign = _DOTTED[match[0]]
    return _slip(
        match, "E130", f"the language has no `{match[0]}`", f"every `{sign}` is elementwise: write `{sign}`", sign
    )


def _indexed(match: re.Match[str]) -> Slip:
    """`h_{t-1}`, `W_{xh}`, `h^{(l)}`"""
    name, _, index = match[0].rstrip("'").partition("{")
    return _of_index(match, name.rstrip("_^") or "_", index.strip("}() "))


def _subscript(match: re.Match[str]) -> Slip:
    """`hₜ₋₁`, `W₁`"""
    name = match[0].rstrip(SUBSCRIPTS)
    index = unicodedata.normalize("NFKD", match[0][len(name) :]).replace("\u2212", "-")
    return _of_index(match, name.rstrip("'"), index)


def _of_index(match: re.Match[str], name: str, index: str) -> Slip:
    message = "indices are no part of a name"
    if re.match(r"t\b", index):
        fix = f"`{name}` is the value of this step; of a state it is the one before, and `{name}'` the one after"
        return _slip(match, "E130", message, fix, name)
    plain = f"{name}_{re.sub(r'[^A-Za-z_0-9]+', '_', index)}"
    return _slip(match, "E130", message, f"write `{plain}`", plain)


def _command(match: re.Match[str]) -> Slip:
    r"""`\tanh`, `\odot`, `\tilde{h}`"""
    word, _, inside = match[0][1:].rstrip("}").partition("{")
    if inside:
        plain = f"{inside}_{word}" if word in _ACCENTS else inside
        return _slip(match, "E130", f"the language has no `\\{word}`", f"write `{plain}`", plain)
    plain = _COMMANDS.get(word, word)
    fix = f"write `{plain}`" if plain else "write `transpose(W)`"
    return _slip(match, "E130", f"the language has no `{match[0]}`", fix, plain)


def _comment(match: re.Match[str]) -> Slip:
    return _slip(match, "E130", "comments begin with `#` and end with their line", "write `# …`")


def _semicolon(match: re.Match[str]) -> Slip:
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
    if any(line.count(opening) > line.count(closing) for opening, closing in ("()", "[]")):
        return _slip(match, "E124", "what stands in brackets is separated by commas", "write `,`", ",")
    return _slip(match, "E124", "a newline ends a statement", "remove the `;`; one statement a line", "\n")


def _open_doc(match: re.Match[str]) -> Slip:
    shown = (match.start(), match.start() + 3)
    return Slip("E110", "this docstring is not closed", match.end(), shown, 'close it with `"""`')


def _doc_begun(match: re.Match[str]) -> Slip:
    quotes = match.start() + 1 + match[0].startswith('""')
    message = "a docstring begins with three quotes"
    return Slip("E110", message, match.end(), (match.start(), quotes), 'write `"""`', 6 * '"')


def _doc_ended(match: re.Match[str]) -> Slip:
    shown = (match.start() + len(match[0].rstrip('"')), match.end())
    return Slip("E110", "a docstring ends with three quotes", match.end(), shown, 'close it with `"""`', 6 * '"')


def _doc_quote(match: re.Match[str]) -> Slip:
    return _slip(match, "E110", "a docstring ends with three quotes", "remove the fourth")


def _open_string(match: re.Match[str]) -> Slip:
    return _slip(match, "E110", "this string is not closed on its line", 'close it with `"`', '""')


def _escape(match: re.Match[str]) -> Slip:
    bad = re.search(r'(?<!\\)(?:\\\\)*(\\[^"\\nt])', match[0])
    assert bad is not None, "a string whose escapes are known is a token"
    shown = (match.start() + bad.start(1), match.start() + bad.end(1))
    fix = r"the escapes are `\"`, `\\`, `\n` and `\t`; write `\\` for a backslash"
    return Slip("E111", f"`{bad[1]}` is no escape", match.end(), shown, fix, '""')


def _single_quotes(match: re.Match[str]) -> Slip:
    text = match[0][1:-1]
    return _slip(match, "E112", "strings are written in double quotes", f'write `"{text}"`', '""')


def _typographic_quotes(match: re.Match[str]) -> Slip:
    text = match[0][1:-1]
    message = f"{named(match[0][0])} is no quotation mark of the language"
    return _slip(match, "E104", message, f'write `"{text}"`', '""')


def _prime(match: re.Match[str]) -> Slip:
    member = _MEMBER.search(match.string, 0, match.start())
    fix = f"write `{member[1]}'{member[2]}`" if member is not None else None
    if match.string[match.start() - 1 : match.start()] == "'":
        return _slip(match, "E115", "a name has one prime at most", "a second state keeps what was: `old' = h`")
    return _slip(match, "E115", "a prime belongs to a name and follows it directly", fix)


def _bad_number(match: re.Match[str]) -> Slip:
    text = match[0]
    fix: str | None = None
    instead: str | None = None
    is_doubtful = False
    if suffixed := re.fullmatch(r"([0-9]+\.?|[0-9]*\.[0-9]+)([fFlLdDuU])", text):
        number = instead = "0" * text.startswith(".") + suffixed[1] + "0" * suffixed[1].endswith(".")
        is_doubtful = re.search(rf"\b{suffixed[2]}\b", match.string) is not None  # something may be called so
        fix = f"write `{number}`" + f", or `{number} * {suffixed[2]}` for a product" * is_doubtful
    elif text.startswith(".") and match.string.endswith("..", 0, match.start()):
        fix = f"a range has two dots, and its end is not among its numbers: `..{text[1:]}`"
    elif text.startswith("."):
        fix, instead = f"write `0{text}`", f"0{text}"
    elif text.endswith("."):
        fix, instead = f"write `{text}0`", f"{text}0"
    elif re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}|0[bB][01]{1,32}|0[oO][0-7]{1,11}", text):
        fix = f"numbers are decimal: write `{int(text, 0)}`"
    elif re.fullmatch(r"[0-9.]+[eE]", text):
        fix = f"digits follow the `{text[-1]}`: `{text}-3`"
    elif multiple := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z_]\w*)", text):
        fix = f"did you mean `{multiple[1]} * {multiple[2]}`?"
        if multiple[2] in _IMAGINARY:
            fix += " There are no complex numbers: the real and the imaginary part are two values"
    if instead is None or not re.fullmatch(_NUMBER, instead):
        return _slip(match, "E113", f"`{text}` is no number", fix, "0")
    return _slip(match, "E113", f"`{text}` is no number", fix, instead, not is_doubtful)


def _lookalike_word(match: re.Match[str]) -> Slip:
    word = match[0]
    raised = re.fullmatch(rf"(\w*?)([{SUPERSCRIPTS}]+)", word)
    if raised is not None:
        power = f"{raised[1]} ** {unicodedata.normalize('NFKD', raised[2])}".strip()
        sign = named(raised[2][0])
        return _slip(match, "E104", f"{sign} is no character of the language", f"write `{power}`", power)
    strange = [character for character in word if not character.isascii()]
    message = f"names have ASCII letters only; this one has {named(strange[0])}"
    plain = without_accents(word)
    if word == "σ" and match.string.startswith("(", match.end()):
        plain = "sigmoid"
    if plain is not None:
        return _slip(match, "E104", message, f"write `{plain}`", plain)
    plain = "".join(character if character.isascii() else ascii_for(character) or "_" for character in word)
    if (multiple := re.fullmatch(r"([0-9]+)([A-Za-z]\w*)", plain)) is not None:
        plain = f"{multiple[1]} * {multiple[2]}"
    elif not plain.isidentifier():
        plain = "_" + re.sub(r"\W", "_", plain)
    return _slip(match, "E104", message, f"write `{plain}`", plain)


def _accented(match: re.Match[str]) -> Slip:
    """`h̃`, where the mark is a character of its own."""
    plain = without_accents(match[0]) or match[0][0]
    return _slip(match, "E104", f"names have ASCII letters only, and no marks: `{match[0]}`", f"write `{plain}`", plain)


def _lookalike_prime(match: re.Match[str]) -> Slip:
    name, sign = match[0][:-1], match[0][-1]
    shown = (match.end() - 1, match.end())
    return Slip("E104", f"{named(sign)} is no prime", match.end(), shown, "write `'`", f"{name}'", certain=True)


def _strange(match: re.Match[str]) -> Slip:
    character = match[0][0]
    plain = ascii_for(character)
    if plain is None and not character.isprintable():
        return _slip(match, "E105", f"an invisible or control character: {named(character)}", "remove it")
    if plain is None:
        return _slip(match, "E103", f"{named(character)} has no meaning here", WORDS.get(character))
    shown = "a space" if plain == " " else f"`{plain}`"
    instead = "" if plain in "'\"" else plain
    message, is_certain = f"{named(character)} is no character of the language", instead == "-" and len(match[0]) == 1
    return _slip(match, "E104", message, f"write {shown}", instead, is_certain)


_KINDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Slip]], ...] = tuple(
    (re.compile(pattern), explain)
    for pattern, explain in (
        (_DOC_BEGUN, _doc_begun),
        (_DOC_ENDED, _doc_ended),
        (_DOC_QUOTE, _doc_quote),
        (_OPEN_DOC + r"(?:.|\n)*", _open_doc),
        (r'"(?:[^"\\\n]|\\.)*"', _escape),
        # What closes brackets at the end of the line is likely no part of the string.
        (r'"[^\n]*?(?=[)\]},\s]*(?:#[^\n]*)?(?:\n|\Z))', _open_string),
        (r"(?<=[\])'])'", _prime),
        (r"'[^'\n]*'", _single_quotes),
        (r"'", _prime),
        (_BAD_NUMBER + r"\w+(?:\.\w*)*|\.[0-9]\w*", _bad_number),
        (_INDEXED, _indexed),
        (r"\\[A-Za-z]+(?:\{\w+\})?", _command),
        (r"\.[-+*/^]", _dotted_sign),
        (_ASSIGNMENT, _assignment),
        (r"/\*(?:.|\n)*?(?:\*/|\Z)", _comment),
        ("|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True)), _sign),
        (";", _semicolon),
        (_FOREIGN, _foreign_word),
        (_LOOKALIKE_PRIME, _lookalike_prime),
        (_SUBSCRIPT, _subscript),
        (_ACCENTED, _accented),
        (_LOOKALIKE_WORD, _lookalike_word),
        (rf'[{QUOTES}][^{QUOTES}"\n]*[{QUOTES}"]', _typographic_quotes),
        (r"(?s:(.)\1*)", _strange),
    )
)
